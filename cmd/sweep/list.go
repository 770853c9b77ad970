package sweep

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/figures"
	"mdfa/internal/foreign"
	"mdfa/internal/progress"
	"mdfa/run/compare"
	"mdfa/run/folder"
	"mdfa/run/sweep"
)

// list prints each run with its state, and the sums.
func list(out *cli.Console, s *sweep.Sweep) {
	widest := 0
	for _, one := range s.Runs {
		widest = max(widest, len(one.Label))
	}
	for _, one := range s.Runs {
		out.Detail(fmt.Sprintf("%-*s  %s", widest, one.Label, state(out, one)))
	}
	out.Line(out.Bold.Sprint(summary(s)))
}

// state says how far a run has come.
func state(out *cli.Console, one *sweep.Run) string {
	switch one.Status {
	case "":
		return "-"
	case folder.StatusInterrupted:
		return fmt.Sprintf("cut off after %s of %d (%s)", english.Plural(one.Epochs, "epoch", ""), one.Spec.MaxEpochs, one.Dir)
	case folder.StatusRunning:
		return "is running (" + one.Dir + ")"
	}
	return ending(out, one)
}

// summary counts the runs, and says how long the rest will take.
func summary(s *sweep.Sweep) string {
	t := s.Totals()
	parts := []string{english.Plural(t.Runs, "run", "")}
	for _, part := range []struct {
		n    int
		what string
	}{{t.Complete, "complete"}, {t.Elsewhere, "running elsewhere"}, {t.Failed, "failed"}, {t.Left, "left"}} {
		if part.n > 0 {
			parts = append(parts, figures.Count(part.n)+" "+part.what)
		}
	}
	if t.Left > 0 && t.Work > 0 {
		parts = append(parts, "about "+progress.Duration(t.Work/time.Duration(s.Jobs()))+" to go")
	}
	return strings.Join(parts, " · ")
}

// compared prints the outcome of the sweep: the table that compares the complete runs of the grid, those of
// other shards too, and the command for the page that does.
func compared(ctx context.Context, out *cli.Console, s *sweep.Sweep, report []string) error {
	out.Line(summary(s))
	dirs := s.Complete()
	if len(dirs) < 2 {
		return nil
	}
	parents := map[string]bool{}
	for _, dir := range dirs {
		parents[filepath.Dir(dir)] = true
	}
	c, err := compare.Folders(ctx, dirs, compare.Options{})
	if err != nil {
		return err
	}
	if c.Compared() {
		out.Line("")
		if err := c.Write(out, "text"); err != nil {
			return cli.Printed(err)
		}
		out.Line("")
	}
	common := filepath.Dir(dirs[0])
	if len(parents) > 1 {
		common = filepath.Dir(common)
	}
	out.Whole(out.Label("page") + "the runs of this folder side by side: " + foreign.Command(append(report, common)...))
	return nil
}
