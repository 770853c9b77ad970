package loaders

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
)

// dataEnv names a folder that holds one folder for each data set.
const dataEnv = "MDFA_DATA"

// places lists the default folders of a data set, in the order they are tried.
func places(name string) []string {
	var dirs []string
	if root := os.Getenv(dataEnv); root != "" {
		dirs = append(dirs, filepath.Join(root, name))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "mdfa", name))
	}
	return dirs
}

// notIn says, as the beginning of a sentence, that the default folders lack a data set.
func notIn(name string) string {
	dirs := places(name)
	if len(dirs) == 0 {
		return fmt.Sprintf("%s was not found (neither %s nor a home folder is set)", name, dataEnv)
	}
	for i := range dirs {
		dirs[i] = homely(dirs[i])
	}
	return fmt.Sprintf("%s is not in %s", name, strings.Join(dirs, " or "))
}

// putThere says where to put files, as the end of a sentence.
func putThere(name string) string {
	dirs := places(name)
	if len(dirs) == 0 {
		return "in a folder and name it with -data."
	}
	return fmt.Sprintf("in %s, or name their folder with -data.", homely(dirs[0]))
}

// homely writes ~ for the user's home folder.
func homely(path string) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	rest, err := filepath.Rel(home, path)
	if err != nil || !filepath.IsLocal(rest) || rest == "." {
		return path
	}
	return filepath.Join("~", rest)
}

// sourceOf returns a path as Dataset.Source has it: absolute, since it is also read in other folders.
func sourceOf(path string) string { return homely(disk.Absolute(path)) }

// candidates lists the folders in which a data set is looked for: dir if it is named, or else the default
// places. A default place without all of the files is skipped: the missing ones are fetched.
func candidates(name, dir string) []string {
	if dir != "" {
		return []string{dir}
	}
	return places(name)
}

// lookIn looks for files in one folder, each under one of the names that spellings gives for it. It returns
// the path of each file that is there ("" for others) and the names of the missing ones. An error says why it
// could not look.
func lookIn(dir string, names []string, spellings func(name string) []string) (paths, missing []string, err error) {
	paths = make([]string, len(names))
	for i, name := range names {
		for _, spelled := range spellings(name) {
			path := filepath.Join(dir, spelled)
			info, err := os.Stat(path)
			if err == nil && info.Mode().IsRegular() {
				paths[i] = path
				break
			}
			if err != nil && !absent(err) {
				return nil, nil, openFault(path, err)
			}
		}
		if paths[i] == "" {
			missing = append(missing, name)
		}
	}
	return paths, missing, nil
}

// idxSpellings lists the usual names of an idx file: Y. LeCun's (train-images-idx3-ubyte) and
// the one that some unpackers make of it (train-images.idx3-ubyte), zipped or not. Its content, not its name,
// shows whether it is zipped.
func idxSpellings(name string) []string {
	dotted := strings.Replace(name, "-idx", ".idx", 1)
	return []string{name, name + ".gz", dotted, dotted + ".gz"}
}

// findIDX looks for the files of a data set in MNIST's format. Nil paths without an error mean that no default
// place has all of them.
func findIDX(name, dir string) (paths []string, place string, err error) {
	if dir != "" {
		holds := list(gzNames(idxNames))
		info, err := statNamed(dir, holds)
		if err != nil {
			return nil, "", err
		}
		if !info.IsDir() {
			return nil, "", fault.New(ErrNotFound, nil,
				"-data %s is a file; name the folder that holds %s.", dir, holds)
		}
	}
	for _, place := range candidates(name, dir) {
		paths, missing, err := lookIn(place, idxNames, idxSpellings)
		switch {
		case err != nil:
			return nil, "", err
		case len(missing) == 0:
			return paths, sourceOf(place), nil
		case dir != "":
			return nil, "", fault.New(ErrNotFound, nil,
				"%s in %s is not complete: put %s there (gzipped or not), or name another folder with -data.",
				name, homely(dir), list(gzNames(missing)))
		}
	}
	return nil, "", nil
}

// statNamed looks at the path of -data; holds names the content that belongs there.
func statNamed(dir, holds string) (fs.FileInfo, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(ErrNotFound, err,
			"-data %s: there is no such folder; name the one that holds %s.", dir, holds)
	case err != nil:
		return nil, openFault(dir, err)
	}
	return info, nil
}

func gzNames(names []string) []string {
	zipped := make([]string, len(names))
	for i, name := range names {
		zipped[i] = name + ".gz"
	}
	return zipped
}

// list writes "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
