package prepare

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/foreign"
	"mdfa/internal/imageprep"
	"mdfa/internal/shards"
)

// classFile is a photograph in a folder.
type classFile struct {
	class string
	below string // path below root
}

// openFolder lists the photographs of a folder that has a folder for each class. Classes
// and files are taken in alphabetical order, including files in folders below a class and
// behind links. Hidden files (.DS_Store) and those of systems and archivers (__MACOSX, @eaDir) do not
// count. A folder without photographs is no class.
func openFolder(ctx context.Context, path string, exact bool) (*Part, error) {
	root := disk.Absolute(path)
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, sourceFault(root, err)
	}
	var classes, others []string
	var files []classFile
	hash, loose := sha256.New(), 0
	for _, entry := range entries {
		name := entry.Name()
		top := filepath.Join(root, name)
		info, err := os.Stat(top)
		switch {
		case err != nil && unreadable(err): // a broken link
			continue
		case err != nil:
			return nil, sourceFault(top, err)
		case !info.IsDir():
			if hasPhotographName(name) && !passedOver(name) {
				loose++
			}
			continue
		}
		class := classLister{top: top, exact: exact, listed: map[string]bool{}}
		if !passedOver(name) {
			if err := class.begin(ctx); err != nil {
				return nil, err
			}
		}
		if !class.hasPhotographs() {
			others = append(others, name)
			continue
		}
		classes = append(classes, name)
		fmt.Fprintf(hash, "%s\x00", name)
		_, _ = class.fingerprint.WriteTo(hash)
		for _, below := range class.files {
			files = append(files, classFile{class: name, below: filepath.Join(name, below)})
		}
	}
	if loose > 0 {
		others = append(others, fmt.Sprintf("%d photographs beside the folders", loose))
	}
	switch {
	case len(classes) == 0 && len(others) == 0:
		return nil, fault.New(shards.ErrAbsent, nil, "%s holds no folders: name the one that has a folder for each class (such as n01440764) with images in it.", root)
	case len(classes) == 0:
		return nil, fault.New(shards.ErrAbsent, nil, "%s holds no folder with photographs (there is %s): name the one that has a folder for each class (such as n01440764) with images in it.", root, foreign.List(others))
	}
	part := filesOf(root, files, hash)
	part.classes, part.ignored = classes, others
	part.classOf = firstFolder
	if exact { // the fingerprint shows such a change
		part.again = nil
	}
	return part, nil
}

// openFlatFolder lists the photographs of one folder, with their classes from the truth.
func openFlatFolder(path string, truth *Truth) (*Part, error) {
	root := disk.Absolute(path)
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, sourceFault(root, err)
	}
	info, err := os.Stat(root)
	if err != nil {
		return nil, sourceFault(root, err)
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%s %d\x00", truth.sum, info.ModTime().UnixNano())
	var files []classFile
	for _, entry := range entries {
		if entry.IsDir() || passedOver(entry.Name()) {
			continue
		}
		class, err := truth.class(entry.Name())
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(hash, "%s\x00", entry.Name())
		files = append(files, classFile{class: class, below: entry.Name()})
	}
	part := filesOf(root, files, hash)
	part.classes, part.classOf = truth.classes(), truth.classOf
	return part, nil
}

// filesOf returns the photographs of a folder. Of a place only Items counts, the number of the next file.
func filesOf(root string, files []classFile, fingerprint hash.Hash) *Part {
	return &Part{
		kind: "folder", path: root, fingerprint: hex.EncodeToString(fingerprint.Sum(nil)), amount: int64(len(files)),
		before: func(at shards.Position) int64 { return at.Items },
		again: func(ctx context.Context, file string) bool {
			data, free, err := newBudget().load(filepath.Join(root, filepath.FromSlash(file)))(ctx)
			if err != nil {
				return false
			}
			defer free()
			return imageprep.Prepare(ctx, data, 1, make([]byte, imageprep.Bytes(1))) == nil
		},
		photos: func(_ context.Context, from shards.Position) iter.Seq2[Photo, error] {
			return func(yield func(Photo, error) bool) {
				budget := newBudget()
				for i := int(min(from.Items, int64(len(files)))); i < len(files); i++ {
					file := files[i]
					if !yield(Photo{
						Name: filepath.ToSlash(file.below), Class: file.class, Next: shards.Position{Items: int64(i + 1)},
						Load: budget.load(filepath.Join(root, file.below)),
					}, nil) {
						return
					}
				}
			}
		},
	}
}

// IsFlat reports whether a folder holds photographs and no folders.
func IsFlat(path string) bool {
	entries, err := os.ReadDir(path)
	flat := false
	for _, entry := range entries {
		if passedOver(entry.Name()) {
			continue
		}
		at := filepath.Join(path, entry.Name())
		if info, err := os.Stat(at); err == nil && info.IsDir() {
			return false
		}
		flat = flat || looksLikePhotograph(at)
	}
	return err == nil && flat
}

// passedOver reports whether a name is that of a hidden file or folder, or of one that systems and archivers
// leave behind.
func passedOver(name string) bool {
	switch name {
	case "__MACOSX", "@eaDir", "#recycle", "lost+found", "$RECYCLE.BIN", "System Volume Information", "Thumbs.db", "desktop.ini":
		return true
	}
	return strings.HasPrefix(name, ".")
}

// photographExtensions are the extensions of photographs, of formats that can be read or not.
var photographExtensions = []string{
	".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".heic", ".heif", ".avif", ".jxl", ".jp2", ".gif", ".bmp", ".tif", ".tiff",
}

func hasPhotographName(path string) bool {
	return slices.Contains(photographExtensions, strings.ToLower(filepath.Ext(path)))
}

// looksLikePhotograph goes by the name of a file, or else by its first bytes.
func looksLikePhotograph(path string) bool {
	if hasPhotographName(path) {
		return true
	}
	file, _, err := disk.Open(path)
	if err != nil {
		return errors.Is(err, fs.ErrPermission) // it may be one
	}
	defer file.Close()
	begin := make([]byte, tarBlock)
	n, _ := file.Read(begin)
	return imageprep.IsImage(begin[:n])
}

// classLister lists the files of a class.
type classLister struct {
	top         string
	exact       bool
	files       []string        // paths below top
	fingerprint bytes.Buffer    // changes when the files do
	listed      map[string]bool // folders, by their paths without links
}

func (l *classLister) begin(ctx context.Context) error {
	real, err := filepath.EvalSymlinks(l.top)
	if err != nil {
		return sourceFault(l.top, err)
	}
	return l.folder(ctx, ".", real)
}

// hasPhotographs reports whether any of the files looks like a photograph.
func (l *classLister) hasPhotographs() bool {
	return slices.ContainsFunc(l.files, func(below string) bool { return looksLikePhotograph(filepath.Join(l.top, below)) })
}

// folder lists a folder; real is its path without links. A folder that was listed before, which a
// loop of links leads to again, is skipped.
func (l *classLister) folder(ctx context.Context, below, real string) error {
	fmt.Fprintf(&l.fingerprint, "%s\x00", below)
	if l.listed[real] {
		return nil
	}
	l.listed[real] = true
	at := filepath.Join(l.top, below)
	if !l.exact { // the times of folders count, or those of files
		info, err := os.Stat(at)
		if err != nil {
			return sourceFault(at, err)
		}
		fmt.Fprintf(&l.fingerprint, "%d\x00", info.ModTime().UnixNano())
	}
	entries, err := os.ReadDir(at)
	if err != nil {
		return sourceFault(at, err)
	}
	for _, entry := range entries {
		if passedOver(entry.Name()) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.entry(ctx, filepath.Join(below, entry.Name()), real, entry); err != nil {
			return err
		}
	}
	return nil
}

// entry lists one entry of a folder. real is the folder's path without links.
func (l *classLister) entry(ctx context.Context, below, real string, entry fs.DirEntry) error {
	if entry.IsDir() {
		return l.folder(ctx, below, filepath.Join(real, entry.Name()))
	}
	at := filepath.Join(l.top, below)
	isLink := entry.Type()&fs.ModeSymlink != 0
	if !isLink && !l.exact {
		fmt.Fprintf(&l.fingerprint, "%s\x00", below)
		l.files = append(l.files, below)
		return nil
	}
	info, err := os.Stat(at)
	if err == nil && info.IsDir() {
		return l.link(ctx, below, real)
	}
	l.files = append(l.files, below)
	fmt.Fprintf(&l.fingerprint, "%s\x00", below)
	switch {
	case err != nil && unreadable(err): // a broken link: left out when its turn comes
		if l.exact {
			fmt.Fprint(&l.fingerprint, "absent\x00")
		}
	case err != nil:
		return sourceFault(at, err)
	case l.exact:
		fmt.Fprintf(&l.fingerprint, "%d %d\x00", info.Size(), info.ModTime().UnixNano())
		if mode := info.Mode().Perm(); mode&0o444 != 0o444 { // the permissions count as well
			fmt.Fprintf(&l.fingerprint, "%o\x00", mode)
		}
	}
	return nil
}

// link follows a link to a folder, unless the link lies in that folder.
func (l *classLister) link(ctx context.Context, below, real string) error {
	at := filepath.Join(l.top, below)
	target, err := filepath.EvalSymlinks(at)
	if err != nil {
		return sourceFault(at, err)
	}
	if back, err := filepath.Rel(target, real); err == nil && filepath.IsLocal(back) {
		return nil
	}
	return l.folder(ctx, below, target)
}
