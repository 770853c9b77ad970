package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"mdfa/run/folder"
)

var errDiffer = errors.New("the two runs differ")

// agree reports whether two runs are the same, from the output of inspect -json -diff.
func agree(text string) error {
	var diff struct {
		WeightsEqual bool `json:"weights_equal"`
		History      struct {
			Epochs          []int `json:"epochs"`
			FirstDifference *int  `json:"first_difference"`
		} `json:"history"`
	}
	if err := json.Unmarshal([]byte(text), &diff); err != nil {
		return err
	}
	h := diff.History
	if !diff.WeightsEqual || len(h.Epochs) != 2 || h.Epochs[0] != h.Epochs[1] || h.FirstDifference == nil || *h.FirstDifference != 0 {
		return errDiffer
	}
	return nil
}

// found returns the path of the one file of this name in a part's run.
func (r *runner) found(part, name string) (string, error) {
	files, err := filepath.Glob(r.file("runs", part, "*", "*", name))
	if err != nil || len(files) != 1 {
		return "", fmt.Errorf("there are %d %s in %s: expected one", len(files), name, r.file("runs", part))
	}
	return files[0], nil
}

// result returns the row of the run's result.csv by column.
func (r *runner) result(part string) (folder.Row, error) {
	name, err := r.found(part, folder.ResultFile)
	if err != nil {
		return nil, err
	}
	rows, err := folder.ReadTable(name)
	switch {
	case err != nil:
		return nil, err
	case len(rows) == 0:
		return nil, fmt.Errorf("%s has no row", name)
	}
	row := rows[len(rows)-1]
	if status := row["status"]; status != folder.StatusComplete {
		return nil, fmt.Errorf("%s says that the run is %s: %s", name, status, row["reason"])
	}
	return row, nil
}

// profile has the fields of profile.json that the report needs.
type profile struct {
	Kernels []kernel `json:"kernels"`
	Total   kernel   `json:"total"`
}

type kernel struct {
	Kernel   string   `json:"kernel"`
	Launches int      `json:"launches"`
	Seconds  *float64 `json:"seconds"` // nil on the software GPU
}

func (r *runner) profile(part string) (profile, error) {
	var p profile
	name, err := r.found(part, folder.ProfileFile)
	if err != nil {
		return p, err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(text, &p)
}

// step returns the time in kernels of a step and the products' share of it, or the launches if there is no time.
func (p profile) step() (all, products string) {
	if p.Total.Seconds == nil || *p.Total.Seconds == 0 {
		for _, k := range p.Kernels {
			if k.Kernel == "sgemm" {
				products = fmt.Sprintf("%d launches", k.Launches)
			}
		}
		return fmt.Sprintf("%d launches", p.Total.Launches), products
	}
	for _, k := range p.Kernels {
		if k.Kernel == "sgemm" && k.Seconds != nil {
			products = fmt.Sprintf("%.0f %%", 100**k.Seconds / *p.Total.Seconds)
		}
	}
	return fmt.Sprintf("%.0f µs", 1e6**p.Total.Seconds), products
}

// report returns the page's tables with the results so far; "-" stands for a missing one.
func (r *runner) report() string {
	var b strings.Builder
	table := func(title string, head ...string) func(cells ...string) {
		fmt.Fprintf(&b, "\n## %s\n\n| %s |\n|%s\n", title, strings.Join(head, " | "), strings.Repeat("---|", len(head)))
		return func(cells ...string) {
			for i, c := range cells {
				if c == "" {
					cells[i] = "-"
				}
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	m := r.machine()
	fmt.Fprintf(&b, "# Report of make gpu-report\n\nThe tables of docs/gpu-runs.md, from -device %s", r.device)
	if r.quick {
		b.WriteString(", with tiny networks: the figures say nothing of the device")
	}
	b.WriteString(".\n")
	if len(r.failures) > 0 {
		b.WriteString("\n## Failed\n\n")
		for _, f := range r.failures {
			fmt.Fprintf(&b, "- %s\n", f)
		}
	}
	table("The machine", "date", "GPU", "driver", "cuBLAS", "commit")(time.Now().UTC().Format(time.DateOnly), m.gpu, m.driver, m.cublas, m.commit)
	table("Correctness", "GPU", "tests", "two runs agree")(m.gpu, r.outcome("tests", "passed", "failed"), r.outcome("same", "bit-identical", "no"))

	row := table("Accuracy", append([]string{"GPU", "network"}, rules...)...)
	for _, n := range networks {
		cells := []string{m.gpu, n.name}
		for _, model := range rules {
			cells = append(cells, percent(r.value("accuracy-"+n.short+"-"+model, "test_accuracy")))
		}
		row(cells...)
	}
	row = table("Speed", "GPU", "network", "rule", "images/s", "images/s with `-tf32`", "step: time in kernels", "of it `sgemm`")
	for _, n := range networks {
		for _, model := range rules {
			name := func(math string) string { return "speed-" + math + "-" + n.short + "-" + model }
			var all, products string
			if r.ran[name("float32")] {
				if p, err := r.profile(name("float32")); err == nil {
					all, products = p.step()
				}
			}
			row(m.gpu, n.name, model, whole(r.value(name("float32"), "images_per_second")), whole(r.value(name("tf32"), "images_per_second")), all, products)
		}
	}
	for _, math := range maths {
		if text, err := os.ReadFile(r.file("bench-" + math + ".md")); err == nil {
			fmt.Fprintf(&b, "\n## The benchmark, %s\n\n%s", math, text)
		}
	}
	return b.String()
}

func (r *runner) outcome(part, good, bad string) string {
	switch succeeded, ran := r.ran[part]; {
	case !ran:
		return ""
	case succeeded:
		return good
	}
	return bad
}

// value is a column of a part's result; "" if the part has not succeeded.
func (r *runner) value(part, column string) string {
	if !r.ran[part] {
		return ""
	}
	row, err := r.result(part)
	if err != nil {
		return ""
	}
	return row[column]
}

// machine is the first table, as the first run that succeeded has it.
func (r *runner) machine() (m struct{ gpu, driver, cublas, commit string }) {
	for _, p := range r.parts() {
		if m.gpu = r.value(p.name, "device"); m.gpu == "" {
			continue
		}
		m.commit = r.value(p.name, "version")
		for detail := range strings.SplitSeq(r.value(p.name, "device_detail"), ", ") {
			switch {
			case strings.HasPrefix(detail, "driver "), strings.HasPrefix(detail, "CUDA "):
				m.driver = strings.TrimPrefix(detail, "driver ")
			case strings.HasPrefix(detail, "cuBLAS "):
				m.cublas = strings.TrimPrefix(detail, "cuBLAS ")
			}
		}
		break
	}
	return m
}

func percent(text string) string { return formatted(text, 100, "%.2f %%") }
func whole(text string) string   { return formatted(text, 1, "%.0f") }

func formatted(text string, times float64, format string) string {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(format, times*v)
}
