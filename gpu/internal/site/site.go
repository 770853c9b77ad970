// Package site finds the folders in which Python environments keep packages, for libraries that come as wheels.
package site

import (
	"io/fs"
	"os"
	"path/filepath"
)

// patterns are the folders of packages below an environment; Debian's own Python has dist-packages.
var patterns = []string{"lib/python3*/site-packages", "lib/python3*/dist-packages"}

// Packages lists the folders of packages of the environment that the program was installed into, and of the active
// ones, each once.
func Packages() (folders []string) {
	var environments []string
	if program, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(program); err == nil {
			program = resolved
		}
		environments = append(environments, filepath.Dir(filepath.Dir(program)))
	}
	return below(append(environments, os.Getenv("VIRTUAL_ENV"), os.Getenv("CONDA_PREFIX"))...)
}

// below lists the folders of packages of environments.
func below(environments ...string) (folders []string) {
	seen := map[string]bool{"": true}
	for _, environment := range environments {
		if seen[environment] {
			continue
		}
		seen[environment] = true
		for _, pattern := range patterns {
			// DirFS, since the folder's own name may hold the characters of a pattern.
			found, _ := fs.Glob(os.DirFS(environment), pattern) // it fails for a bad pattern only
			for _, packages := range found {
				folders = append(folders, filepath.Join(environment, packages))
			}
		}
	}
	return folders
}
