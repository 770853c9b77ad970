package folder

import (
	"fmt"
	"strconv"

	"mdfa/algo/predict"
)

// ConfusionFile has what the best weights take for what: a row for each pair of a true and
// a predicted class that occurs.
const ConfusionFile = "confusion.csv"

// Confusion is a confusion matrix over a split, "test" or "validation".
type Confusion struct {
	Split string
	*predict.Confusion
}

// confusionColumns are those of confusion.csv.
var confusionColumns = []string{"split", "true", "true_name", "predicted", "predicted_name", "count"}

// WriteConfusion writes confusion.csv, unless there are too many classes for their pairs to
// have been counted. name is what a class is called.
func WriteConfusion(run *Writer, c Confusion, name func(class int) string) error {
	if c.Counts == nil {
		return nil
	}
	t, err := run.NewTable(ConfusionFile, confusionColumns)
	if err != nil {
		return err
	}
	for i, n := range c.Counts {
		if n == 0 {
			continue
		}
		truth, predicted := i/c.Classes, i%c.Classes
		values := []string{c.Split, strconv.Itoa(truth), name(truth), strconv.Itoa(predicted), name(predicted), strconv.Itoa(n)}
		cells := make([]Cell, len(values))
		for j, v := range values {
			cells[j] = Cell{Column: confusionColumns[j], Value: v}
		}
		if err := t.Add(cells); err != nil {
			return err
		}
	}
	return t.Save()
}

// readConfusion reads confusion.csv, nil where there is none.
func readConfusion(path string, classes int) (*Confusion, error) {
	rows, err := ReadTable(path)
	if err != nil || rows == nil {
		return nil, err
	}
	c := &Confusion{Confusion: predict.NewConfusion(classes)}
	if c.Counts == nil {
		return nil, unreadable(path, fmt.Errorf("there are %d classes", classes))
	}
	for _, r := range rows {
		truth, err := strconv.Atoi(r["true"])
		predicted, err2 := strconv.Atoi(r["predicted"])
		n, err3 := strconv.Atoi(r["count"])
		if err != nil || err2 != nil || err3 != nil || truth < 0 || truth >= classes || predicted < 0 || predicted >= classes || n < 0 {
			return nil, unreadable(path, fmt.Errorf("a row counts %q of class %q as %q", r["count"], r["true"], r["predicted"]))
		}
		c.Split = r["split"]
		c.Counts[truth*classes+predicted] += n
		c.Total += n
		if truth == predicted {
			c.Correct += n
		}
	}
	return c, nil
}
