package predict

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

	"mdfa/algo/predict"
	"mdfa/cmd/internal/cli"
	"mdfa/gpu"
	"mdfa/internal/figures"
	"mdfa/internal/foreign"
	"mdfa/internal/wording"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// output prints predictions, for people or for machines.
type output struct {
	out    *bufio.Writer
	errors io.Writer
	o      options
	data   checkpoint.Data

	confusion *predict.Confusion
	failed    int
	seen      int
	width     int // of the names of images
	classes   int // of the names of classes
	columns   int // of the terminal, 0 if lines may have any length
}

func newOutput(stdout, stderr io.Writer, o options, data checkpoint.Data) *output {
	return &output{out: bufio.NewWriter(stdout), errors: stderr, o: o, columns: cli.Columns(stdout), data: data, confusion: predict.NewConfusion(data.Classes)}
}

// linef prints a line. Flush returns the first failure.
func (out *output) linef(format string, args ...any) { fmt.Fprintf(out.out, format+"\n", args...) }

// flush writes the buffered lines, after each batch, so that a pipe gets them at once.
func (out *output) flush() error { return cli.Printed(out.out.Flush()) }

// header describes network and device as train does.
func (out *output) header(c *checkpoint.Checkpoint, dev gpu.Info, passed string, im *images) {
	const longest = 48 // columns for the name of an image
	for i := range im.list {
		out.width = min(longest, max(out.width, runewidth.StringWidth(foreign.Text(im.list[i].name))))
	}
	for i := range c.Data.Classes {
		out.classes = max(out.classes, runewidth.StringWidth(out.className(i)))
	}
	if out.o.json || out.o.quiet {
		return
	}
	if passed != "" {
		passed = " (" + passed + ")"
	}
	item := func(label, format string, args ...any) {
		const indent = 9
		out.linef("%s", cli.Hang(fmt.Sprintf("%-*s", indent, label)+foreign.Line(fmt.Sprintf(format, args...)), indent, out.columns))
	}
	item("network", "%s on %s, %d classes: %v", c.Rule, c.Data.Name, c.Data.Classes, c.Network)
	item("weights", "%s (%s)", c.When(), filepath.ToSlash(c.Path))
	item("device", "%v%s", dev, passed)
	for _, note := range im.notes {
		item("note", "%s", note)
	}
	out.linef("")
}

// className returns the name of a class for people.
func (out *output) className(class int) string { return foreign.Text(out.data.ClassName(class)) }

// batch prints the images of a batch, from first on, by their logits.
func (out *output) batch(im *images, first int, logits []float32, width int) error {
	for i := range len(logits) / width {
		at := first + i
		if fault := im.faults[at]; fault != nil {
			if err := out.fault(im.nameOf(at), fault); err != nil {
				return err
			}
			continue
		}
		s, label := logits[i*width:(i+1)*width], im.labels[at]
		out.seen++
		right := true
		if label != unknown {
			out.confusion.Add(s, []int32{label})
			right = predict.Scores(s).Rank(int(label)) == 0
		}
		if out.o.show == showNone || out.o.show == showWrong && right {
			continue
		}
		if !out.o.json {
			out.line(im.nameOf(at), s, label, right)
		} else if err := out.object(imageLine(im.nameOf(at), s, label, out)); err != nil {
			return err
		}
	}
	return out.flush()
}

// fault names a file that could not be read.
func (out *output) fault(name string, err error) error {
	out.failed++
	errorLine(out.errors, err)
	if !out.o.json {
		return nil
	}
	return out.object(map[string]string{"image": name, "error": strings.TrimPrefix(wording.Sentence(err), name+": ")})
}

// line prints an image for people.
func (out *output) line(name string, s predict.Scores, label int32, right bool) {
	p := s.Probabilities()
	var b strings.Builder
	b.WriteString(runewidth.FillRight(foreign.Text(name), out.width))
	for _, class := range s.Top(out.o.top) {
		fmt.Fprintf(&b, "  %s %6s", runewidth.FillRight(out.className(class), out.classes), figures.Percent(p[class], 2))
	}
	if label != unknown && !right {
		fmt.Fprintf(&b, "  wrong: it is %s", out.className(int(label)))
	}
	out.linef("%s", b.String())
}

// imageObject is a line of -json.
type imageObject struct {
	Image       string             `json:"image"`
	Label       *int32             `json:"label,omitempty"`
	Predictions []predictionObject `json:"predictions"`
	Logits      []folder.Float     `json:"logits,omitempty"`
}

type predictionObject struct {
	Class       int          `json:"class"`
	Name        string       `json:"name"`
	Probability folder.Float `json:"probability"`
}

func imageLine(name string, s predict.Scores, label int32, out *output) imageObject {
	line := imageObject{Image: name}
	if label != unknown {
		line.Label = &label
	}
	p := s.Probabilities()
	for _, class := range s.Top(out.o.top) {
		line.Predictions = append(line.Predictions, predictionObject{class, out.data.ClassName(class), folder.Known(p[class])})
	}
	if out.o.logits {
		for _, x := range s {
			line.Logits = append(line.Logits, folder.Known(float64(x))) // float64 holds every float32
		}
	}
	return line
}

// object prints a line of -json.
func (out *output) object(v any) error { return cli.Printed(json.NewEncoder(out.out).Encode(v)) }

// summaryObject is the last line of -json.
type summaryObject struct {
	Images    int      `json:"images"`
	Failed    int      `json:"failed"`
	Labelled  int      `json:"labelled"`
	Accuracy  *float64 `json:"accuracy,omitempty"`
	Top5      *float64 `json:"top5,omitempty"`
	Classes   []string `json:"classes,omitempty"`
	Confusion [][]int  `json:"confusion,omitempty"` // true class in rows
}

// summary prints the accuracy on the images with known classes.
func (out *output) summary() error {
	c := out.confusion
	if out.o.json {
		s := summaryObject{Images: out.seen, Failed: out.failed, Labelled: c.Total}
		if c.Total > 0 {
			accuracy, top5 := c.Accuracy(), c.Top5Accuracy()
			s.Accuracy, s.Top5 = &accuracy, &top5
			for i := range len(c.Counts) / c.Classes {
				s.Classes = append(s.Classes, out.data.ClassName(i))
				s.Confusion = append(s.Confusion, c.Counts[i*c.Classes:(i+1)*c.Classes])
			}
		}
		return cmp.Or(out.object(map[string]summaryObject{"summary": s}), out.flush())
	}
	if c.Total > 0 {
		if out.o.show != showNone && !out.o.quiet {
			out.linef("")
		}
		text := fmt.Sprintf("accuracy %s of %s images", figures.Percent(c.Accuracy(), 2), figures.Count(c.Total))
		if c.Classes >= folder.TopFive {
			text += ", top-5 " + figures.Percent(c.Top5Accuracy(), 2)
		}
		out.linef("%s", text)
		if unlabelled := out.seen - c.Total; unlabelled > 0 {
			out.linef("note     %s images have no class that the network knows and are not counted", figures.Count(unlabelled))
		}
		out.matrix()
	}
	return out.flush()
}

// matrix prints the confusion matrix, or for many classes the pairs that are confused most.
func (out *output) matrix() {
	const most = 20 // classes that fit into a line
	c := out.confusion
	if c.Counts == nil {
		return
	}
	if c.Classes > most {
		out.pairs()
		return
	}
	width := 5
	for _, n := range c.Counts {
		width = max(width, len(strconv.Itoa(n))+1)
	}
	if out.classes < 2*width { // columns are as wide as their heads, which are short words
		width = max(width, out.classes+1)
	}
	head, order := strings.Repeat(" ", out.classes), out.data.ByLabel()
	for _, i := range order {
		head += runewidth.FillLeft(runewidth.Truncate(out.className(i), width-1, ""), width)
	}
	out.linef("\nconfusion matrix: true classes in rows, predicted ones in columns\n%s", head)
	for _, i := range order {
		row := runewidth.FillLeft(out.className(i), out.classes)
		for _, j := range order {
			row += fmt.Sprintf("%*d", width, c.At(i, j))
		}
		out.linef("%s", row)
	}
}

// pairs prints the pairs of classes that are confused most.
func (out *output) pairs() {
	const most = 10
	type pair struct{ truth, predicted, count int }
	var list []pair
	for i := range out.confusion.Classes {
		for j := range out.confusion.Classes {
			if n := out.confusion.At(i, j); i != j && n > 0 {
				list = append(list, pair{i, j, n})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b pair) int { return b.count - a.count })
	if len(list) > 0 {
		out.linef("\nconfused most")
	}
	for _, p := range list[:min(most, len(list))] {
		out.linef("%6d  %s taken for %s", p.count, out.className(p.truth), out.className(p.predicted))
	}
}

// errorLine prints the fault of an image; it does not end the program.
func errorLine(w io.Writer, err error) {
	fmt.Fprintf(w, "predict: %s\n", foreign.Line(wording.Sentence(err)))
}
