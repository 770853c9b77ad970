package main

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// mutant is a planted bug.
type mutant struct {
	name    string
	kernels []string // that it changes, where the file is kernels.cu
	edits   []edit
	env     []string // of build and tests, beside the caller's
	test    command
	proof   string // why no test can find it; "" where one must
}

// edit replaces one place in a file.
type edit struct{ file, old, new string }

// command is the package and the tests that are to find the bug.
type command struct{ pkg, run string }

// parse reads a list. Its comment at the top has the format.
func parse(text string) ([]mutant, error) {
	var list []mutant
	for i, line := range strings.Split(text, "\n") {
		if err := add(&list, line); err != nil {
			return nil, fmt.Errorf("line %d of the list: %q: %w", i+1, line, err)
		}
	}
	return list, nil
}

func add(list *[]mutant, line string) error {
	word, rest, _ := strings.Cut(line, " ")
	if word == "" || word == "#" {
		return nil
	}
	if word == "mutant" {
		*list = append(*list, mutant{name: rest})
		return nil
	}
	if len(*list) == 0 {
		return errors.New("a mutant must come first")
	}
	m := &(*list)[len(*list)-1]
	switch word {
	case "kernels":
		m.kernels = strings.Fields(rest)
	case "file":
		m.edits = append(m.edits, edit{file: rest})
	case "-", "+":
		if len(m.edits) == 0 {
			return errors.New("a file must come first")
		}
		e := &m.edits[len(m.edits)-1]
		if word == "-" {
			e.old += rest + "\n"
		} else {
			e.new += rest + "\n"
		}
	case "env":
		m.env = strings.Fields(rest)
	case "test":
		m.test.pkg, m.test.run, _ = strings.Cut(rest, " ")
	case "proof":
		m.proof = rest
	default:
		return fmt.Errorf("%q is no keyword", word)
	}
	return nil
}

// apply returns the file's content with the bug in it.
func (e edit) apply(content string) (string, error) {
	old, changed := strings.TrimSuffix(e.old, "\n"), strings.TrimSuffix(e.new, "\n")
	if n := strings.Count(content, old); n != 1 {
		return "", fmt.Errorf("%s holds %q %d times, once is expected", e.file, old, n)
	}
	return strings.Replace(content, old, changed, 1), nil
}

// area returns the part of the code that the mutant is in, for the summary.
func (m mutant) area() string {
	if len(m.edits) == 0 || m.edits[0].file == kernelSource {
		return kernelSource
	}
	return path.Dir(m.edits[0].file)
}

// cuda reports whether the tests are built with the tag cuda.
func (m mutant) cuda() bool { return !strings.HasPrefix(m.test.pkg, "./gpu/cpu") }
