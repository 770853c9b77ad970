package settings

import (
	"fmt"
	"math"
	"strconv"

	"mdfa/internal/foreign"
	"mdfa/internal/wording"
	"mdfa/loaders"
)

// SameSeed is the value of -class_seed that stands for that of -seed.
const SameSeed = "seed"

// LoadOptions returns the options with which loaders.Load loads the data set of checked settings.
func (s *Spec) LoadOptions() loaders.Options {
	o := loaders.Options{Dir: s.Data, Classes: s.Classes, Coarse: s.Coarse, Size: s.Size, Seed: s.Seed}
	if seed, own := s.ownClassSeed(); own {
		o.ClassSeed = &seed
	}
	return o
}

// ownClassSeed returns the seed of -class_seed, if it is not that of -seed.
func (s *Spec) ownClassSeed() (seed int64, own bool) {
	seed, err := strconv.ParseInt(s.ClassSeed, 10, 64)
	return seed, err == nil
}

// SeedText returns the seeds of the run for people: "seed 0", or "seed 0, class seed 5".
func (s *Spec) SeedText() string {
	text := fmt.Sprintf("seed %d", s.Seed)
	if seed, own := s.ownClassSeed(); own {
		text += fmt.Sprintf(", class seed %d", seed)
	}
	return text
}

// CheckClasses refuses a seed of classes that picks none.
func (s *Spec) CheckClasses() error {
	seed, own := s.ownClassSeed()
	classes, err := loaders.ParseClasses(s.Classes)
	switch {
	case err != nil || !own:
		return nil
	case classes.Names != nil:
		return wording.Usagef("-class_seed %d picks classes, and -classes %s names them: leave one of them out.", seed, wording.Shown(s.Classes))
	case classes.Count == 0:
		return wording.Usagef("-class_seed %d picks some of the classes, and all of them are used: add -classes K, such as -classes 2, or leave it out.", seed)
	}
	return nil
}

// parseClassSeed takes a seed or the word for that of -seed.
func parseClassSeed(text string) (string, error) {
	if text == SameSeed || text == "" {
		return SameSeed, nil
	}
	seed, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return text, fmt.Errorf("class_seed %s: expected a whole number from 0 to %d, or %s", foreign.Word(text), uint32(math.MaxUint32), SameSeed)
	}
	return strconv.FormatUint(seed, 10), nil
}

// classSeed is the seed that picks the classes; "" where they are named.
func classSeed(f *Facts) string {
	classes, err := loaders.ParseClasses(f.Classes)
	seed, own := f.ownClassSeed()
	switch {
	case err == nil && classes.Names != nil:
		return ""
	case own:
		return strconv.FormatInt(seed, 10)
	}
	return strconv.FormatInt(f.Seed, 10)
}

// ownClassSeed is the seed of -class_seed; "" where it is that of -seed, in which compared runs differ.
func ownClassSeed(f *Facts) string {
	if seed, own := f.ownClassSeed(); own {
		return strconv.FormatInt(seed, 10)
	}
	return ""
}

// classes is the choice of classes in the spelling of a run: all of them are their number, and names in another order
// or spelling are the run's own if they stand for its classes.
func classes(s *Spec, f *Facts) string {
	choice, err := loaders.ParseClasses(s.Classes)
	switch {
	case err == nil && choice.Names == nil && choice.Count == 0 && f.Network != nil:
		return strconv.Itoa(f.Network.Classes)
	case loaders.SameClasses(s.Classes, f.Classes, f.ClassOrder, f.ClassNames):
		return Find("classes").Text(&f.Spec)
	}
	return Find("classes").Text(s)
}
