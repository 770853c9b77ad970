package loaders

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/dustin/go-humanize"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/fetch"
	"mdfa/internal/foreign"
)

func (set cifarSet) definition() definition {
	def := definition{
		name: set.name, height: cifarSide, width: cifarSide, channels: cifarChannels,
		classes: set.labels[len(set.labels)-1].classes, namesInFiles: true, read: set.read,
	}
	if len(set.labels) > 1 {
		def.coarse = set.labels[0].classes
	}
	return def
}

// read finds, or fetches, and reads the set.
func (set cifarSet) read(ctx context.Context, opt Options) (contents, error) {
	set, at, err := set.find(opt.Dir)
	if err == nil && at == (cifarPlace{}) {
		var paths []string
		paths, _, err = fetchSet(ctx, set.name, set.address, []fetch.File{set.archive}, opt)
		if err == nil {
			at.archive = paths[0]
		}
	}
	if err != nil {
		return contents{}, err
	}
	use := set.label(opt.Coarse)
	if at.archive == "" {
		return set.readFolder(ctx, at.folder, use)
	}
	published := set.archive
	if info, err := os.Stat(at.archive); err == nil && set.python != nil && info.Size() == set.python.archive.Size {
		published = set.python.archive // under any name
	}
	same := compareLater(ctx, []string{at.archive}, []fetch.File{published})
	held, err := set.readArchive(ctx, at.archive, use)
	held.official = same()
	return held, err
}

// readFolder reads the unpacked files; use is the index of the label that counts in a record.
func (set cifarSet) readFolder(ctx context.Context, dir string, use int) (contents, error) {
	names := set.files()
	parts, err := sideBySide(len(names), func(i int) (rawSplit, error) {
		return set.readFile(ctx, filepath.Join(dir, names[i]), use)
	})
	if err != nil {
		return contents{}, err
	}
	held := set.join(parts)
	held.source = sourceOf(dir)

	path := filepath.Join(dir, set.labels[use].names)
	text, err := disk.ReadFile(ctx, path, maxNames)
	switch {
	case absent(err):
		return held, nil
	case err != nil:
		return contents{}, openFault(path, err)
	}
	held.classNames, err = set.readNames(text, path, use)
	return held, err
}

func (set cifarSet) readFile(ctx context.Context, path string, use int) (rawSplit, error) {
	file, info, err := disk.Open(path)
	if err != nil {
		return rawSplit{}, openFault(path, err)
	}
	defer file.Close()
	return set.readPart(ctx, disk.Reader(ctx, file), path, info.Size(), use)
}

// readPart reads one file of the set, to the end of the stream.
func (set cifarSet) readPart(ctx context.Context, r io.Reader, path string, size int64, use int) (rawSplit, error) {
	if set.pickled {
		return set.readBatch(ctx, r, path, use)
	}
	return set.readRecords(ctx, r, path, size, use)
}

// readNames reads the names of the labels.
func (set cifarSet) readNames(text []byte, path string, use int) ([]string, error) {
	if set.pickled {
		return set.readMeta(text, path, use)
	}
	return readClassNames(text, path, set.labels[use].classes)
}

// maxInflation bounds the bytes that deflate can make of one (RFC 1951: at best 258 bytes
// of two bits).
const maxInflation = 1032

// readArchive reads the set from its archive, gzipped or not, without unpacking
// it on disk; use is the index of the label that counts in a record.
func (set cifarSet) readArchive(ctx context.Context, path string, use int) (contents, error) {
	file, info, err := disk.Open(path)
	if err != nil {
		return contents{}, openFault(path, err)
	}
	defer file.Close()
	if info.Size() > maxArchive {
		return contents{}, readFault(errLong, path, "")
	}
	held, err := set.readTar(ctx, disk.Reader(ctx, file), path, info.Size(), use)
	held.source = sourceOf(path)
	return held, err
}

// readTar reads the set from an archive of size bytes; archive only serves the
// messages. The name alone identifies a member, in any folder.
func (set cifarSet) readTar(ctx context.Context, r io.Reader, archive string, size int64, use int) (contents, error) {
	unzipped, _, err := unzip(r, archive)
	if err != nil {
		return contents{}, err
	}
	in := &bounded{in: unzipped, left: maxArchive}
	var (
		wanted     = set.files()
		parts      = make([]rawSplit, len(wanted))
		classNames []string
		seen       = map[string]bool{}
		members    = tar.NewReader(in)
		place      = "at its beginning"
	)
	for {
		header, err := members.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return contents{}, set.tarFault(err, archive, place, len(seen) > 0)
		}
		name := path.Base(header.Name)
		place = "after " + foreign.Text(name)
		i := slices.Index(wanted, name)
		isNames := name == set.labels[use].names
		if header.Typeflag == tar.TypeReg && i < 0 && !isNames && set.python != nil && len(seen) == 0 {
			if i = slices.Index(set.python.files(), name); i >= 0 || name == set.python.labels[use].names {
				set = *set.python
				wanted, isNames = set.files(), i < 0
			}
		}
		if header.Typeflag != tar.TypeReg || i < 0 && !isNames {
			continue
		}
		if seen[name] {
			return contents{}, fault.New(ErrFormat, nil,
				"%s holds %s twice: copy or download the file again.", archive, name)
		}
		if header.Size > size*maxInflation { // by its header, or by the holes of a sparse file
			return contents{}, fault.New(ErrCorrupt, nil,
				"%s is damaged: it announces %s bytes for %s; copy or download the file again.", archive, humanize.Comma(header.Size), name)
		}
		seen[name] = true
		inside := name + " in " + archive
		if isNames {
			text, err := io.ReadAll(io.LimitReader(members, maxNames))
			if err == nil {
				classNames, err = set.readNames(text, inside, use)
			} else {
				err = readFault(err, archive, "within "+name)
			}
			if err != nil {
				return contents{}, err
			}
			continue
		}
		if parts[i], err = set.readPart(ctx, members, inside, header.Size, use); err != nil {
			return contents{}, err
		}
	}
	// Only padding follows the last member, but reading it lets gzip
	// compare its checksum.
	if _, err := io.Copy(io.Discard, in); err != nil {
		return contents{}, readFault(err, archive, "at its end")
	}
	for _, name := range wanted {
		if !seen[name] {
			return contents{}, fault.New(ErrFormat, nil,
				"%s does not hold %s: get %s from %s.", archive, name, set.archive.Name, set.address)
		}
	}
	held := set.join(parts)
	held.classNames = classNames
	return held, nil
}

// tarFault turns an error between two members into a sentence.
func (set cifarSet) tarFault(err error, archive, place string, begun bool) error {
	switch {
	case errors.Is(err, tar.ErrHeader) && !begun:
		return fault.New(ErrFormat, err,
			"%s is not a tar archive: put %s from %s there, or name its folder with -data.", archive, set.archive.Name, set.address)
	case errors.Is(err, tar.ErrHeader):
		return fault.New(ErrCorrupt, err,
			"%s is damaged: its tar stream is wrong %s; copy or download the file again.", archive, place)
	}
	return readFault(err, archive, place)
}
