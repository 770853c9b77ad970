package run

import (
	"fmt"

	"github.com/dustin/go-humanize/english"

	"mdfa/internal/wording"
	"mdfa/loaders"
	"mdfa/run/settings"
)

// patience refuses the settings of the best epoch where no epoch is validated. note says if the run is resumed only
// to be tested.
func (r *Run) patience(data *loaders.Dataset) (note string, err error) {
	for name, on := range map[string]bool{"patience": r.spec.Patience > 0, "best": r.spec.Best == settings.BestLoss} {
		if on && data.Valid.Len() == 0 {
			return "", wording.Usagef("-%s needs validation images, and %s has none: leave the flag out.", name, data.Name)
		}
	}
	p, limit := r.resumed.progress(), r.spec.Patience
	if limit > 0 && p.Step == 0 && len(p.Epochs)-p.BestEpoch >= limit {
		return r.withoutBest() + ": the run is only tested again (a larger -patience trains on)", nil
	}
	return "", nil
}

// withoutBest is the reason of a run that its patience has ended.
func (r *Run) withoutBest() string {
	return fmt.Sprintf("no better validation %s for %s", r.spec.Best, english.Plural(r.spec.Patience, "epoch", ""))
}
