package loaders

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"mdfa/internal/fault"
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
// itself, and in the default places otherwise. It is found in the binary version or else in
// the Python version, which is returned. No place without an error means that no default
// place has it.
func (set cifarSet) find(dir string) (cifarSet, cifarPlace, error) {
	if dir == "" {
		for _, place := range places(set.name) {
			if of, at, _, err := set.findIn(place); err != nil || at != (cifarPlace{}) {
				return of, at, err
			}
		}
		return set, cifarPlace{}, nil
	}
	info, err := statNamed(dir, set.archive.Name+" or what is in it")
	if err != nil {
		return set, cifarPlace{}, err
	}
	if !info.IsDir() {
		return set, cifarPlace{archive: dir}, nil
	}
	of, at, missing, err := set.findIn(dir)
	if err == nil && at == (cifarPlace{}) {
		err = set.notHere(dir, missing)
	}
	return of, at, err
}

// findIn looks for both versions in one folder.
func (set cifarSet) findIn(dir string) (of cifarSet, at cifarPlace, missing []string, err error) {
	at, missing, err = set.lookIn(dir)
	if err != nil || at != (cifarPlace{}) {
		return set, at, nil, err
	}
	at, lacks, err := set.python.lookIn(dir)
	if err != nil || at != (cifarPlace{}) {
		return *set.python, at, nil, err
	}
	if len(missing) == len(set.files()) && len(lacks) < len(set.python.files()) {
		missing = lacks // a part of that version is there
	}
	return set, cifarPlace{}, missing, nil
}

// notHere says what a named folder lacks.
func (set cifarSet) notHere(dir string, missing []string) error {
	text := fmt.Sprintf("%s in %s is not complete: put %s there, or name another folder with -data.", set.name, homely(dir), list(missing))
	if len(missing) == len(set.files()) {
		text = fmt.Sprintf("%s is not in %s. %s", set.name, homely(dir),
			byHand(set.name, cifarAddress, []fetch.File{set.archive}))
	}
	return fault.New(ErrNotFound, nil, "%s", text)
}
