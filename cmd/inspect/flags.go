package inspect

import (
	"strings"

	"github.com/dustin/go-humanize/english"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/wording"
	"mdfa/run/checkpoint"
	"mdfa/run/compare"
	"mdfa/run/folder"
)

// lastEpochs is the number of epochs that are shown without -n.
const lastEpochs = 10

// options holds the flags.
type options struct {
	paths         []string
	diff          bool
	weights       string
	runs          bool
	where         []condition
	sort, columns []string
	table         string // form of a comparison; "": a list
	compared      compare.Options
	most          int // rows; 0: no limit
	json          bool
}

var about = cli.Program{
	Name:    "inspect",
	Summary: "inspect shows the contents of checkpoints and of the folders of runs, the differences between\ntwo of them, and the log of all runs.",
	Description: "A PATH is a checkpoint, or the folder of a run, of which the weights of the best epoch are shown. " +
		"With `-runs` it is the folder that train's `-out` names, `results` if none is given.\n\n" +
		"The tables fit a terminal of 80 columns. For programs there is `-json`: one object a line, " +
		"a path or a run each, numbers as numbers, and null for missing values.\n\n" +
		"A run without a last entry in its log, whose folder no process holds, is listed as killed; " +
		"`train -resume` resumes it.",
	Arguments: "[PATH...]",
	Examples: []string{
		"inspect results/mnist/mdfa-dense-c10-s0-20261124T101502",
		"inspect -diff results/mnist/mdfa-dense-c10-s0-… results/mnist/mdfa-dense-c10-s1-…",
		"inspect -runs -where classes=10 -table text",
		"inspect -runs -where model=mdfa -where 'test_accuracy>0.9' -sort -test_accuracy -n 10",
	},
	Files: []cli.Entry{{Name: "DIR/" + folder.LogFile, Text: "the log of all runs below DIR: [output.md](output.md) has its columns"}},
}

// raw holds flags whose values are parsed after the command line.
type raw struct {
	where         []string
	sort, columns string
}

func newFlags(o *options, r *raw) *cli.Flags {
	f := cli.New(about)
	f.Topic("Checkpoints and runs")
	f.Text(&o.weights, "weights", "NAME", checkpoint.Best, "weights of a run: best, those of the best epoch, or last").Only(checkpoint.Best, checkpoint.Last)
	f.Bool(&o.diff, "diff", "compare settings, weights and history of two paths")

	f.Topic("The log of runs")
	f.Bool(&o.runs, "runs", "list the runs of a results folder")
	f.Each(&r.where, "where", "TEST", "keep runs that pass, as in model=mdfa, 'seed!=0', 'test_accuracy>=0.9' or folder~conv (contains); may be given again")
	f.Text(&r.sort, "sort", "COLUMN,...", "", "order, with - before a column the largest first (default as they started)")
	f.Text(&r.columns, "columns", "COLUMN,...", "", "columns to show, or all (default folder,status,epochs,best_valid_accuracy,test_accuracy)")
	f.Text(&o.table, "table", "FORM", "", "compare the rules of the runs in a table instead: "+english.OxfordWordSeries(compare.Forms, "or")).Only(compare.Forms...)
	f.Comparison(&o.compared)

	f.Topic("Output")
	f.Integer(&o.most, "n", "N", 0, 0, "at most N rows, 0 for no limit (default all runs, the last 10 epochs)")
	f.Bool(&o.json, "json", "print an object a line, for programs")
	return f
}

// parse reads the command line. The error is a usage error, or an answer such as the help text.
func parse(args []string) (options, error) {
	var o options
	var r raw
	f := newFlags(&o, &r)
	var err error
	if o.paths, err = f.Parse(args); err != nil {
		return o, err
	}
	if !f.Given["n"] && !o.runs && !o.json {
		o.most = lastEpochs
	}
	for _, text := range r.where {
		c, err := parseCondition(text)
		if err != nil {
			return o, err
		}
		o.where = append(o.where, c)
	}
	if o.sort, err = list("sort", r.sort, f.Given["sort"]); err != nil {
		return o, err
	}
	if o.columns, err = list("columns", r.columns, f.Given["columns"]); err != nil {
		return o, err
	}
	return o, o.check(f.Given)
}

// list splits a value at its commas.
func list(flag, text string, given bool) ([]string, error) {
	if !given {
		return nil, nil
	}
	var words []string
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); strings.Trim(word, "-") == "" {
			return nil, cli.Usagef("-%s %s: expected names of columns with commas between them, such as test_accuracy.", flag, wording.Shown(text))
		}
		words = append(words, word)
	}
	return words, nil
}

func (o *options) check(given map[string]bool) error {
	switch {
	case o.runs && (o.diff || given["weights"]):
		return cli.Usagef("-runs lists runs, and -diff and -weights are about one or two of them: leave one of them out.")
	case o.runs && len(o.paths) > 1:
		return cli.Usagef("-runs takes one results folder: name one, or none for results.")
	case o.diff && len(o.paths) != 2:
		return cli.Usagef("-diff compares two paths, and %d were given: name two runs or checkpoints.", len(o.paths))
	case !o.runs && len(o.paths) == 0:
		return cli.Usagef("nothing to inspect: name checkpoints or the folders of runs, or list the runs with -runs (inspect -h lists the flags).")
	}
	if o.table != "" && (o.json || given["columns"]) {
		return cli.Usagef("-table has columns of its own: leave -json and -columns out.")
	}
	for _, name := range []string{"baseline", "with"} {
		if given[name] && o.table == "" {
			return cli.Usagef("-%s goes with -table: add it, or leave -%s out.", name, name)
		}
	}
	for _, name := range []string{"where", "sort", "columns", "table"} {
		if given[name] && !o.runs {
			return cli.Usagef("-%s goes with -runs: add it, or leave -%s out.", name, name)
		}
	}
	return nil
}

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
