// Package report writes the page of a run as one HTML file: facts and command, curves, the angles
// between a learning rule and backpropagation, the confusion matrix, the first layer's filters and
// histograms of the weights. A second kind of page compares runs.
//
// A page needs no other file: style, script and numbers are inside, and a policy in its head keeps the
// browser from fetching anything. It can be read in light and dark, on a phone, on paper and with
// the keyboard alone.
//
// uPlot 1.6.32 draws the charts (Leon Sorokin, MIT licence: assets/uPlot.LICENSE). It has no
// dependencies and a tenth of other libraries' size, so that every page can hold it. It has bands
// for deviations and bars for histograms. assets/report.js adds switches for lines, and values and
// tables that are read with the keyboard.
package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"time"

	"mdfa/internal/figures"
	"mdfa/run/folder"
)

// Fact is a label and a text about a run.
type Fact struct{ Label, Value string }

// Group is a list of facts under a heading, such as "Network".
type Group struct {
	Title string
	Facts []Fact
}

// Layer is the weights of a layer in the best epoch, in row-major order of Shape: [fan_in, units] or
// [kernel, kernel, channels in, channels out].
type Layer struct {
	Name    string // "conv 96 5/2"
	Shape   []int
	Weights []float32
	Floor   float64 // the rule clamps these weights at it; NaN if it does not
}

func (l Layer) clamped() bool { return !math.IsNaN(l.Floor) }

// Confusion counts examples by true and by predicted class.
type Confusion struct {
	Split  string   // "test" or "validation"
	Names  []string // of the classes
	Counts []int    // [true class, predicted class]
}

// Run is the content of a report. Empty parts are left out.
type Run struct {
	Rule     string // the name of the learning rule
	Title    string // "mdfa · convnet on mnist, all 10 classes (seed 0)"
	Folder   string // the name of the run's folder
	Command  string // the exact command, to be run again
	Status   string // complete, interrupted, failed, running or killed
	Reason   string // why it is not complete, or complete so early
	Outcome  []Number
	Groups   []Group
	Epochs   []folder.Epoch
	Align    []folder.Alignment
	Test     *Confusion
	Input    [3]int // height, width, channels of an image
	Layers   []Layer
	Notes    []string  // sentences for the reader: missing parts, and why
	Made     time.Time // of the page
	Producer string    // the program and its version
}

// Number is a figure at the top of the page.
type Number struct {
	Label, Value, Detail string
}

//go:embed assets
var assets embed.FS

func asset(name string) string {
	text, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // it is built in
	}
	return string(text)
}

// frame is the part of a page around its content.
type frame struct {
	Title    string
	CSS      template.CSS
	Library  template.JS
	Script   template.JS
	Made     string
	Producer string
}

func newFrame(title, producer string, made time.Time) frame {
	return frame{
		Title: title, Producer: producer, Made: made.Format("2 January 2006, 15:04 MST"),
		CSS:     template.CSS(asset("uPlot.min.css") + asset("report.css")),
		Library: template.JS(asset("uPlot.iife.min.js")), Script: template.JS(asset("report.js")),
	}
}

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"comma": figures.Count[int],
	"part":  func(x float64) template.CSS { return template.CSS(fmt.Sprintf("--part:%.3f", x)) },
	"tint":  func(light, dark string) template.CSS { return template.CSS("--light:" + light + ";--dark:" + dark) },
	"data":  func(uri string) template.URL { return template.URL(uri) },
}).ParseFS(assets, "assets/*.tmpl"))

// runPage is a Run for its template.
type runPage struct {
	frame
	Run       *Run
	Curves    []chart
	Alignment []chart
	Matrix    *matrix
	Filters   *filters
	Weights   []chart
	Table     []layerRow
	Clamped   bool
}

// Write writes the page of a run.
func Write(w io.Writer, r *Run) error {
	page := runPage{frame: newFrame(r.Title, r.Producer, r.Made), Run: r}
	rule := looksOf(r.Rule)[r.Rule]
	page.Curves = curves(r.Epochs, rule)
	page.Alignment = alignmentOf(r.Align, rule)
	if r.Test != nil {
		m, err := newMatrix(r.Test)
		if err != nil {
			return err
		}
		page.Matrix = m
	}
	for i, l := range r.Layers {
		h, row := spread(l, i, rule)
		page.Weights, page.Table = append(page.Weights, h), append(page.Table, row)
		page.Clamped = page.Clamped || l.clamped()
	}
	var err error
	if page.Filters, err = firstLayer(r); err != nil {
		return err
	}
	if err := pages.ExecuteTemplate(w, "run.tmpl", page); err != nil {
		return err
	}
	return nil
}
