package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"mdfa/run/compare"
	"mdfa/run/sweep"
)

// Two rules with two seeds each, 50 steps a run, and what the pairs of equal seeds say.
func Example() {
	ctx := context.Background()
	results, err := os.MkdirTemp("", "results")
	check(err)
	defer os.RemoveAll(results)

	grid := sweep.NewGrid()
	err = errors.Join(grid.Add("model", "bp,mdfa"), grid.Add("seed", "0-1"), grid.Add("classes", "2"),
		grid.Add("max_steps", "50"), grid.Add("device", "cpu"), grid.Add("out", results))
	check(err)
	s, err := sweep.New(grid, sweep.Options{})
	check(err)
	check(s.Do(ctx))

	c, err := compare.Folders(ctx, s.Complete(), compare.Options{})
	check(err)
	for _, group := range c.Tasks[0].Groups {
		fmt.Printf("%s, %d runs", group.Name, len(group.Runs))
		if d := group.Against; d != nil {
			fmt.Printf(", %d pairs with %s", d.Pairs(), c.Baseline)
		}
		fmt.Println()
	}
	// Output:
	// bp, 2 runs
	// mdfa, 2 runs, 2 pairs with bp
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
