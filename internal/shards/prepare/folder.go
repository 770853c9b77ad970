package prepare

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"mdfa/internal/shards"
)

// folder is photographs in folders, one for each class and named after it.
type folder struct {
	root, sum string
	names     []string // of the classes
	files     []classFile
}

type classFile struct {
	class int    // in names
	below string // path below the class's folder
}

// OpenFolder lists the photographs of a folder that has a folder for each class. Classes
// and files are taken in alphabetical order, files in folders below a class as well;
// hidden ones (.DS_Store) do not count.
//
// With exact, the sizes and times of the files count for the fingerprint, so that a file
// that was changed in place shows. Without, a change shows when names or the times of
// the folders differ, which is faster to see for a million files.
func OpenFolder(ctx context.Context, path string, exact bool) (Part, error) {
	f := &folder{root: absolute(path)}
	var err error
	if f.names, err = classFolders(f.root); err != nil {
		return nil, err
	}
	hash := sha256.New()
	for class := range f.names {
		fmt.Fprintf(hash, "%s\x00", f.names[class])
		if err := f.list(ctx, class, exact, hash); err != nil {
			return nil, err
		}
	}
	f.sum = hex.EncodeToString(hash.Sum(nil))
	return f, nil
}

// classFolders lists the folders in root, links to folders included.
func classFolders(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, sourceFault(root, err)
	}
	var classes []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		info, err := os.Stat(filepath.Join(root, entry.Name()))
		if err != nil {
			return nil, sourceFault(filepath.Join(root, entry.Name()), err)
		}
		if info.IsDir() {
			classes = append(classes, entry.Name())
		}
	}
	if len(classes) == 0 {
		return nil, faultf(shards.ErrAbsent, "%s holds no folders: name the one that has a folder for each class (such as n01440764) with images in it.", root)
	}
	return classes, nil
}

// list adds the files of a class, and what tells changes apart to the fingerprint.
func (f *folder) list(ctx context.Context, class int, exact bool, fingerprint io.Writer) error {
	// The slash at its end lets a class be a link to a folder.
	top := filepath.Join(f.root, f.names[class]) + string(filepath.Separator)
	return filepath.WalkDir(top, func(at string, entry fs.DirEntry, err error) error {
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return sourceFault(at, err)
		}
		if at != top && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		below, err := filepath.Rel(top, at)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		fmt.Fprintf(fingerprint, "%s\x00", below)
		if !entry.IsDir() {
			f.files = append(f.files, classFile{class: class, below: below})
		}
		if exact == entry.IsDir() {
			return nil // the times of files count, or those of folders
		}
		info, err := os.Stat(at)
		switch {
		case err != nil && unreadable(err): // a link to nothing: left out when its turn comes
			fmt.Fprint(fingerprint, "absent\x00")
		case err != nil:
			return sourceFault(at, err)
		case exact:
			fmt.Fprintf(fingerprint, "%d %d\x00", info.Size(), info.ModTime().UnixNano())
		default:
			fmt.Fprintf(fingerprint, "%d\x00", info.ModTime().UnixNano())
		}
		return nil
	})
}

func (f *folder) kind() string                    { return "folder" }
func (f *folder) path() string                    { return f.root }
func (f *folder) fingerprint() string             { return f.sum }
func (f *folder) classes() []string               { return f.names }
func (f *folder) amount() int64                   { return int64(len(f.files)) }
func (f *folder) before(at shards.Position) int64 { return at.Items }

// photos gives the files; a place is told by its Items, the number of the next file.
func (f *folder) photos(_ context.Context, from shards.Position) iter.Seq2[Photo, error] {
	return func(yield func(Photo, error) bool) {
		budget := newBudget()
		for i := int(min(from.Items, f.amount())); i < len(f.files); i++ {
			class := f.names[f.files[i].class]
			name := filepath.Join(class, f.files[i].below)
			if !yield(Photo{
				Name: filepath.ToSlash(name), Class: class, Next: shards.Position{Items: int64(i + 1)},
				Load: budget.load(filepath.Join(f.root, name)),
			}, nil) {
				return
			}
		}
	}
}
