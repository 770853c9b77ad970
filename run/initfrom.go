package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"mdfa/internal/disk"
	"mdfa/internal/figures"
	"mdfa/internal/parse"
	"mdfa/internal/wording"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// initFrom reads the weights that -init_from names, unless the run is resumed from a checkpoint, which has its own.
func (s *session) initFrom(ctx context.Context) error {
	if s.spec.InitFrom == "" || !s.leads() {
		return nil
	}
	if o := s.resumed; o != nil {
		if s.firstFrom = o.settings().InitFrom; o.state != nil {
			return nil
		}
	}
	c, err := loadFirst(ctx, s.spec.InitFrom)
	if err != nil {
		return err
	}
	sum := sha256.New()
	addFloats(sum, c.Params)
	from := &checkpoint.InitFrom{Path: disk.Absolute(c.Path), Checksum: hex.EncodeToString(sum.Sum(nil))}
	if was := s.firstFrom; was != nil && was.Checksum != from.Checksum {
		return fmt.Errorf("%s has other weights than when %s was started from it (the checksums differ): start a new run without -resume", c.Path, s.resumed.name())
	}
	if err := s.checkFirst(c); err != nil {
		return err
	}
	if c.Skipped != nil {
		s.Notes = append(s.Notes, wording.Clause(c.Skipped))
	}
	if (c.Network.Normalization == nil) != (s.Network.Normalization == nil) {
		s.Notes = append(s.Notes, "-init_from: only one of the two runs has -normalize, so that the first layer gets inputs on another scale than it was trained on")
	}
	if c.Data.Name == s.Data.Name && c.Data.Classes == s.Data.Classes && !slices.Equal(c.Data.ClassOrder, s.Data.ClassOrder) {
		there := c.Settings.Facts()
		s.Notes = append(s.Notes, fmt.Sprintf("-init_from: the logits stand for other classes than there, where they were those of -classes %s with %s",
			wording.Shown(there.Classes), there.SeedText()))
	}
	s.first, s.firstFrom = c.Params, from
	return nil
}

// loadFirst returns a checkpoint whose Params a run may start from: those of a file, or the best of a run, which a path
// stands for as in Resume.
func loadFirst(ctx context.Context, path string) (*checkpoint.Checkpoint, error) {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		c, err := checkpoint.Read(ctx, path)
		if err != nil {
			return nil, err
		}
		return c, c.CheckFinite()
	}
	c, err := checkpoint.LoadWeights(ctx, path, checkpoint.Best)
	if errors.Is(err, checkpoint.ErrAbsent) && !folder.Is(path) {
		var only string
		if only, err = onlyRun(path, err, ""); err == nil {
			c, err = checkpoint.LoadWeights(ctx, only, checkpoint.Best)
		}
	}
	return c, err
}

// checkFirst refuses weights of other shapes, and those that a rule with a clamp could not have.
func (s *session) checkFirst(c *checkpoint.Checkpoint) error {
	refuse := func(format string, args ...any) error {
		return wording.Usagef("-init_from %s: %s.", s.spec.InitFrom, fmt.Sprintf(format, args...))
	}
	from, to := c.Network, s.Network
	for i := range max(len(from.Layers), len(to.Layers)) {
		if there, here := layerShape(from, i), layerShape(to, i); there != here {
			return refuse("layer %d is %s there and %s here, in %v and %v: name the same layers", i, there, here, from, to)
		}
	}
	if !s.config.Rule.Clamps() {
		return nil
	}
	for i, layer := range to.Layers[1:] {
		below := 0
		for _, w := range layer.W.Of(c.Params) {
			if w < s.config.Floor {
				below++
			}
		}
		if below > 0 {
			return refuse("%s of %s weights of layer %d (%v) are below the floor %s, at which %v keeps them: start from a run of %v with this floor or a higher one, or take another rule",
				figures.Count(below), figures.Count(layer.W.Len), i+1, layer, parse.Text(s.spec.ClampFloor), s.config.Rule, s.config.Rule)
		}
	}
	return nil
}

// layerShape describes the weights of a layer: "dense [784, 200]".
func layerShape(net *model.Network, layer int) string {
	if layer >= len(net.Layers) {
		return "missing"
	}
	l := net.Layers[layer]
	var lengths []string
	for _, n := range l.WeightShape() {
		lengths = append(lengths, strconv.Itoa(n))
	}
	return fmt.Sprintf("%v [%s]", l.Kind, strings.Join(lengths, ", "))
}
