package prepare

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"

	"mdfa/internal/fault"
	"mdfa/internal/foreign"
	"mdfa/internal/shards"
)

// Part is the photographs of one split. See Open.
type Part struct {
	kind        string   // "tar" or "folder"
	path        string   // absolute
	fingerprint string   // changes with the photographs
	classes     []string // names of those that occur, in alphabetical order
	ignored     []string // names of files and folders beside the classes
	amount      int64    // the work to do: bytes of an archive, files of a folder

	// before returns the part of amount that lies before a place.
	before func(at shards.Position) int64
	// classOf returns the class of a photo by its name.
	classOf func(file string) string
	// again reports whether a file that was left out can be read now; nil if none can.
	again func(ctx context.Context, file string) bool
	// photos yields all photos from a place on, in a fixed order. An error ends them, and so does ctx.
	photos func(ctx context.Context, from shards.Position) iter.Seq2[Photo, error]
}

// Photo is a file that has yet to be decoded.
type Photo struct {
	Name  string          // for messages, e.g. "n01440764/n01440764_10026.JPEG"
	Class string          // its name
	Next  shards.Position // the place after it
	// Load reads the content; it may be called from any goroutine. free gives its memory back.
	Load func(ctx context.Context) (file []byte, free func(), err error)
}

// firstFolder returns the class of a file "class/file".
func firstFolder(file string) string {
	class, _, _ := strings.Cut(file, "/")
	return class
}

// Source is the photographs of all splits.
type Source struct {
	parts   map[string]*Part // by split; a split may be missing
	classes []string
	labels  map[string]int
}

// NewSource joins the photographs for training and, unless test is nil, for the test.
// The training images determine the classes, which are in alphabetical order.
func NewSource(train, test *Part) (*Source, error) {
	s := &Source{parts: map[string]*Part{shards.Train: train}, classes: train.classes, labels: map[string]int{}}
	for label, class := range s.classes {
		s.labels[class] = label
	}
	if test == nil {
		return s, nil
	}
	return s, s.add(shards.Test, test)
}

// AddValid adds validation images. Without them they are cut from the training images.
func (s *Source) AddValid(valid *Part) error { return s.add(shards.Valid, valid) }

func (s *Source) add(split string, part *Part) error {
	for _, class := range part.classes {
		if _, known := s.labels[class]; !known {
			return fault.New(shards.ErrFormat, nil, "%s has images of the class %s, but %s has none: what is tested must have been trained.",
				part.path, foreign.Word(class), s.parts[shards.Train].path)
		}
	}
	s.parts[split] = part
	return nil
}

// Classes returns the names of the classes in the order of their labels.
func (s *Source) Classes() []string { return s.classes }

// Describe returns the origin of the images.
func (s *Source) Describe() shards.Source {
	out := shards.Source{Kind: s.parts[shards.Train].kind}
	hash := sha256.New()
	for _, split := range shards.Splits {
		if part := s.parts[split]; part != nil {
			out.Paths = append(out.Paths, part.path)
			fmt.Fprintf(hash, "%s %s\n", split, part.fingerprint)
		}
	}
	out.Fingerprint = hex.EncodeToString(hash.Sum(nil))
	return out
}

// Notes lists the files and folders that are no class, a sentence for each split.
func (s *Source) Notes() []string {
	var notes []string
	for _, split := range shards.Splits {
		if part := s.parts[split]; part != nil && len(part.ignored) > 0 {
			notes = append(notes, fmt.Sprintf("no class, and passed over in %s: %s", part.path, foreign.List(part.ignored)))
		}
	}
	return notes
}

// noPhotos stands for the part of a split without images.
var noPhotos = &Part{
	before: func(shards.Position) int64 { return 0 },
	photos: func(context.Context, shards.Position) iter.Seq2[Photo, error] {
		return func(func(Photo, error) bool) {}
	},
}

// part returns the photographs of a split.
func (s *Source) part(split string) *Part { return cmp.Or(s.parts[split], noPhotos) }

// unreadable reports whether an error of opening or reading a file concerns only this file.
func unreadable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist)
}
