package checkpoint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"path/filepath"

	"mdfa/algo/training"
	"mdfa/internal/disk"
)

// history writes the older part of a long run's history to files of their own, so that the
// time for a save does not grow with the number of epochs. A checkpoint holds the latest 512 to
// 1023 epochs itself. The earlier ones are in epochs-512.json, epochs-1024.json, … beside it: 512
// epochs in each file, one on a line, written once.
type history struct {
	epochs int       // number of epochs in files
	sum    hash.Hash // of these files
}

// storedHistory describes these files in a checkpoint.
type storedHistory struct {
	Epochs int    `json:"epochs"`           // in all files
	Chunk  int    `json:"chunk"`            // in each file
	SHA256 string `json:"sha256,omitempty"` // of all files, in hex
}

// storedEpochs returns how many of n epochs are in files.
func storedEpochs(n int) int { return max(0, n/chunk-1) * chunk }

func historyFile(dir string, epochs int) string {
	return filepath.Join(dir, fmt.Sprintf("epochs-%d.json", epochs))
}

// maxHistory bounds a file of the history.
const maxHistory = 16 << 20

// store writes the files that are missing.
func (h *history) store(dir string, epochs []training.Epoch) (storedHistory, error) {
	want := storedEpochs(len(epochs))
	if h.sum == nil || want < h.epochs {
		h.epochs, h.sum = 0, sha256.New()
	}
	for h.epochs < want {
		var text bytes.Buffer
		for _, e := range epochs[h.epochs : h.epochs+chunk] {
			if err := json.NewEncoder(&text).Encode(epochOf(e)); err != nil {
				return storedHistory{}, err
			}
		}
		path := historyFile(dir, h.epochs+chunk)
		if old, err := disk.ReadFile(context.Background(), path, maxHistory); err != nil || !bytes.Equal(old, text.Bytes()) {
			if err := disk.WriteFile(path, text.Bytes()); err != nil {
				return storedHistory{}, err
			}
		}
		h.sum.Write(text.Bytes())
		h.epochs += chunk
	}
	if want == 0 {
		return storedHistory{}, nil
	}
	return storedHistory{want, chunk, hex.EncodeToString(h.sum.Sum(nil))}, nil
}

// readHistory puts the epochs in files of dir before the epochs of a state.
func (c *Checkpoint) readHistory(dir string) error {
	stored := c.history
	c.history = storedHistory{}
	if stored.Epochs == 0 {
		return nil
	}
	sum := sha256.New()
	var epochs []training.Epoch
	for len(epochs) < stored.Epochs {
		path := historyFile(dir, len(epochs)+stored.Chunk)
		text, err := disk.ReadFile(context.Background(), path, maxHistory)
		if err != nil {
			return damaged(c.Path, fmt.Errorf("the epochs before are missing: %s: %v", path, disk.Reason(err)))
		}
		sum.Write(text)
		before := len(epochs)
		for line := range bytes.Lines(text) {
			var e epochJSON
			if err := json.Unmarshal(line, &e); err != nil {
				return damaged(c.Path, fmt.Errorf("the epochs before are damaged: %s: %v", path, err))
			}
			epochs = append(epochs, e.epoch())
		}
		if len(epochs) != before+stored.Chunk || len(epochs) == before {
			return damaged(c.Path, fmt.Errorf("the epochs before are damaged: %s", path))
		}
	}
	if hex.EncodeToString(sum.Sum(nil)) != stored.SHA256 || len(epochs) != stored.Epochs {
		return damaged(c.Path, fmt.Errorf("the epochs before, in %s, are another run's", historyFile(dir, stored.Chunk)))
	}
	c.Progress.Epochs = append(epochs, c.Progress.Epochs...)
	return nil
}
