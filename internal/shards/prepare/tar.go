package prepare

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"strings"
	"syscall"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/foreign"
	"mdfa/internal/imageprep"
	"mdfa/internal/shards"
)

const tarBlock = 512 // bytes; headers and contents begin at multiples of it

// classTars is an archive that holds one archive of photographs for each class, as
// ILSVRC2012_img_train.tar does.
type classTars struct {
	archive
	members []member
	names   []string // of the classes
}

// member is an archive within the archive.
type member struct {
	class string
	at    int64 // of its content in the outer archive
	size  int64
}

// flatTar is an archive of photographs whose classes are told elsewhere, as those of
// ILSVRC2012_img_val.tar are.
type flatTar struct {
	archive
	truth *Truth
}

// archive is what both kinds of archive have.
type archive struct {
	file, sum string
	size      int64
}

func (a *archive) kind() string        { return "tar" }
func (a *archive) path() string        { return a.file }
func (a *archive) fingerprint() string { return a.sum }
func (a *archive) amount() int64       { return a.size }
func (a *archive) ignored() []string   { return nil }

// again: an archive that is changed is another source.
func (a *archive) again(context.Context, string) bool { return false }

func (t *classTars) classOf(file string) string { return firstFolder(file) }

func (t *flatTar) classOf(file string) string {
	class, _ := t.truth.class(file)
	return class
}

// newArchive looks at a file without reading all of it. It must end like a tar archive,
// with zeros, so that one that is cut off shows before hours of work.
func newArchive(name string) (archive, *os.File, error) {
	a := archive{file: absolute(name)}
	file, info, err := disk.Open(a.file)
	switch {
	case errors.Is(err, disk.ErrNotFile), errors.Is(err, syscall.EISDIR):
		return a, nil, fault.New(shards.ErrFormat, nil, "%s is no file: name the tar archive itself.", foreign.Text(a.file))
	case err != nil:
		return a, nil, sourceFault(a.file, err)
	}
	fail := func(err error) (archive, *os.File, error) {
		file.Close()
		return a, nil, err
	}
	a.size = info.Size()
	head := make([]byte, tarBlock)
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return fail(sourceFault(a.file, err))
	}
	if what := imageprep.Sniff(head[:n]); what != imageprep.Tar && what != imageprep.Unknown {
		return fail(fault.New(shards.ErrFormat, nil, "%s is %s; a tar archive was expected.", a.file, strings.TrimPrefix(string(what), "it is ")))
	}
	if marked, err := hasEndMark(file, a.size); err != nil {
		return fail(sourceFault(a.file, err))
	} else if !marked {
		return fail(a.cutOff("there is no end mark after its last file"))
	}
	id := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d", path.Base(a.file), a.size, info.ModTime().UnixNano()))
	a.sum = hex.EncodeToString(id[:])
	return a, file, nil
}

// hasEndMark says whether an archive ends with zeros, as POSIX.1-2017 (pax, "ustar
// Interchange Format") has it. The reader of archive/tar does without them.
func hasEndMark(in io.ReaderAt, size int64) (bool, error) {
	if size < tarBlock {
		return false, nil
	}
	last := make([]byte, tarBlock)
	_, err := in.ReadAt(last, size-tarBlock)
	return bytes.Equal(last, make([]byte, tarBlock)), err
}

func (a *archive) cutOff(where string) error {
	return fault.New(shards.ErrFormat, nil, "%s is cut off (%s): copy or download it again.", a.file, where)
}

// fault says what is wrong with an archive, from an error of reading it.
func (a *archive) fault(where string, err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return a.cutOff(where)
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return fault.New(shards.ErrFormat, nil, "%s is damaged, or no tar archive (%s): copy or download it again.", a.file, where)
	}
	return sourceFault(a.file, err)
}

// OpenClassTars looks at an archive of archives, each named after its class and holding
// the class's photographs. Only the headers of the outer archive are read.
func OpenClassTars(ctx context.Context, name string) (Part, error) {
	a, file, err := newArchive(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	t := &classTars{archive: a}
	set := map[string]bool{}
	in, last := tar.NewReader(file), "at its beginning"
	for {
		header, err := in.Next()
		if err == io.EOF {
			break
		}
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return nil, t.fault(last, err)
		}
		last = "after the beginning of " + foreign.Text(header.Name)
		at, err := file.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, sourceFault(t.file, err)
		}
		// Hidden ones, such as the ._n01440764.tar of macOS, hold no photographs.
		class, isTar := strings.CutSuffix(path.Base(header.Name), ".tar")
		if header.Typeflag != tar.TypeReg || !isTar || class == "" || passedOver(class) {
			continue
		}
		if header.Size > t.size-at {
			return nil, t.cutOff(last)
		}
		t.members = append(t.members, member{class: class, at: at, size: header.Size})
		set[class] = true
	}
	if len(t.members) == 0 {
		return nil, fault.New(shards.ErrFormat, nil, "%s holds no archives such as n01440764.tar; ILSVRC2012_img_train.tar was expected, or a folder of classes.", t.file)
	}
	t.names = sorted(set)
	return t, nil
}

func (t *classTars) classes() []string { return t.names }

// before counts in bytes of the outer archive. A place's Member is where the inner
// archive begins, its Inner where the next header lies within that.
func (t *classTars) before(at shards.Position) int64 { return at.Member + at.Inner }

func (t *classTars) photos(ctx context.Context, from shards.Position) iter.Seq2[Photo, error] {
	return func(yield func(Photo, error) bool) {
		file, _, err := disk.Open(t.file)
		if err != nil {
			yield(Photo{}, sourceFault(t.file, err))
			return
		}
		defer file.Close()
		at := from
		for _, m := range t.members {
			if m.at < from.Member {
				continue
			}
			if m.at > from.Member {
				at.Inner = 0
			}
			at.Member = m.at
			in := io.NewSectionReader(file, m.at, m.size)
			for photo, err := range t.walk(ctx, in, m.class+".tar", at) {
				photo.Class, photo.Name = m.class, m.class+"/"+photo.Name
				at.Items = photo.Next.Items
				if !yield(photo, err) || err != nil {
					return
				}
			}
		}
	}
}

// OpenFlatTar looks at an archive of photographs whose classes the truth tells.
func OpenFlatTar(name string, truth *Truth) (Part, error) {
	a, file, err := newArchive(name)
	if err != nil {
		return nil, err
	}
	file.Close()
	a.sum += " " + truth.sum
	return &flatTar{archive: a, truth: truth}, nil
}

func (t *flatTar) classes() []string { return t.truth.classes() }

// before counts in bytes of the archive; a place's Inner is where the next header lies.
func (t *flatTar) before(at shards.Position) int64 { return at.Inner }

func (t *flatTar) photos(ctx context.Context, from shards.Position) iter.Seq2[Photo, error] {
	return func(yield func(Photo, error) bool) {
		file, _, err := disk.Open(t.file)
		if err != nil {
			yield(Photo{}, sourceFault(t.file, err))
			return
		}
		defer file.Close()
		for photo, err := range t.walk(ctx, io.NewSectionReader(file, 0, t.size), "", from) {
			if err == nil {
				photo.Class, err = t.truth.class(photo.Name)
			}
			if !yield(photo, err) || err != nil {
				return
			}
		}
	}
}

// walk gives the files of an archive of photographs; inner is its name when it lies
// within another.
func (a *archive) walk(ctx context.Context, section *io.SectionReader, inner string, from shards.Position) iter.Seq2[Photo, error] {
	return func(yield func(Photo, error) bool) {
		last := "at its beginning"
		fail := func(err error) {
			if inner != "" {
				last = "in " + foreign.Text(inner) + ", " + last
			}
			yield(Photo{}, a.fault(last, err))
		}
		in := &blocks{SectionReader: section}
		if _, err := in.Seek(from.Inner, io.SeekStart); err != nil {
			fail(err)
			return
		}
		next, budget := from, newBudget()
		files := tar.NewReader(in)
		var tooLong *Photo // a file that is passed over: where it ends shows when the next header is read
		for {
			in.first = -1
			header, err := files.Next()
			if tooLong != nil && in.first >= 0 {
				next.Inner = in.first
				tooLong.Next = next
				if !yield(*tooLong, nil) {
					return
				}
				tooLong = nil
			}
			if err == io.EOF {
				if marked, err := hasEndMark(in, in.Size()); err != nil || !marked {
					fail(cmp.Or(err, io.ErrUnexpectedEOF))
				}
				return
			}
			if err := cmp.Or(ctx.Err(), err); err != nil {
				fail(err)
				return
			}
			last = "at " + foreign.Text(header.Name)
			if header.Typeflag != tar.TypeReg || passedOver(path.Base(header.Name)) {
				continue
			}
			next.Items++
			photo := Photo{Name: path.Base(header.Name)}
			if header.Size > maxFile { // that of a sparse file is a mere claim
				photo.Load = budget.unfit(disk.TooLong(header.Size, maxFile))
				tooLong = &photo
				continue
			}
			if photo.Load, err = budget.read(ctx, files, header.Size); err != nil {
				fail(err)
				return
			}
			end, err := in.Seek(0, io.SeekCurrent)
			if err != nil {
				fail(err)
				return
			}
			next.Inner = (end + tarBlock - 1) / tarBlock * tarBlock
			photo.Next = next
			if !yield(photo, nil) {
				return
			}
		}
	}
}

// blocks is an archive that notes where the first block is read after first was set to -1:
// during a call of [tar.Reader.Next] it is the next header, which alone is read as a block.
type blocks struct {
	*io.SectionReader
	first int64
}

func (b *blocks) Read(data []byte) (int, error) {
	if b.first < 0 && len(data) == tarBlock {
		b.first, _ = b.Seek(0, io.SeekCurrent) // which does not fail
	}
	return b.SectionReader.Read(data)
}
