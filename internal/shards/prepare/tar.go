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
	"slices"
	"strings"
	"syscall"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/foreign"
	"mdfa/internal/imageprep"
	"mdfa/internal/shards"
)

const tarBlock = 512 // bytes; headers and contents start at its multiples

// member is an archive within the archive.
type member struct {
	class string
	at    int64 // of its content in the outer archive
	size  int64
}

// openArchive looks at a file without reading all of it. It must end like a tar archive,
// with zeros, so that a cut one shows before hours of work. An archive that is changed is another source, so
// no file of it can be read later than now.
func openArchive(name string) (part *Part, file *os.File, err error) {
	part = &Part{kind: "tar", path: disk.Absolute(name)}
	file, info, err := disk.Open(part.path)
	switch {
	case errors.Is(err, disk.ErrNotFile), errors.Is(err, syscall.EISDIR):
		return nil, nil, fault.New(shards.ErrFormat, nil, "%s is no file: name the tar archive itself.", foreign.Text(part.path))
	case err != nil:
		return nil, nil, sourceFault(part.path, err)
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	part.amount = info.Size()
	head := make([]byte, tarBlock)
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, nil, sourceFault(part.path, err)
	}
	if format := imageprep.Sniff(head[:n]); format != imageprep.Tar && format != imageprep.Unknown {
		return nil, nil, fault.New(shards.ErrFormat, nil, "%s is %s; a tar archive was expected.", part.path, format)
	}
	if marked, err := hasEndMark(file, part.amount); err != nil {
		return nil, nil, sourceFault(part.path, err)
	} else if !marked {
		return nil, nil, cutOff(part.path, "there is no end mark after its last file")
	}
	id := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d", path.Base(part.path), part.amount, info.ModTime().UnixNano()))
	part.fingerprint = hex.EncodeToString(id[:])
	return part, file, nil
}

// hasEndMark reports whether an archive ends with zeros, as POSIX.1-2017 (pax, "ustar
// Interchange Format") demands. archive/tar reads on without them.
func hasEndMark(in io.ReaderAt, size int64) (bool, error) {
	if size < tarBlock {
		return false, nil
	}
	last := make([]byte, tarBlock)
	_, err := in.ReadAt(last, size-tarBlock)
	return bytes.Equal(last, make([]byte, tarBlock)), err
}

func cutOff(archive, place string) error {
	return fault.New(shards.ErrFormat, nil, "%s is cut off (%s): copy or download it again.", archive, place)
}

// archiveFault explains the fault of an archive, from an error of reading it.
func archiveFault(archive, place string, err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return cutOff(archive, place)
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return fault.New(shards.ErrFormat, nil, "%s is damaged, or no tar archive (%s): copy or download it again.", archive, place)
	}
	return sourceFault(archive, err)
}

// openClassTars looks at an archive of archives, each named after its class and holding
// the class's photographs, as ILSVRC2012_img_train.tar does. Only the headers of the outer archive are read.
func openClassTars(ctx context.Context, name string) (*Part, error) {
	part, file, err := openArchive(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var members []member
	in, last := tar.NewReader(file), "at its beginning"
	for {
		header, err := in.Next()
		if err == io.EOF {
			break
		}
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return nil, archiveFault(part.path, last, err)
		}
		last = "after the beginning of " + foreign.Text(header.Name)
		at, err := file.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, sourceFault(part.path, err)
		}
		// Hidden ones, such as the ._n01440764.tar of macOS, hold no photographs.
		class, isTar := strings.CutSuffix(path.Base(header.Name), ".tar")
		if header.Typeflag != tar.TypeReg || !isTar || class == "" || passedOver(class) {
			continue
		}
		if header.Size > part.amount-at {
			return nil, cutOff(part.path, last)
		}
		members = append(members, member{class: class, at: at, size: header.Size})
		part.classes = append(part.classes, class)
	}
	if len(members) == 0 {
		return nil, fault.New(shards.ErrFormat, nil, "%s holds no archives such as n01440764.tar; ILSVRC2012_img_train.tar was expected, or a folder of classes.", part.path)
	}
	slices.Sort(part.classes)
	part.classes = slices.Compact(part.classes)
	part.classOf = firstFolder
	// Work counts in bytes of the outer archive. A place's Member is the beginning of the inner archive, its
	// Inner the next header within that.
	part.before = func(at shards.Position) int64 { return at.Member + at.Inner }
	part.photos = func(ctx context.Context, from shards.Position) iter.Seq2[Photo, error] {
		return part.opened(func(file *os.File, yield func(Photo, error) bool) {
			at := from
			for _, m := range members {
				if m.at < from.Member {
					continue
				}
				if m.at > from.Member {
					at.Inner = 0
				}
				at.Member = m.at
				for photo, err := range walk(ctx, part.path, io.NewSectionReader(file, m.at, m.size), m.class+".tar", at) {
					photo.Class, photo.Name = m.class, m.class+"/"+photo.Name
					at.Items = photo.Next.Items
					if !yield(photo, err) || err != nil {
						return
					}
				}
			}
		})
	}
	return part, nil
}

// openFlatTar looks at an archive of photographs without classes, such as ILSVRC2012_img_val.tar. The truth
// has the classes.
func openFlatTar(name string, truth *Truth) (*Part, error) {
	part, file, err := openArchive(name)
	if err != nil {
		return nil, err
	}
	file.Close()
	part.fingerprint += " " + truth.sum
	part.classes, part.classOf = truth.classes(), truth.classOf
	// Work counts in bytes; a place's Inner is the next header.
	part.before = func(at shards.Position) int64 { return at.Inner }
	part.photos = func(ctx context.Context, from shards.Position) iter.Seq2[Photo, error] {
		return part.opened(func(file *os.File, yield func(Photo, error) bool) {
			for photo, err := range walk(ctx, part.path, io.NewSectionReader(file, 0, part.amount), "", from) {
				if err == nil {
					photo.Class, err = truth.class(photo.Name)
				}
				if !yield(photo, err) || err != nil {
					return
				}
			}
		})
	}
	return part, nil
}

// opened opens the archive and yields the photos that list finds in it.
func (p *Part) opened(list func(file *os.File, yield func(Photo, error) bool)) iter.Seq2[Photo, error] {
	return func(yield func(Photo, error) bool) {
		file, _, err := disk.Open(p.path)
		if err != nil {
			yield(Photo{}, sourceFault(p.path, err))
			return
		}
		defer file.Close()
		list(file, yield)
	}
}

// walk yields the files of an archive of photographs; inner is its name if it lies
// within another.
func walk(ctx context.Context, archive string, section *io.SectionReader, inner string, from shards.Position) iter.Seq2[Photo, error] {
	return func(yield func(Photo, error) bool) {
		last := "at its beginning"
		fail := func(err error) {
			if inner != "" {
				last = "in " + foreign.Text(inner) + ", " + last
			}
			yield(Photo{}, archiveFault(archive, last, err))
		}
		in := &blocks{SectionReader: section}
		if _, err := in.Seek(from.Inner, io.SeekStart); err != nil {
			fail(err)
			return
		}
		next, budget := from, newBudget()
		files := tar.NewReader(in)
		var tooLong *Photo // a skipped file: the next header shows its end
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
			if header.Size > maxFile { // a sparse file may claim any size
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

// blocks is an archive that records the place of the first block that is read after first was set to -1.
// During a call of [tar.Reader.Next] this is the next header: only headers are read block by block.
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
