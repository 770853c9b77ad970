package sweep

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/wording"
	"mdfa/run/settings"
	"mdfa/run/sweep"
)

// jobsAuto is the value of -jobs that suits the device.
const jobsAuto = "auto"

// options holds the flags.
type options struct {
	grid                     *sweep.Grid
	list, quiet, retryFailed bool
	where                    []string
	jobsText, shardText      string
	shard                    sweep.Shard
	shardNote                string // what the user should know of the shard
	jobs                     int    // 0: auto
}

// about describes the program in its help text and in docs/cli.md.
var about = cli.Program{
	Name:    "sweep",
	Summary: "sweep trains a run for each combination of the values of its flags, which are train's.",
	Description: "Most flags take several values with commas, and whole numbers ranges: `-classes 2,3,5-10 -seed 0-9`. " +
		"A flag whose values have commas of their own (" + ofCommas("`-%`") + ") is given once for each value, and a switch with two values is written `-convnet=true,false`. " +
		"Each run is one of train's, in a folder of its own below `-out`. " +
		"The same command skips the runs that are complete, resumes those that were cut off, and adds those that were added to the grid; so there is no `-resume`. " +
		"Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 save all runs; a second Ctrl-C or SIGTERM ends the program at once. [sweep.md](sweep.md) has more.",
	Twice:   "Where a flag by which runs are told apart is given twice, the values of both count; otherwise the last one counts.",
	Closing: "There is no -resume: the same command goes on.",
	Environment: slices.Concat([]cli.Entry{
		{Name: "SLURM_ARRAY_TASK_ID", Text: "with its _MIN and _COUNT: the shard, where -shard is not given"},
		{Name: "JOB_COMPLETION_INDEX", Text: "Kubernetes's number of a Pod, from 0: the shard of -shard auto/N"},
	}, cli.DataVariables(), cli.MachineVariables(), cli.TerminalVariables()),
	Files: []cli.Entry{{Name: "DIR/DATASET/RUN/", Text: "the folder of each run, with the files that train writes"}},
	Examples: []string{
		"sweep -model bp,fa,dfa,mdfa -classes 2,3,5,10 -seed 0-9 -convnet",
		"sweep -model bp,mdfa -layers 100 -layers 400,400 -seed 0-4 -list",
	},
}

// ofCommas lists the settings whose values have commas of their own, each in the place of %.
func ofCommas(form string) string {
	var names []string
	for _, s := range settings.List {
		if s.Commas && s.Identity {
			names = append(names, strings.Replace(form, "%", s.Name, 1))
		}
	}
	return strings.Join(names, ", ")
}

// newFlags defines every flag: the settings by group, and the program's own.
func newFlags(o *options) *cli.Flags {
	f := cli.New(about)
	o.grid = sweep.NewGrid()
	f.Topic("Sweep")
	f.Bool(&o.list, "list", "print the runs, and which are done, running, failed or left, and exit")
	f.Each(&o.where, "where", "NAME=V,...", "keep runs with these values only, such as classes=2,3 or model!=bp; runs must pass every one that is given")
	f.Text(&o.jobsText, "jobs", "N", jobsAuto, "runs side by side: a number, or auto (one for each processor, or 4 on a GPU)").Among(jobsAuto)
	f.Text(&o.shardText, "shard", "I/N", "", "train part I of N of the grid, or with auto/N the part that Slurm or Kubernetes numbers")
	f.Bool(&o.retryFailed, "retry_failed", "retry failed runs")
	f.Bool(&o.quiet, "quiet", "print the outcome only")
	defaults := settings.Defaults()
	for _, s := range settings.List {
		f.Topic(s.Group)
		f.Values(s, &defaults, func(text string) error { return o.grid.Add(s.Name, text) })
	}
	return f
}

// parse reads the command line. The error is a usage error, or an answer such as the help
// text.
func parse(args []string) (options, error) {
	var o options
	for _, arg := range args {
		if name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "="); strings.HasPrefix(arg, "-") && name == "resume" {
			return o, cli.Usagef("-resume is not for sweeps: the same command resumes the runs that were cut off.")
		}
	}
	if _, err := newFlags(&o).Parse(args); err != nil {
		return o, err
	}
	if o.jobsText != jobsAuto {
		n, err := strconv.Atoi(o.jobsText)
		if err != nil || n < 1 {
			return o, cli.Usagef("-jobs %s: expected a whole number from 1 on, or auto.", wording.Shown(o.jobsText))
		}
		o.jobs = n
	}
	var err error
	if o.shard, o.shardNote, err = sweep.ParseShard(o.shardText, os.Getenv); err != nil {
		return o, err
	}
	for _, condition := range o.where {
		if err := o.grid.Where(condition); err != nil {
			return o, err
		}
	}
	return o, nil
}
