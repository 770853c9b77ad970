package loaders

import (
	"context"
	"fmt"
	"sync"
	"weak"
)

// Shared loads data sets for several runs. Runs with the same options get the same Dataset, which they must not
// change, and those with others of the same files share what was read from these. It keeps the data set and the
// files that were asked for last, and any other data set only as long as somebody uses it. It is safe for concurrent
// use, and loads one data set at a time.
type Shared struct {
	mu      sync.Mutex
	sets    map[string]weak.Pointer[Dataset]
	last    *Dataset
	files   string // that content was read from
	content contents
}

// Load is the function Load.
func (s *Shared) Load(ctx context.Context, name string, opt Options) (*Dataset, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	key := keyOf(name, opt)
	if data := s.sets[key].Value(); data != nil {
		s.last = data
		return data, nil
	}
	s.last = nil
	data, err := load(ctx, name, opt, s.read)
	if err != nil {
		return nil, err
	}
	if s.sets == nil {
		s.sets = map[string]weak.Pointer[Dataset]{}
	}
	s.sets[key], s.last = weak.Make(data), data
	return data, nil
}

// read reads the files of a data set, unless they are those of the time before.
func (s *Shared) read(ctx context.Context, def definition, opt Options) (contents, error) {
	files := keyOf(def.name, Options{Dir: opt.Dir, Coarse: opt.Coarse, Size: opt.Size})
	if s.files == files {
		return s.content, nil
	}
	s.files, s.content = "", contents{}
	held, err := def.read(ctx, opt)
	if err == nil {
		s.files, s.content = files, held
	}
	return held, err
}

// keyOf is equal for equal options.
func keyOf(name string, opt Options) string {
	classSeed := ""
	if opt.ClassSeed != nil {
		classSeed = fmt.Sprint(*opt.ClassSeed)
	}
	opt.Progress, opt.via, opt.ClassSeed = nil, nil, nil
	return fmt.Sprintf("%q %#v %q", name, opt, classSeed)
}
