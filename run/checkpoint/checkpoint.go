// Package checkpoint stores a training run in files: its weights, and the whole state from which
// it can be resumed.
//
// A checkpoint is one safetensors file, complete or absent: it is written under a temporary
// name, synced and renamed. Its tensors, with weights shaped as model.Layer.WeightShape says:
//
//	layers.0.weight, layers.0.bias, …              the weights when it was written
//	best.layers.0.weight, …                        the weights of the best epoch (state, after a validation)
//	optimizer.0.layers.0.weight, …                 the optimizer's arenas (state): sgd with momentum and rmsprop 1, adam and adamw 2
//	feedback.layers.1.weight, …                    learned feedback by layers (state), shaped like the weights: kp
//	feedback.direct                                learned direct feedback (state), [logits, hidden units]: dkp
//	feedback.optimizer.0.layers.1.weight, …        the arenas of its optimizer (state)
//
// Its metadata has two entries. "checkpoint" is JSON, see [Facts]. "sha256" is the SHA-256
// of the whole file in hex, computed with 64 zeros in place of the sum itself. So the file
// shows any changed byte without a second file beside it, and Python reads it as it is.
//
// A run keeps its checkpoints in its folder's checkpoints/:
//
//	last.safetensors      the state of the run
//	previous.safetensors  the state before that, used if last is damaged
//	best.safetensors      the weights of the best epoch alone
//	epochs-512.json, …    the history of a long run, see [history]
//
// Programs that want a trained network call [LoadWeights] with the path that the user typed,
// and use Network and Params. [LoadState] reads the state to resume a run from.
package checkpoint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"mdfa/algo/training"
	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/figures"
	"mdfa/internal/safetensors"
	"mdfa/model"
)

// The entries of the metadata.
const (
	factsKey = "checkpoint"
	sumKey   = "sha256"
)

// The prefixes of tensors other than the weights.
const (
	bestPrefix      = "best."
	optimizerPrefix = "optimizer."
	feedbackPrefix  = "feedback."
)

// Checkpoint is a network with its settings and training state. All arenas have the layout
// of the network.
type Checkpoint struct {
	Facts
	Path      string // of the file
	Skipped   error  // why a newer file of the folder was skipped: a sentence, or nil
	Network   *model.Network
	Params    []float32   // the weights when it was written; in WeightsKind, the weights of the best epoch
	Best      []float32   // the weights of the best epoch; nil in WeightsKind, and before the first validation
	Optimizer [][]float32 // nil in WeightsKind

	// Learned feedback and its optimizer's arenas; nil in WeightsKind and where the feedback is fixed.
	Learned          []float32
	LearnedOptimizer [][]float32

	history storedHistory // the part of Progress.Epochs that is in separate files
}

// TakeBest puts the weights of the best epoch into Params, as in a checkpoint of WeightsKind. It
// returns false if no epoch was validated, and leaves the latest weights.
func (c *Checkpoint) TakeBest() bool {
	if c.Best != nil {
		c.Params = c.Best
		c.dropState()
	}
	return c.Kind == WeightsKind
}

// dropState turns a checkpoint of StateKind into one of WeightsKind.
func (c *Checkpoint) dropState() {
	c.Kind, c.Best, c.Optimizer, c.Learned, c.LearnedOptimizer = WeightsKind, nil, nil, nil, nil
}

// LearnedTensors returns the learned feedback under the names that the file gives it; none where there is none.
func (c *Checkpoint) LearnedTensors() []model.Tensor {
	if c.Learned == nil {
		return nil
	}
	tensors := c.Network.SplitFeedback(c.Feedback.kind(), c.Learned)
	for i := range tensors {
		tensors[i].Name = feedbackPrefix + tensors[i].Name
	}
	return tensors
}

// Epoch returns the number of the epoch that Params come from: the best one in WeightsKind, and
// otherwise the current one, or the one that had just ended.
func (c *Checkpoint) Epoch() int {
	switch {
	case c.Kind == WeightsKind && c.Progress.BestEpoch > 0:
		return c.Progress.BestEpoch
	case c.Progress.Step > 0:
		return c.Progress.Epoch()
	}
	return len(c.Progress.Epochs)
}

// When says at which point of the training Params were taken.
func (c *Checkpoint) When() string {
	switch epoch := c.Epoch(); {
	case epoch == 0:
		return "before the first epoch"
	case c.Kind == WeightsKind:
		return fmt.Sprintf("after epoch %d, the best", epoch)
	case c.Progress.Step > 0:
		return fmt.Sprintf("in epoch %d, after its step %s", epoch, figures.Count(c.Progress.Step))
	default:
		return fmt.Sprintf("after epoch %d", epoch)
	}
}

// CheckFinite refuses weights that are NaN or infinite: the run diverged. The error is a
// sentence (ErrDamaged).
func (c *Checkpoint) CheckFinite() error {
	for _, arena := range [][]float32{c.Params, c.Best} {
		if !training.Finite(arena) {
			why := "its weights are NaN or infinite: the run diverged"
			return fault.New(ErrDamaged, flaw{filepath.Base(c.Path), why, nil}, "%s cannot be used (%s): use another one.", c.Path, why)
		}
	}
	return nil
}

// State returns the argument of training.Trainer.Restore.
func (c *Checkpoint) State() training.State {
	return training.State{Progress: c.Progress, Params: c.Params, Best: c.Best, Optimizer: c.Optimizer, Feedback: c.Learned, FeedbackOptimizer: c.LearnedOptimizer}
}

// encode writes the file.
func (c *Checkpoint) encode(w io.Writer) error {
	c.Format = format
	if c.history.Epochs > 0 {
		c.Format = formatLong
	}
	facts, err := json.Marshal(factsJSON{plainFacts(c.Facts), progressOf(c.Progress, c.history)})
	if err != nil {
		return err
	}
	var tensors []safetensors.Tensor
	add := func(prefix string, parts []model.Tensor) {
		for _, t := range parts {
			tensors = append(tensors, safetensors.Tensor{Name: prefix + t.Name, Shape: t.Shape, Data: t.Data})
		}
	}
	add("", c.Network.Split(c.Params))
	if c.Best != nil {
		add(bestPrefix, c.Network.Split(c.Best))
	}
	for i, arena := range c.Optimizer {
		add(optimizerArena(i), c.Network.Split(arena))
	}
	add("", c.LearnedTensors())
	for i, arena := range c.LearnedOptimizer {
		add(feedbackPrefix+optimizerArena(i), c.Network.SplitFeedback(c.Feedback.kind(), arena))
	}
	metadata := map[string]string{factsKey: string(facts), sumKey: strings.Repeat("0", sumLength)}
	hash := sha256.New()
	if err := safetensors.Write(hash, tensors, metadata); err != nil {
		return err
	}
	metadata[sumKey] = hex.EncodeToString(hash.Sum(nil))
	return safetensors.Write(w, tensors, metadata)
}

// optimizerArena is the prefix of the tensors of an optimizer's arena.
func optimizerArena(i int) string { return fmt.Sprintf("%s%d.", optimizerPrefix, i) }

const sumLength = 2 * sha256.Size // in hex

// errSum says that the bytes of a file have changed since it was written.
var errSum = errors.New("its checksum differs")

// decode reads a file of size bytes and checks all of it. It compares the bytes with the
// checksum before it allocates memory for the tensors.
func decode(ctx context.Context, file io.ReadSeeker, size int64) (*Checkpoint, error) {
	r := disk.Reader(ctx, file)
	header, err := safetensors.ReadHeader(r, size)
	if err != nil {
		return nil, err
	}
	text, some := header.Metadata[factsKey]
	sum := header.Metadata[sumKey]
	if !some || len(sum) != sumLength {
		return nil, errors.New("it is no checkpoint of this program")
	}
	hash := sha256.New()
	raw := header.Bytes()
	if bytes.Count(raw, []byte(sum)) != 1 {
		return nil, errSum
	}
	hash.Write(bytes.Replace(raw, []byte(sum), bytes.Repeat([]byte("0"), sumLength), 1))
	if _, err := io.Copy(hash, r); err != nil {
		return nil, err
	}
	if hex.EncodeToString(hash.Sum(nil)) != sum {
		return nil, errSum
	}
	c := new(Checkpoint)
	var version struct{ Format int }
	if err := json.Unmarshal([]byte(text), &version); err != nil {
		return nil, fmt.Errorf("its JSON: %w", err)
	}
	if version.Format != format && version.Format != formatLong {
		return nil, fmt.Errorf("it has format version %d, and this program reads versions %d and %d", version.Format, format, formatLong)
	}
	var facts factsJSON
	if err := json.Unmarshal([]byte(text), &facts); err != nil {
		return nil, fmt.Errorf("its JSON: %w", err)
	}
	c.Facts = Facts(facts.plainFacts)
	c.Progress, c.history = facts.Progress.progress(), facts.Progress.History
	if c.Network, err = c.Settings.Network.Network(); err != nil {
		return nil, err
	}
	if c.Network.Classes != c.Data.Classes {
		return nil, fmt.Errorf("its network has %d classes, and its data %d", c.Network.Classes, c.Data.Classes)
	}
	if _, err := file.Seek(int64(len(raw)), io.SeekStart); err != nil {
		return nil, err
	}
	tensors, err := header.ReadData(r)
	if err != nil {
		return nil, err
	}
	return c, c.take(tensors)
}

// take puts a file's tensors into arenas.
func (c *Checkpoint) take(tensors []safetensors.Tensor) error {
	groups := map[string][]model.Tensor{}
	for _, t := range tensors {
		name := tensorName.FindString(t.Name)
		if name == "" {
			return fmt.Errorf("its tensor %q is unknown", t.Name)
		}
		prefix := strings.TrimSuffix(t.Name, name)
		groups[prefix] = append(groups[prefix], model.Tensor{Name: name, Shape: t.Shape, Data: t.Data})
	}
	join := func(prefix string) (arena []float32, err error) {
		group, some := groups[prefix]
		delete(groups, prefix)
		switch {
		case some && strings.HasPrefix(prefix, feedbackPrefix):
			return c.Network.JoinFeedback(c.Feedback.kind(), group)
		case some || prefix == "":
			return c.Network.Join(group)
		}
		return nil, nil
	}
	arenas := func(prefix string) (list [][]float32, err error) {
		for i := 0; ; i++ {
			arena, err := join(prefix + optimizerArena(i))
			if arena == nil || err != nil {
				return list, err
			}
			list = append(list, arena)
		}
	}
	var err error
	if c.Params, err = join(""); err != nil {
		return err
	}
	if c.Best, err = join(bestPrefix); err != nil {
		return err
	}
	if c.Optimizer, err = arenas(""); err != nil {
		return err
	}
	if c.Learned, err = join(feedbackPrefix); err != nil {
		return err
	}
	if c.LearnedOptimizer, err = arenas(feedbackPrefix); err != nil {
		return err
	}
	for prefix, group := range groups {
		return fmt.Errorf("its tensors %q are unknown", prefix+group[0].Name+", …")
	}
	return nil
}

// tensorName is the name of a tensor behind its prefixes.
var tensorName = regexp.MustCompile(`(?:layers\.[^.]*\.[^.]*|\bdirect)$`)

// Read reads one file. The error is a sentence that names it.
func Read(ctx context.Context, path string) (*Checkpoint, error) {
	file, info, err := disk.Open(path)
	switch {
	case errors.Is(err, disk.ErrNotFile), errors.Is(err, syscall.EISDIR):
		return nil, fault.New(ErrDamaged, err, "%s is no file: expected a checkpoint (*%s).", path, Suffix)
	case err != nil:
		return nil, OpenError(path, err)
	}
	defer file.Close()
	c, err := decode(ctx, file, info.Size())
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("reading %s: %w", path, ctx.Err())
	case err != nil:
		return nil, damaged(path, err)
	}
	c.Path = path
	if c.Kind == StateKind {
		err = c.readHistory(filepath.Dir(path))
	}
	return c, err
}
