package cli

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"mdfa/internal/parse"
	"mdfa/internal/wording"
	"mdfa/run/settings"
)

// Flag is a flag whose errors are whole sentences. Of two values the last counts.
type Flag struct {
	flags    *Flags
	name     string
	argument string // the word for the value in the help text, "" for a switch
	usage    string
	initial  string // the default as text
	isBool   bool
	asks     bool // the program prints a text and ends
	many     bool // each of its values counts
	set      func(text string) error

	choices []string      // values to complete; others may be right too
	list    bool          // the value is a list of choices with commas
	path    settings.Path // what a shell completes
}

// Among names the values that a shell should offer, before paths if there are both. It does not check: the engine's own
// parsers do, and say more.
func (v *Flag) Among(values ...string) *Flag {
	v.choices = values
	return v
}

// Only is Among for a flag whose value must be one of them.
func (v *Flag) Only(values ...string) *Flag {
	set := v.set
	v.set = func(text string) error { return cmp.Or(parse.Choice(v.name, text, values), set(text)) }
	return v.Among(values...)
}

// File says that the value is a path.
func (v *Flag) File() *Flag {
	v.path = settings.AnyFile
	return v
}

// Folder says that the value is a folder's path.
func (v *Flag) Folder() *Flag {
	v.path = settings.Folder
	return v
}

// IsBoolFlag tells the flag package that the flag may stand without a value.
func (v *Flag) IsBoolFlag() bool { return v.isBool }

// String returns the default.
func (v *Flag) String() string { return v.initial }

// Set reads the typed text.
func (v *Flag) Set(text string) error {
	var err error
	switch {
	case !v.isBool && v.flags.isFlag(text):
		err = Usagef("-%s needs a value, as in -%s %s, but %s follows.", v.name, v.name, v.argument, text)
	default:
		v.flags.Given[v.name] = true
		err = v.set(text)
	}
	if v.flags.problem == nil {
		v.flags.problem = err
	}
	return err
}

func (f *Flags) define(v *Flag) *Flag {
	v.flags = f
	f.Var(v, v.name, v.usage)
	if len(f.topics) == 0 {
		f.Topic("Flags")
	}
	last := f.topics[len(f.topics)-1]
	last.flags = append(last.flags, v)
	return v
}

// Text defines a flag whose value is taken as it is typed. argument is the word for the
// value in the help text.
func (f *Flags) Text(to *string, name, argument, initial, usage string) *Flag {
	*to = initial
	return f.define(&Flag{name: name, argument: argument, initial: initial, usage: usage, set: func(text string) error {
		*to = text
		return nil
	}})
}

// Bool defines a switch, which is off if it is not given.
func (f *Flags) Bool(to *bool, name, usage string) *Flag { return f.Switch(to, name, false, usage) }

// Switch defines a switch with its default.
func (f *Flags) Switch(to *bool, name string, initial bool, usage string) *Flag {
	*to = initial
	return f.define(into(&Flag{name: name, initial: strconv.FormatBool(initial), isBool: true, usage: usage}, to, parse.Switch))
}

// Integer defines a flag for a whole number of 32 bits from least on; math.MinInt sets no
// limit.
func (f *Flags) Integer(to *int, name, argument string, initial, least int, usage string) *Flag {
	*to = initial
	return f.define(into(&Flag{name: name, argument: argument, initial: strconv.Itoa(initial), usage: usage}, to,
		func(name, text string) (int, error) { return parse.Integer(name, text, least) }))
}

// into makes a flag set a variable to the value that read returns for the text.
func into[T any](v *Flag, to *T, read func(name, text string) (T, error)) *Flag {
	v.set = func(text string) (err error) {
		*to, err = read(v.name, text)
		return err
	}
	return v
}

// Setting defines the flag of a run's setting, which sets a field of spec.
func (f *Flags) Setting(s *settings.Setting, spec *settings.Spec) *Flag {
	v := f.define(&Flag{
		name: s.Name, argument: s.Argument, initial: s.Typed(spec), usage: s.Help, isBool: s.Switch(),
		set: func(text string) error { return s.Set(spec, text) },
	})
	v.choices, v.path = s.Choices, s.Path
	return v
}

// Values defines the flag of a run's setting for several values, each of which counts: add takes the text of one use
// of the flag.
func (f *Flags) Values(s *settings.Setting, initial *settings.Spec, add func(text string) error) *Flag {
	v := f.define(&Flag{
		name: s.Name, argument: s.Argument, initial: s.Typed(initial), usage: s.Help, isBool: s.Switch(),
		many: true, list: !s.Commas && !s.Switch(), set: add,
	})
	v.choices, v.path = s.Choices, s.Path
	return v
}

// Duration defines a flag for a time of more than 0.
func (f *Flags) Duration(to *time.Duration, name string, initial time.Duration, usage string) *Flag {
	*to = initial
	return f.define(&Flag{name: name, argument: "TIME", initial: initial.String(), usage: usage, set: func(text string) error {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return Usagef("-%s %s: expected a time of more than 0, such as 500ms or 2s.", name, wording.Shown(text))
		}
		*to = d
		return nil
	}})
}

// List defines a flag whose value is a list with commas. What parse says of a word follows
// the flag in the error. A word that comes again counts once.
func List[T comparable](f *Flags, to *[]T, name, argument, usage string, parse func(string) (T, error)) *Flag {
	return f.define(&Flag{name: name, argument: argument, list: true, usage: usage, set: func(text string) error {
		*to = nil
		for word := range strings.SplitSeq(text, ",") {
			v, err := parse(strings.TrimSpace(word))
			if err != nil {
				return Usagef("-%s %s: %s.", name, wording.Shown(text), wording.Clause(err))
			}
			if !slices.Contains(*to, v) {
				*to = append(*to, v)
			}
		}
		return nil
	}})
}

// Each defines a flag of which each value counts.
func (f *Flags) Each(to *[]string, name, argument, usage string) *Flag {
	*to = nil
	return f.define(&Flag{name: name, argument: argument, many: true, usage: usage, set: func(text string) error {
		*to = append(*to, text)
		return nil
	}})
}
