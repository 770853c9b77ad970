package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is what the binary knows about its own source.
type version struct {
	commit   string // "" when built outside a repository
	modified bool   // the working tree differed from the commit
}

func readVersion() version {
	var v version
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.commit = s.Value
		case "vcs.modified":
			v.modified = s.Value == "true"
		}
	}
	return v
}

// String is the commit, as results record it.
func (v version) String() string {
	const short = 12
	switch {
	case v.commit == "":
		return "unknown"
	case v.modified:
		return v.commit[:min(short, len(v.commit))] + "+changes"
	}
	return v.commit[:min(short, len(v.commit))]
}

// line is what -version prints.
func (v version) line() string {
	return fmt.Sprintf("train %s, %s %s/%s", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
