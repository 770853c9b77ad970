package shards

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
)

// ManifestFile is the name of the manifest in its folder.
const ManifestFile = "manifest.json"

const (
	formatVersion = 1
	// maxManifest bounds a manifest; that of all of ImageNet has 0.5 MB.
	maxManifest = 128 << 20
	// Bounds that a damaged manifest must not pass.
	maxImageSide = 4096
	maxClasses   = 1 << 20
	maxImages    = 1 << 40
)

// Manifest describes the content of a prepared folder.
type Manifest struct {
	Format      int     `json:"format"`       // version of the folder's format, 1
	Size        int     `json:"size"`         // height and width of an image in pixels
	Channels    int     `json:"channels"`     // 3: red, green, blue
	ShardImages int     `json:"shard_images"` // records in every shard of a split but its last
	Plan        string  `json:"plan"`         // SHA-256 of everything that the images depend on, hex
	Source      Source  `json:"source"`
	Classes     []Class `json:"classes"` // in the order of the labels
	Train       Split   `json:"train"`
	Test        Split   `json:"test"`
	Valid       Split   `json:"valid,omitzero"` // for a source with validation images
}

// Source is the origin of the images.
type Source struct {
	Kind        string   `json:"kind"`        // "tar" or "folder"
	Paths       []string `json:"paths"`       // absolute
	Fingerprint string   `json:"fingerprint"` // differs when the source does
}

// Class is the meaning of a label.
type Class struct {
	ID   string `json:"id"`             // the synset, e.g. "n01440764", or the folder's name
	Name string `json:"name,omitempty"` // in words, if given
}

// Split describes the images for training, for the test or for validation.
type Split struct {
	Images   int       `json:"images"`
	PerClass []int     `json:"per_class"` // images of each class
	Shards   []Shard   `json:"shards"`
	Skipped  []Skipped `json:"skipped"` // images that could not be read
}

// Shard is one file of records and its index.
type Shard struct {
	File        string `json:"file"`
	Images      int    `json:"images"`
	SHA256      string `json:"sha256"` // of the file, hex
	IndexSHA256 string `json:"index_sha256"`
}

// RecordBytes returns the length of one image.
func (m *Manifest) RecordBytes() int { return m.Size * m.Size * m.Channels }

// Split returns the split of that name.
func (m *Manifest) Split(name string) *Split {
	switch name {
	case Test:
		return &m.Test
	case Valid:
		return &m.Valid
	}
	return &m.Train
}

// LeftOut returns the number of files that could not be read, and of all files.
func (m *Manifest) LeftOut() (files, of int) {
	for _, name := range Splits {
		s := m.Split(name)
		files += len(s.Skipped)
		of += len(s.Skipped) + s.Images
	}
	return files, of
}

// ReadManifest reads and checks the manifest of a prepared folder. ErrAbsent means that
// the folder has no manifest.
func ReadManifest(dir string) (*Manifest, error) {
	path := filepath.Join(dir, ManifestFile)
	text, err := disk.ReadFile(context.Background(), path, maxManifest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if left, _ := filepath.Glob(filepath.Join(dir, "*.idx")); len(left) > 0 {
			return nil, fault.New(ErrAbsent, nil, "%s is not complete: its preparation was broken off; start it again to finish it.", dir)
		}
		return nil, fault.New(ErrAbsent, nil, "%s holds no prepared images (there is no %s).", dir, ManifestFile)
	case errors.Is(err, syscall.ENOTDIR):
		return nil, fault.New(ErrFormat, err, "%s is a file; name a folder for the prepared images.", dir)
	case err != nil:
		return nil, readFault(path, err)
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, fault.New(ErrFormat, err,
			"%s is damaged (%v): prepare the images again, in a new folder.", path, err)
	}
	return m, nil
}

// parseManifest accepts the manifests that Manifest.Write writes, and none that contradicts itself.
func parseManifest(text []byte) (*Manifest, error) {
	m := new(Manifest)
	in := json.NewDecoder(bytes.NewReader(text))
	if err := in.Decode(m); err != nil {
		return nil, fmt.Errorf("not the JSON of a manifest: %w", err)
	}
	if _, err := in.Token(); err != io.EOF {
		return nil, errors.New("something follows its end")
	}
	switch {
	case m.Format != formatVersion:
		return nil, fmt.Errorf("format version %d; this program reads version %d", m.Format, formatVersion)
	case m.Size < 1 || m.Size > maxImageSide:
		return nil, fmt.Errorf("size %d; 1 to %d was expected", m.Size, maxImageSide)
	case m.Channels != 3:
		return nil, fmt.Errorf("%d channels; 3 were expected", m.Channels)
	case m.ShardImages < 1 || m.ShardImages > maxImages/m.RecordBytes():
		return nil, fmt.Errorf("%d images a shard", m.ShardImages)
	case len(m.Classes) < 1 || len(m.Classes) > maxClasses:
		return nil, fmt.Errorf("%d classes; 1 to %d were expected", len(m.Classes), maxClasses)
	case !isSHA256(m.Plan):
		return nil, errors.New("its plan is no SHA-256")
	}
	for _, name := range Splits {
		if err := m.checkSplit(name); err != nil {
			return nil, fmt.Errorf("split %s: %w", name, err)
		}
	}
	return m, nil
}

func (m *Manifest) checkSplit(name string) error {
	s := m.Split(name)
	if s.Images < 0 || s.Images > maxImages {
		return fmt.Errorf("%d images", s.Images)
	}
	if name == Valid && s.Images == 0 && s.PerClass == nil && s.Shards == nil {
		return nil
	}
	if len(s.PerClass) != len(m.Classes) {
		return fmt.Errorf("counts of %d classes; there are %d", len(s.PerClass), len(m.Classes))
	}
	total := 0
	for label, n := range s.PerClass {
		if n < 0 || n > s.Images-total {
			return fmt.Errorf("%d images of class %d", n, label)
		}
		total += n
	}
	inShards := 0
	for number, shard := range s.Shards {
		last := number == len(s.Shards)-1
		switch {
		case shard.File != fileName(name, number, ".bin"):
			return fmt.Errorf("shard %d is called %q", number, shard.File)
		case shard.Images > m.ShardImages, shard.Images < 0, !last && shard.Images != m.ShardImages:
			return fmt.Errorf("%s holds %d images", shard.File, shard.Images)
		case !isSHA256(shard.SHA256) || !isSHA256(shard.IndexSHA256):
			return fmt.Errorf("%s has no SHA-256", shard.File)
		}
		inShards += shard.Images
	}
	if total != s.Images || inShards != s.Images {
		return fmt.Errorf("%d images, %d in classes, %d in shards", s.Images, total, inShards)
	}
	return nil
}

func isSHA256(text string) bool {
	sum, err := hex.DecodeString(text)
	return err == nil && len(sum) == 32
}

// Write puts the manifest into its folder, which makes the folder complete.
func (m *Manifest) Write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	return writeFile(dir, ManifestFile, append(text, '\n'))
}

// RemoveManifest makes a folder incomplete, if it is complete.
func RemoveManifest(dir string) error {
	err := os.Remove(filepath.Join(dir, ManifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = disk.SyncFolder(dir)
	}
	if err != nil {
		return WriteFault(dir, err)
	}
	return nil
}
