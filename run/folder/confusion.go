package folder

import (
	"fmt"
	"strconv"

	"mdfa/algo/predict"
)

// Confusion is a confusion matrix over a split, "test" or "validation".
type Confusion struct {
	Split string
	*predict.Confusion
}

// confused is a row of confusion.csv.
type confused struct {
	split, truthName, predictedName string
	truth, predicted, count         int
}

var confusionColumns = Columns[confused]{
	{Name: "split", Field: func(c *confused) any { return &c.split }},
	{Name: "true", Field: func(c *confused) any { return &c.truth }},
	{Name: "true_name", Field: func(c *confused) any { return &c.truthName }},
	{Name: "predicted", Field: func(c *confused) any { return &c.predicted }},
	{Name: "predicted_name", Field: func(c *confused) any { return &c.predictedName }},
	{Name: "count", Field: func(c *confused) any { return &c.count }},
}

// WriteConfusion writes confusion.csv, unless there were too many classes to count their pairs. name
// returns the name of a class.
func WriteConfusion(w *Writer, c Confusion, name func(class int) string) error {
	if c.Counts == nil {
		return nil
	}
	var rows []confused
	for i, n := range c.Counts {
		if n > 0 {
			truth, predicted := i/c.Classes, i%c.Classes
			rows = append(rows, confused{c.Split, name(truth), name(predicted), truth, predicted, n})
		}
	}
	return w.Write(ConfusionFile, confusionColumns.csv(true, rows...))
}

// readConfusion reads confusion.csv; nil if there is no file.
func readConfusion(path string, classes int) (*Confusion, error) {
	rows, err := ReadTable(path)
	if err != nil || rows == nil {
		return nil, err
	}
	c := &Confusion{Confusion: predict.NewConfusion(classes)}
	if c.Counts == nil {
		return nil, unreadable(path, fmt.Errorf("there are %d classes", classes))
	}
	for _, line := range rows {
		r := confusionColumns.Parse(line)
		for _, count := range []string{"true", "predicted", "count"} {
			if _, err := strconv.ParseUint(line[count], 10, 63); err != nil || r.truth >= classes || r.predicted >= classes {
				return nil, unreadable(path, fmt.Errorf("a row counts %q of class %q as %q", line["count"], line["true"], line["predicted"]))
			}
		}
		c.Split = r.split
		c.Counts[r.truth*classes+r.predicted] += r.count
		c.Total += r.count
		if r.truth == r.predicted {
			c.Correct += r.count
		}
	}
	return c, nil
}
