package runtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"mdfa/internal/disk"
)

// Programs builds mdfa into a new folder, with links of the names of commands, and returns the folder. Tests of all
// packages share one build for each choice of tags: where it is up to date, the go command does not link again.
func Programs(tags string, names ...string) (dir string, err error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	shared := filepath.Join(root, ".cache", "tests")
	if err := os.MkdirAll(shared, 0o777); err != nil {
		return "", err
	}
	built := filepath.Join(shared, strings.Trim("mdfa-"+strings.ReplaceAll(tags, ",", "-"), "-"))
	lock, err := disk.Lock(context.Background(), built+".lock", nil)
	if err != nil {
		return "", err
	}
	defer lock.Release()
	text, err := exec.Command("go", "build", "-tags", tags, "-o", built, "mdfa/cmd/mdfa").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building mdfa: %w\n%s", err, text)
	}
	if dir, err = os.MkdirTemp("", "mdfa-test-"); err != nil {
		return "", err
	}
	if err := copyProgram(built, filepath.Join(dir, "mdfa")); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	for _, name := range names {
		if err := os.Symlink("mdfa", filepath.Join(dir, name)); err != nil {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
	}
	return dir, nil
}

// moduleRoot is the nearest folder with a go.mod, upwards from the working folder.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("no go.mod above the working folder")
		}
		dir = filepath.Dir(dir)
	}
	return dir, err
}

func copyProgram(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o777)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, source)
	return errors.Join(err, file.Close())
}
