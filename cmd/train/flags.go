package train

import (
	"slices"
	"strconv"
	"strings"

	"mdfa/algo"
	"mdfa/cmd/internal/cli"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// How the program prints: the values of -log.
const (
	logText = "text"
	logJSON = "json"
)

// resumeAuto is the value of -resume that looks for a run itself.
const resumeAuto = "auto"

// options holds the flags: the settings of the run, and the program's own.
type options struct {
	settings.Spec
	resume, log             string
	quiet, version, devices bool
	flags                   map[string]string // the program's own flags that run.json records
}

// about describes the program in its help text and in docs/cli.md.
var about = cli.Program{
	Name: "train",
	Summary: "train teaches a network with backpropagation (bp) or without it (" +
		strings.Join(algo.RuleNames(func(r *algo.Rule) bool { return !r.Exact }), ", ") + ").",
	Description: "Each run gets its own folder below `-out`. On a terminal a live line shows its progress; " +
		"[output.md](output.md) describes the output of `-log json`, and the log of all runs. " +
		"Ctrl-C, SIGTERM, SIGHUP (a closed terminal, unless under nohup), SIGUSR1 and a closed pipe (`| head`) end a run after its current step, " +
		"with a checkpoint; a second Ctrl-C or SIGTERM ends it at once. " +
		"`-resume` resumes it ([checkpoints.md](checkpoints.md)), bit-identically.",
	Environment: slices.Concat(cli.DataVariables(), cli.MachineVariables(), cli.RankVariables(), cli.TerminalVariables()),
	Files: []cli.Entry{
		{Name: "DIR/DATASET/RUN/run.json", Text: "flags, data, network, device and command of the run"},
		{Name: "DIR/DATASET/RUN/epochs.csv", Text: "a row for each epoch"},
		{Name: "DIR/DATASET/RUN/result.csv", Text: "one row, once the run has ended"},
		{Name: "DIR/DATASET/RUN/report.html", Text: "the run as a page, unless `-report=false`"},
		{Name: "DIR/DATASET/RUN/confusion.csv", Text: "the confusion matrix, unless `-report=false`"},
		{Name: "DIR/DATASET/RUN/checkpoints/", Text: "last, previous and best, as safetensors"},
		{Name: "DIR/DATASET/RUN/alignment.csv", Text: "with `-alignment`: a row for each layer at each measured step"},
		{Name: "DIR/DATASET/RUN/profile.json", Text: "with `-profile`"},
		{Name: "DIR/DATASET/RUN/tensorboard/", Text: "with `-tensorboard`: event files"},
		{Name: "DIR/" + folder.LogFile, Text: "the log of all runs, which `inspect -runs` lists"},
	},
	Examples: []string{
		"train -model mdfa -convnet -classes 2",
		"train -model mdfa -classes 3,8",
		"train -dataset fashion-mnist -model dfa -layers 400,400 -optimizer adam -max_epochs 20",
	},
}

// newFlags defines every flag: the settings by group, and the program's own between them.
func newFlags(o *options) *cli.Flags {
	f := cli.New(about)
	o.Spec = settings.Defaults()
	o.Given = f.Given
	own := map[string]func(){ // behind the setting of this name
		"device": func() { f.Bool(&o.devices, "devices", "list this machine's devices and exit") },
		"profile": func() {
			f.Topic(settings.GroupCheckpoints)
			f.Text(&o.resume, "resume", "RUN", "", "resume a run: its folder or one above, a checkpoint, or auto (the newest like it)").Among(resumeAuto).File()
		},
		"alignment": func() {
			f.Bool(&o.quiet, "quiet", "print the outcome only")
			f.Text(&o.log, "log", "NAME", logText, "form of the output: text, or json (an object a line, for programs)").Only(logText, logJSON)
			f.Bool(&o.version, "version", "print the version and exit")
		},
	}
	for _, s := range settings.List {
		f.Topic(s.Group)
		f.Setting(s, &o.Spec)
		if more := own[s.Name]; more != nil {
			more()
		}
	}
	return f
}

// parse reads the command line. The error is a usage error, or an answer such as the help
// text.
func parse(args []string) (options, error) {
	var o options
	f := newFlags(&o)
	_, err := f.Parse(args)
	o.flags = map[string]string{"resume": o.resume, "quiet": strconv.FormatBool(o.quiet), "log": o.log}
	return o, err
}
