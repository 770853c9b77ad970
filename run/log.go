package run

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"mdfa/run/folder"
)

// logRun adds a row to the log of all runs, runs.csv in the folder Spec.Out: the row of
// result.csv, and who wrote it when.
func logRun(out, dir string, result *folder.Result) error {
	root, name := logPlace(out, dir)
	if root == "" {
		return nil
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	row := []folder.Cell{
		{Column: folder.KeyColumn, Value: name},
		{Column: "logged", Value: time.Now().Format(time.RFC3339)},
		{Column: "host", Value: host},
		{Column: "pid", Value: strconv.Itoa(os.Getpid())},
	}
	// The first Ctrl-C has ended the run's own context, and the row is to be written still.
	return folder.LogAt(root).Append(context.Background(), append(row, result.Cells()...))
}

// logPlace returns the results folder with the log that a run belongs to, and the run's name in
// it. A resumed run outside -out belongs to the log two folders above it, if there is one.
func logPlace(root, dir string) (log, name string) {
	if name, ok := below(root, dir); ok {
		return root, name
	}
	elsewhere := filepath.Dir(filepath.Dir(filepath.Clean(dir)))
	if _, err := os.Stat(folder.LogAt(elsewhere).Path()); err != nil {
		return "", ""
	}
	name, _ = below(elsewhere, dir)
	return elsewhere, name
}

// below returns a path relative to a folder above it, with slashes.
func below(root, path string) (name string, ok bool) {
	from, err := filepath.Abs(root)
	if err != nil {
		return "", false
	}
	to, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	name, err = filepath.Rel(from, to)
	return filepath.ToSlash(name), err == nil && filepath.IsLocal(name)
}
