package main

import (
	"strings"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/wording"
	"mdfa/run/folder"
)

// condition is a test of -where.
type condition struct{ column, relation, value string }

// relations lists the relations of a test. Of two that begin alike the longer one comes first.
var relations = []string{"!=", "<=", ">=", "=", "<", ">", "~"}

// parseCondition reads "column=value" and the like.
func parseCondition(text string) (condition, error) {
	at := strings.IndexAny(text, "!<>=~")
	if at > 0 {
		for _, relation := range relations {
			if value, found := strings.CutPrefix(text[at:], relation); found {
				return condition{strings.TrimSpace(text[:at]), relation, strings.TrimSpace(value)}, nil
			}
		}
	}
	return condition{}, cli.Usagef("-where %s: expected a column, one of = != < <= > >= ~ and a value, such as model=mdfa or 'test_accuracy>0.9' (in quotes: the shell has uses of its own for < and >).", wording.Shown(text))
}

// holds says whether a run passes. A missing value equals only the empty value, and is neither smaller
// nor larger than another.
func (c condition) holds(run folder.Row) bool {
	got := run[c.column]
	order := compareValues(got, c.value)
	switch c.relation {
	case "=":
		return got == c.value || got != "" && c.value != "" && order == 0
	case "!=":
		return got != c.value && order != 0
	case "~":
		return strings.Contains(got, c.value)
	}
	if got == "" {
		return false
	}
	switch c.relation {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}
