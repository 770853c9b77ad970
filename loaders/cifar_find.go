package loaders

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"mdfa/internal/fetch"
)

// cifarPlace is where a set was found: a folder of unpacked files or the archive.
type cifarPlace struct{ folder, archive string }

// absent says whether an error only means that there is no such file.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// isFile says whether there is a regular file, as against none.
func isFile(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case absent(err):
		return false, nil
	case err != nil:
		return false, openFault(path, err)
	}
	return info.Mode().IsRegular(), nil
}

// lookIn looks in one folder for the unpacked files, in the archive's own folder
// or loose, and for the archive, in this order. missing are the unpacked files
// that are not there when neither is complete.
func (set cifarSet) lookIn(dir string) (at cifarPlace, missing []string, err error) {
	names := set.files()
	missing = names
	for _, folder := range []string{filepath.Join(dir, set.folder), dir} {
		var without []string
		for _, name := range names {
			there, err := isFile(filepath.Join(folder, name))
			if err != nil {
				return cifarPlace{}, nil, err
			}
			if !there {
				without = append(without, name)
			}
		}
		if len(without) == 0 {
			return cifarPlace{folder: folder}, nil, nil
		}
		if len(without) < len(missing) {
			missing = without
		}
	}
	for _, name := range []string{set.archive.Name, strings.TrimSuffix(set.archive.Name, ".gz")} {
		path := filepath.Join(dir, name)
		if there, err := isFile(path); err != nil || there {
			return cifarPlace{archive: path}, nil, err
		}
	}
	return cifarPlace{}, missing, nil
}

// find looks for the set: in dir alone when it is named, which may be the archive
// itself, and in the default places otherwise. No place without an error means
// that no default place has it.
func (set cifarSet) find(dir string) (cifarPlace, error) {
	if dir == "" {
		for _, place := range places(set.name) {
			if at, _, err := set.lookIn(place); err != nil || at != (cifarPlace{}) {
				return at, err
			}
		}
		return cifarPlace{}, nil
	}
	info, err := statNamed(dir, set.archive.Name+" or what is in it")
	if err != nil {
		return cifarPlace{}, err
	}
	if !info.IsDir() {
		return cifarPlace{archive: dir}, nil
	}
	at, missing, err := set.lookIn(dir)
	if err == nil && at == (cifarPlace{}) {
		err = set.notHere(dir, missing)
	}
	return at, err
}

// notHere says what a named folder lacks.
func (set cifarSet) notHere(dir string, missing []string) error {
	text := fmt.Sprintf("%s in %s is not complete: put %s there, or name another folder with -data.", set.name, homely(dir), list(missing))
	if len(missing) == len(set.files()) {
		text = fmt.Sprintf("%s is not in %s. %s", set.name, homely(dir),
			byHand(set.name, cifarAddress, []fetch.File{set.archive}))
		isThere := func(name string) bool {
			_, err := os.Stat(filepath.Join(dir, name))
			return err == nil
		}
		if i := slices.IndexFunc(set.python, isThere); i >= 0 {
			text = fmt.Sprintf("%s in %s is the Python version (%s), which only Python can read: the binary version is needed. %s",
				set.name, homely(dir), set.python[i], byHand(set.name, cifarAddress, []fetch.File{set.archive}))
		}
	}
	return &fault{kind: ErrNotFound, text: text}
}
