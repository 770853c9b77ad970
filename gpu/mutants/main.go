// Command mutants plants bugs in the kernels and in the devices, one at a time, and runs the
// tests that are to find them. list.txt has the bugs. Run it by make mutants:
//
//	make mutants                      # all, which takes some minutes
//	make mutants MUTANT=adam-one-turn # one, or all that a regular expression matches
//
// It exits with 1 where a bug survives without a proof that it changes nothing, or the list is
// broken: an entry that does not apply, does not build, or whose tests fail without it.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"
)

//go:embed list.txt
var listText string

func main() {
	only := flag.String("only", "", "regular `expression` of the names to run")
	jobs := flag.Int("jobs", 1, "`number` of mutants at a time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	if err := run(ctx, *only, *jobs); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, jobs int) error {
	list, err := chosen(only)
	if err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	r, err := newRunner(ctx, root, scratch)
	if err != nil {
		return err
	}
	start := time.Now()
	verdicts := testAll(ctx, r, list, jobs)
	if ctx.Err() != nil {
		return errors.New("stopped")
	}
	return summarize(list, verdicts, time.Since(start))
}

// chosen returns the mutants whose whole names match.
func chosen(only string) ([]mutant, error) {
	list, err := parse(listText)
	if err != nil || only == "" {
		return list, err
	}
	pattern, err := regexp.Compile("^(?:" + only + ")$")
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(m mutant) bool { return !pattern.MatchString(m.name) })
	if len(list) == 0 {
		return nil, fmt.Errorf("no mutant has the name %q: gpu/mutants/list.txt has them all", only)
	}
	return list, nil
}

// testAll prints each verdict as soon as it is known.
func testAll(ctx context.Context, r *runner, list []mutant, jobs int) []verdict {
	verdicts := make([]verdict, len(list))
	next, printing := make(chan int), sync.Mutex{}
	var workers sync.WaitGroup
	for range max(1, jobs) {
		workers.Go(func() {
			for i := range next {
				if ctx.Err() != nil {
					continue
				}
				verdicts[i] = r.run(ctx, list[i])
				printing.Lock()
				fmt.Println(line(list[i], verdicts[i]))
				printing.Unlock()
			}
		})
	}
	for i := range list {
		next <- i
	}
	close(next)
	workers.Wait()
	return verdicts
}

// line returns a verdict's line of the output.
func line(m mutant, v verdict) string {
	said := v.kind
	switch {
	case v.kind == broken:
	case v.kind == survived && m.proof != "":
		said, v.detail = "equivalent", m.proof
	case v.kind == survived:
		said, v.detail = "SURVIVED", fmt.Sprintf("go test %s -run '%s'", m.test.pkg, m.test.run)
	default:
		said = "killed by " + v.kind
	}
	detail := v.detail
	if v.kind != broken {
		detail = shorten(detail)
	}
	return fmt.Sprintf("%-34s %-23s %5.1f s  %s", m.name, said, v.took.Seconds(), detail)
}

func shorten(s string) string {
	const most = 160
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// summarize counts by area and kind. It returns an error if a mutant survived without a proof,
// or the list is broken.
func summarize(list []mutant, verdicts []verdict, took time.Duration) error {
	kinds := []string{byTest, byEmulator, byCrash, byTimeout, survived, broken}
	areas := map[string]map[string]int{}
	var wrong []string
	for i, m := range list {
		if areas[m.area()] == nil {
			areas[m.area()] = map[string]int{}
		}
		kind := verdicts[i].kind
		areas[m.area()][kind]++
		switch {
		case kind == broken:
			wrong = append(wrong, m.name+" (the list is broken)")
		case kind == survived && m.proof == "":
			wrong = append(wrong, m.name+" (survived)")
		case kind != survived && m.proof != "":
			wrong = append(wrong, m.name+" (killed in spite of its proof)")
		}
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "\narea\tmutants\t%s\t\n", strings.Join(kinds, "\t"))
	for _, area := range slices.Sorted(maps.Keys(areas)) {
		total := 0
		for _, n := range areas[area] {
			total += n
		}
		fmt.Fprintf(table, "%s\t%d", area, total)
		for _, kind := range kinds {
			fmt.Fprintf(table, "\t%d", areas[area][kind])
		}
		fmt.Fprint(table, "\t\n")
	}
	table.Flush()
	fmt.Printf("%d mutants in %s\n", len(list), took.Round(time.Second))
	if len(wrong) > 0 {
		return fmt.Errorf("%d of %d: %s", len(wrong), len(list), strings.Join(wrong, ", "))
	}
	return nil
}
