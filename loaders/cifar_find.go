package loaders

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize/english"

	"mdfa/internal/fault"
	"mdfa/internal/fetch"
)

// cifarPlace is the place of a set: a folder of unpacked files or the archive.
type cifarPlace struct{ folder, archive string }

// lookIn looks in one folder for the unpacked files, in the archive's own folder or loose, and for the
// archive, in this order. missing are the unpacked files that are absent if neither is complete.
func (set cifarSet) lookIn(dir string) (at cifarPlace, missing []string, err error) {
	names := set.files()
	missing = names
	for _, folder := range []string{filepath.Join(dir, set.folder), dir} {
		_, absent, err := lookIn(folder, names, func(name string) []string { return []string{name} })
		if err != nil {
			return cifarPlace{}, nil, err
		}
		if len(absent) == 0 {
			return cifarPlace{folder: folder}, nil, nil
		}
		if len(absent) < len(missing) {
			missing = absent
		}
	}
	archives, _, err := lookIn(dir, []string{set.archive.Name}, func(name string) []string {
		return []string{name, strings.TrimSuffix(name, ".gz")}
	})
	if err != nil || archives[0] == "" {
		return cifarPlace{}, missing, err
	}
	return cifarPlace{archive: archives[0]}, nil, nil
}

// find looks for the set: in dir alone if it is named, which may be the archive itself, and in the default
// places otherwise. It prefers the binary version to the Python version and returns the one that it found. An
// empty place without an error means that no default place has the set.
func (set cifarSet) find(dir string) (cifarSet, cifarPlace, error) {
	if dir != "" {
		info, err := statNamed(dir, set.archive.Name+" or what is in it")
		if err != nil {
			return set, cifarPlace{}, err
		}
		if !info.IsDir() {
			return set, cifarPlace{archive: dir}, nil
		}
	}
	for _, place := range candidates(set.name, dir) {
		of, at, missing, err := set.findIn(place)
		if err != nil || at != (cifarPlace{}) {
			return of, at, err
		}
		if dir != "" {
			return set, at, set.notHere(dir, missing)
		}
	}
	return set, cifarPlace{}, nil
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

// notHere lists the files that a named folder lacks.
func (set cifarSet) notHere(dir string, missing []string) error {
	text := fmt.Sprintf("%s in %s is not complete: put %s there, or name another folder with -data.", set.name, homely(dir), english.WordSeries(missing, "and"))
	if len(missing) == len(set.files()) {
		text = fmt.Sprintf("%s is not in %s. %s", set.name, homely(dir),
			byHand(set.name, set.address, []fetch.File{set.archive}))
	}
	return fault.New(ErrNotFound, nil, "%s", text)
}
