// Command gpureport runs the commands of docs/gpu-runs.md on one device and writes the tables of that page. If a part
// fails it is named, and the other parts still run. make gpu-report builds the programs and starts it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"mdfa/internal/disk"
	"mdfa/run/folder"
)

func main() {
	var r runner
	flag.StringVar(&r.device, "device", "cuda", "device to run on: cuda, cuda:1, emu")
	flag.BoolVar(&r.quick, "quick", false, "tiny networks and few steps, to try the report itself")
	flag.StringVar(&r.bin, "bin", "bin", "folder of the programs")
	flag.StringVar(&r.tests, "tests", "make gpu-test", "shell command of the tests")
	flag.StringVar(&r.out, "out", "results/gpu-report-"+time.Now().UTC().Format("20060102T150405"), "folder to write to, which must not exist")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	r.progress = os.Stdout
	if err := r.run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "gpureport: %v\n", err)
		os.Exit(1)
	}
}

// run runs all parts, writes the report after each, and fails where one has failed.
func (r *runner) run(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(r.out), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(r.out, 0o755); err != nil {
		return err
	}
	r.ran = map[string]bool{}
	list := r.parts()
	report := r.file("report.md")
	for i, p := range list {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted: %d of %d parts have not run; %s has the others", len(list)-i, len(list), report)
		}
		fmt.Fprintf(r.progress, "part %d of %d: %s\n", i+1, len(list), p.name)
		err := r.start(ctx, p)
		if err == nil {
			err = r.look(p)
		}
		r.ran[p.name] = err == nil
		if err != nil && ctx.Err() == nil {
			r.failures = append(r.failures, fmt.Sprintf("%s: %v; %s ends with: %s", p.name, err, r.log(p), r.reason(p)))
			fmt.Fprintf(r.progress, "failed: %s\n", r.failures[len(r.failures)-1])
		}
		if err := disk.WriteFile(report, []byte(r.report())); err != nil {
			return err
		}
	}
	fmt.Fprintf(r.progress, "the tables are in %s\n", report)
	if n := len(r.failures); n > 0 {
		return fmt.Errorf("%d of %d parts failed: %s lists them", n, len(list), report)
	}
	return nil
}

func (r *runner) log(p part) string { return r.file(p.name + ".log") }

// start runs a part with its output in its log. Interrupted, it waits until the program has ended by itself.
func (r *runner) start(ctx context.Context, p part) error {
	log, err := os.Create(r.log(p))
	if err != nil {
		return err
	}
	defer log.Close()
	var out strings.Builder
	command := p.command
	if p.name == "same" {
		for _, again := range sameRuns {
			file, err := r.found(again, folder.ResultFile)
			if err != nil {
				return err
			}
			command = append(command, filepath.Dir(file))
		}
	}
	fmt.Fprintf(log, "$ %s\n", strings.Join(command, " "))
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	cmd.Stdout, cmd.Stderr = io.MultiWriter(log, &out), log
	if err := cmd.Run(); err != nil {
		return err
	}
	if p.name == "same" {
		return agree(out.String())
	}
	return nil
}

// look checks that a part which succeeded left the files that the report reads.
func (r *runner) look(p part) (err error) {
	if strings.HasPrefix(p.name, "accuracy-") || strings.HasPrefix(p.name, "speed-") || slices.Contains(sameRuns, p.name) {
		_, err = r.result(p.name)
	}
	if err == nil && strings.HasPrefix(p.name, "speed-") {
		_, err = r.profile(p.name)
	}
	return err
}

// reason returns the last line that a part printed.
func (r *runner) reason(p part) string {
	text, err := os.ReadFile(r.log(p))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
