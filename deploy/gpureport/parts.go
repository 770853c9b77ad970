package main

import (
	"io"
	"path/filepath"

	"mdfa/algo"
)

var (
	rules    = algo.RuleNames()
	networks = []network{
		{name: "fully connected", short: "fc", quick: []string{"-layers", "8"}, accuracyEpochs: "5"},
		{name: "convolutional", short: "conv", flags: []string{"-convnet"}, accuracy: []string{"-reduction", "sum"},
			quick: []string{"-filters", "2:5:4"}, accuracyEpochs: "2"},
	}
	maths    = []string{"float32", "tf32"}
	sameRuns = []string{"same-1", "same-2"} // whose folders the part "same" compares
)

// network is one of the two networks of docs/gpu-runs.md.
type network struct {
	name, short     string
	flags, accuracy []string // flags of every run, and of the runs for accuracies
	quick           []string // flags that make it tiny
	accuracyEpochs  string
}

// runner runs the parts one after the other.
type runner struct {
	device, bin, tests, out string
	quick                   bool
	progress                io.Writer

	ran      map[string]bool // parts that were started, by name; true where they succeeded
	failures []string
}

// part is one command.
type part struct {
	name    string
	command []string
}

// parts lists the commands in the order in which they run. A run of train has a folder of the part's name.
func (r *runner) parts() []part {
	list := []part{{"devices", []string{r.program("train"), "-devices"}}, {"tests", []string{"sh", "-c", r.tests}}}
	train := func(name string, n network, model, epochs string, flags ...string) {
		args := []string{r.program("train"), "-device", r.device, "-quiet", "-out", r.file("runs", name), "-model", model, "-max_epochs", epochs}
		args = append(append(args, n.flags...), flags...)
		if r.quick {
			args = append(append(args, n.quick...), "-classes", "2", "-max_steps", "3", "-max_epochs", "1")
		}
		list = append(list, part{name, args})
	}
	for _, again := range sameRuns {
		train(again, networks[1], "mdfa", "2")
	}
	list = append(list, part{"same", []string{r.program("inspect"), "-json", "-weights", "last", "-diff"}})
	for _, n := range networks {
		for _, model := range rules {
			flags := append([]string{"-forward_init", "N0.05", "-backward_init", "N0.05"}, n.accuracy...)
			train("accuracy-"+n.short+"-"+model, n, model, n.accuracyEpochs, flags...)
		}
	}
	for _, math := range maths {
		var flags []string
		if math == "tf32" {
			flags = []string{"-tf32"}
		}
		for _, n := range networks {
			for _, model := range rules {
				train("speed-"+math+"-"+n.short+"-"+model, n, model, "5", append(flags, "-profile")...)
			}
		}
		bench := append([]string{r.program("bench"), "-device", r.device, "-json", r.file("bench-" + math + ".json"), "-markdown", r.file("bench-" + math + ".md")}, flags...)
		if r.quick {
			bench = append(bench, "-quick", "-nets", "fc", "-time", "50ms")
		}
		list = append(list, part{"bench-" + math, bench})
	}
	return list
}

func (r *runner) program(name string) string { return filepath.Join(r.bin, name) }

func (r *runner) file(names ...string) string {
	return filepath.Join(append([]string{r.out}, names...)...)
}
