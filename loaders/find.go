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
