package folder

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"

	"mdfa/internal/disk"
	"mdfa/internal/foreign"
)

// maxTable bounds a CSV of a run: it is read into memory.
const maxTable = 256 << 20

// ReadTable reads a CSV of a run, each row by the names of its columns; none where there is
// no file. The error is a sentence that names the file.
func ReadTable(path string) ([]Row, error) {
	text, err := disk.ReadFile(context.Background(), path, maxTable)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read (%w): check the disk and its permissions", path, disk.Reason(err))
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]              // a power cut may leave half a row
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll() // every row has as many cells as the first
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is damaged (%w): expected a CSV as train writes it", path, err)
	case len(lines) == 0:
		return nil, fmt.Errorf("%s is empty: expected a CSV as train writes it", path)
	}
	rows := make([]Row, len(lines)-1)
	for i, line := range lines[1:] {
		rows[i] = Row{}
		for j, value := range line {
			rows[i][lines[0][j]] = foreign.Uncell(value)
		}
	}
	return rows, nil
}
