package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// facts compiles the items against the headers in the given folders and runs the result. It returns, by the item's name,
// the line that was printed about it, or the compiler's complaint.
func facts(cc, work string, folders []string, list []item) (map[string]string, error) {
	found := map[string]string{}
	for {
		refused, err := attempt(cc, work, folders, list, found)
		if err != nil {
			return nil, err
		}
		if len(refused) == 0 {
			return found, nil
		}
		maps.Copy(found, refused)
		// Without the refused items the rest compiles and prints its values.
		list = slices.DeleteFunc(slices.Clone(list), func(it item) bool { return refused[it.name] != "" })
	}
}

// complaint is gcc's and clang's form: file:line:column: error: text.
var complaint = regexp.MustCompile(`(?m)^[^\n:]*probe\.c:(\d+):\d+: (?:fatal )?error: (.*)$`)

// attempt compiles the items once. Either it adds the program's output to found, or it returns the names that the
// compiler refused, with its words.
func attempt(cc, work string, folders []string, list []item, found map[string]string) (refused map[string]string, err error) {
	source, lines := program(list)
	file := filepath.Join(work, "probe.c")
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		return nil, err
	}
	binary := filepath.Join(work, "probe")
	args := []string{"-std=c11", "-w", "-o", binary}
	for _, folder := range folders {
		args = append(args, "-I", folder)
	}
	command := exec.Command(cc, append(args, file)...)
	command.Env = append(os.Environ(), "LC_ALL=C")
	if out, err := command.CombinedOutput(); err != nil {
		refused = map[string]string{}
		for _, m := range complaint.FindAllStringSubmatch(string(out), -1) {
			line, _ := strconv.Atoi(m[1])
			name := lines[line]
			if name == "" {
				return nil, fmt.Errorf("%s on a line that compares nothing: %s", cc, m[0])
			}
			refused[name] = m[2]
		}
		if len(refused) == 0 {
			return nil, fmt.Errorf("%s: %w\n%s", cc, err, out)
		}
		return refused, nil
	}
	out, err := exec.Command(binary).Output()
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	for line := range bytes.Lines(out) {
		text := strings.TrimSpace(string(line))
		found[text[:strings.IndexAny(text, ":= ")]] = text
	}
	return nil, nil
}

// compare returns the differences between our facts and theirs, one sentence each, without the exceptions, and the
// exceptions that are no differences.
func compare(ours, theirs map[string]string, except []exception) []string {
	var problems []string
	allowed := map[string]bool{}
	for _, e := range except {
		allowed[e.name] = true
		if ours[e.name] == theirs[e.name] {
			problems = append(problems, e.name+" is listed as an exception, but is the same")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(union(ours, theirs))) {
		if ours[name] != theirs[name] && !allowed[name] {
			problems = append(problems, fmt.Sprintf("%s: ours says %q, theirs %q", name, ours[name], theirs[name]))
		}
	}
	return problems
}

func union(a, b map[string]string) map[string]string {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}
