// Package version identifies the source that a program was built from.
package version

import "runtime/debug"

// Number is the version of the releases that are made of this source.
const Number = "0.3.0"

// Version identifies the source of a binary.
type Version struct {
	Commit   string // "" when built outside a repository
	Modified bool   // the working tree differed from the commit
}

// Read returns the version of the running binary.
func Read() Version {
	var v Version
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// String is the commit, as results record it.
func (v Version) String() string {
	const short = 12
	switch {
	case v.Commit == "":
		return "unknown"
	case v.Modified:
		return v.Commit[:min(short, len(v.Commit))] + "+changes"
	}
	return v.Commit[:min(short, len(v.Commit))]
}
