package settings

import (
	"maps"
	"slices"
	"strings"

	"mdfa/internal/disk"
	"mdfa/internal/wording"
)

// Check refuses the first setting whose value is not possible. Whether settings go together
// is for the run to check.
func (s *Spec) Check() error {
	for _, setting := range List {
		if err := setting.check(s); err != nil {
			return err
		}
	}
	return nil
}

// Chosen says whether a setting was chosen rather than left at its default.
func (s *Spec) Chosen(name string) bool {
	if s.Given != nil {
		return s.Given[name]
	}
	defaults, setting := Defaults(), Find(name)
	return setting.Typed(s) != setting.Typed(&defaults)
}

// Record returns all settings by name, and the names of the chosen ones, sorted: run.json and
// checkpoints hold both. Paths are absolute, since a run may be resumed from another folder.
func (s *Spec) Record() (values map[string]string, given []string) {
	values = map[string]string{}
	for _, setting := range List {
		text := setting.Typed(s)
		if setting.Path != NoPath {
			text = disk.Absolute(text)
		}
		values[setting.Name] = text
		if s.Given == nil && s.Chosen(setting.Name) {
			given = append(given, setting.Name)
		}
	}
	if s.Given != nil { // a program's own flags among them
		given = slices.Collect(maps.Keys(s.Given))
	}
	slices.Sort(given)
	return values, given
}

// Recorded returns the settings of a record. What is missing or cannot be read is left at its
// default.
func Recorded(values map[string]string, given []string) Spec {
	s := Defaults()
	s.Given = map[string]bool{}
	for _, setting := range List {
		text, some := values[setting.Name]
		if was := s; some && setting.Set(&s, text) != nil {
			s = was
		}
		if slices.Contains(given, setting.Name) {
			s.Given[setting.Name] = true
		}
	}
	return s
}

// Resumed returns the settings of a run that resumes another one: those given now, and the
// earlier ones where they are inherited. A given setting that the two must share and do not
// is refused; name is the earlier run's.
func (s Spec) Resumed(earlier *Facts, name string) (Spec, error) {
	given := maps.Clone(s.Given) // a program's own flags among them
	if given == nil {
		given = map[string]bool{}
	}
	merged, defaults := s, Defaults()
	for _, setting := range List {
		switch {
		case s.Chosen(setting.Name):
			given[setting.Name] = true
			now, was := setting.InEffect(&s, earlier), setting.InEffect(&earlier.Spec, earlier)
			share := setting.Resume == Share || setting.ShareIf != nil && setting.ShareIf(earlier)
			if share && now != was {
				return s, wording.Usagef("-%s %s: %s was started with -%s %s, and goes on with the same: leave the flag out, or start a new run without -resume.",
					setting.Name, now, name, setting.Name, was)
			}
		case setting.Resume == Renew, setting.With != "" && s.Chosen(setting.With):
			setting.copy(&merged, &defaults)
		default:
			setting.copy(&merged, &earlier.Spec)
			if earlier.Chosen(setting.Name) {
				given[setting.Name] = true
			}
		}
	}
	merged.Given = given
	return merged, nil
}

// Key returns a text for looking runs up: specs of the same run have the same key. Specs that are not the
// same run may have the same key, too.
func (s *Spec) Key() string {
	var values []string
	for _, setting := range List {
		if setting.Identity && setting.Effect == nil { // otherwise the value in effect depends on the run's facts
			values = append(values, setting.Text(s))
		}
	}
	return strings.Join(values, "\n")
}

// SameRun reports whether two specs belong to the same run; f holds the facts of the earlier one.
func (s *Spec) SameRun(f *Facts) bool {
	return !slices.ContainsFunc(List, func(setting *Setting) bool {
		return setting.Identity && setting.InEffect(s, f) != setting.InEffect(&f.Spec, f)
	})
}
