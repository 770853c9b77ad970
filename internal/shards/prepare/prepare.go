// Package prepare fills a folder of shards from archives or folders of photographs: it
// reads them in a fixed order, decodes and resizes on all cores, and writes in order
// again, with a bounded number of images in memory. The same source gives the same
// bytes, with any number of workers and interruptions.
package prepare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"mdfa/internal/fault"
	"mdfa/internal/foreign"
	"mdfa/internal/imageprep"
	"mdfa/internal/shards"
)

// Options are the settings of a preparation.
type Options struct {
	Size       int  // height and width of an image in pixels
	ShardBytes int  // of a shard at most, but at least one image; 0 is shards.DefaultShardBytes
	Workers    int  // that decode; 0 is one for each processor
	Strict     bool // an image that cannot be read ends the work
	// ClassNames are the words for classes, by their ID.
	ClassNames map[string]string
	// Progress is called after every image, from one goroutine at a time.
	Progress func(Progress)
	// Waiting is called when another process is preparing the same folder.
	Waiting func()
}

// Progress is the progress of the work.
type Progress struct {
	Split           string
	Images, Skipped int   // of the split
	Done, Total     int64 // of the work on all splits, in the source's unit
	Kept            int64 // of Done: from earlier runs
}

// Run prepares dir from a source. If dir holds just that already, it only updates
// the class names. fresh reports whether there was work to do.
func Run(ctx context.Context, dir string, source *Source, opt Options) (m *shards.Manifest, fresh bool, err error) {
	opt = opt.withDefaults()
	m, err = newManifest(source, opt)
	if err != nil {
		return nil, false, err
	}
	p := &preparation{dir: dir, source: source, opt: opt,
		plan: shards.Plan{RecordBytes: m.RecordBytes(), ShardImages: m.ShardImages, Classes: len(m.Classes)}}
	// Without the lock first: a complete folder may be read-only for this user.
	if held, err := p.complete(ctx, m); held != nil || err != nil {
		return held, false, err
	}
	unlock, err := shards.Lock(ctx, dir, opt.Waiting)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if held, err := p.complete(ctx, m); held != nil || err != nil {
		return held, false, err
	}
	if err := shards.RemoveManifest(dir); err != nil { // for a mended photo that is added
		return nil, false, err
	}
	if _, err := hex.Decode(p.plan.ID[:], []byte(m.Plan)); err != nil {
		return nil, false, fmt.Errorf("plan: %w", err)
	}
	for _, split := range shards.Splits {
		p.total += source.part(split).amount
	}
	for _, split := range shards.Splits {
		if split == shards.Valid && source.parts[split] == nil {
			continue
		}
		if *m.Split(split), err = p.split(ctx, split); err != nil {
			return nil, true, err
		}
	}
	if err := source.checkLost(m); err != nil {
		return nil, true, err
	}
	return m, true, m.Write(dir)
}

func (opt Options) withDefaults() Options {
	if opt.ShardBytes == 0 {
		opt.ShardBytes = shards.DefaultShardBytes
	}
	if opt.Workers == 0 {
		opt.Workers = runtime.GOMAXPROCS(0)
	}
	if opt.Progress == nil {
		opt.Progress = func(Progress) {}
	}
	if opt.Waiting == nil {
		opt.Waiting = func() {}
	}
	return opt
}

// preparationVersion changes when the same photographs would become other bytes, so that
// this program does not resume the work of an older one.
const preparationVersion = 1

// newManifest describes the folder to be, without its images.
func newManifest(source *Source, opt Options) (*shards.Manifest, error) {
	m := &shards.Manifest{Format: 1, Size: opt.Size, Channels: imageprep.Channels, Source: source.Describe()}
	m.ShardImages = min(max(1, opt.ShardBytes/m.RecordBytes()), shards.MaxShardImages)
	for _, id := range source.Classes() {
		m.Classes = append(m.Classes, shards.Class{ID: id, Name: opt.ClassNames[id]})
	}
	if len(m.Classes) < 2 {
		return nil, fault.New(shards.ErrFormat, nil,
			"%s holds images of %d classes; at least 2 are needed, each in a folder or archive of its own.", describe(m.Source), len(m.Classes))
	}
	text, err := json.Marshal(struct {
		Version, Size, ShardImages int
		Classes                    []string
		Fingerprint                string
	}{preparationVersion, m.Size, m.ShardImages, source.Classes(), m.Source.Fingerprint})
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	sum := sha256.Sum256(text)
	m.Plan = hex.EncodeToString(sum[:])
	return m, nil
}

// complete returns the manifest of a folder that needs no work, and nil for a folder that is
// not complete or left out a photo which can be read by now. -strict still refuses images that were left out,
// and the manifest takes over new class names and paths.
func (p *preparation) complete(ctx context.Context, want *shards.Manifest) (*shards.Manifest, error) {
	held, err := shards.ReadManifest(p.dir)
	switch {
	case errors.Is(err, shards.ErrAbsent):
		return nil, nil
	case err != nil:
		return nil, err
	case held.Plan != want.Plan:
		return nil, fault.New(shards.ErrOther, nil, "%s already holds images of %dx%d prepared from %s, not just these: remove it, or name another folder.",
			p.dir, held.Size, held.Size, describe(held.Source))
	}
	for _, split := range shards.Splits {
		if slices.ContainsFunc(held.Split(split).Skipped, p.source.again(ctx, split)) {
			return nil, nil
		}
	}
	for _, split := range shards.Splits {
		if err := p.checkStrict(held.Split(split).Skipped); err != nil {
			return nil, err
		}
	}
	if err := p.source.checkLost(held); err != nil {
		return nil, err
	}
	if slices.Equal(held.Classes, want.Classes) && slices.Equal(held.Source.Paths, want.Source.Paths) {
		return held, nil
	}
	held.Source, held.Classes = want.Source, want.Classes
	return held, held.Write(p.dir)
}

func describe(s shards.Source) string { return strings.Join(s.Paths, " and ") }

// again returns a function that reports whether a photo of a split that was left out can be read now.
func (s *Source) again(ctx context.Context, split string) func(shards.Skipped) bool {
	again := s.part(split).again
	return func(left shards.Skipped) bool { return again != nil && ctx.Err() == nil && again(ctx, left.File) }
}

// checkLost refuses a split or a class of which every photo was left out: accuracies would
// count the other classes alone.
func (s *Source) checkLost(m *shards.Manifest) error {
	for _, name := range shards.Splits {
		part, split := s.parts[name], m.Split(name)
		if part == nil {
			continue
		}
		if split.Images == 0 {
			return lostAll(m, part, "images", split.Skipped)
		}
		lost := map[string][]shards.Skipped{}
		for _, left := range split.Skipped {
			class := part.classOf(left.File)
			lost[class] = append(lost[class], left)
		}
		for label, class := range s.classes {
			if split.PerClass[label] == 0 && (name == shards.Train || len(lost[class]) > 0) {
				return lostAll(m, part, "images of the class "+foreign.Word(class), lost[class])
			}
		}
	}
	return nil
}

func lostAll(m *shards.Manifest, part *Part, images string, left []shards.Skipped) error {
	text := fmt.Sprintf("%s holds no %s", part.path, images)
	if n := len(left); n > 0 {
		out, all := m.LeftOut()
		text += fmt.Sprintf(" that can be read: all %d files were left out (%d of %d in all), such as %s (%s); mend them, or convert them to JPEG or PNG",
			n, out, all, foreign.Text(left[0].File), foreign.Text(left[0].Reason))
	}
	return fault.New(shards.ErrFormat, nil, "%s", text+".")
}
