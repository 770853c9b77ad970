package folder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"strconv"

	"mdfa/internal/figures"
)

// Units of columns. A column's unit decides how people see its values.
const (
	UnitShare     = "share" // 0 to 1, shown as a percentage
	UnitNats      = "nats"
	UnitSeconds   = "s"
	UnitPerSecond = "1/s"
	UnitDegrees   = "°"
)

// Column declares a column of the rows T once: its name, its value, and how each place shows
// it. Tables, events, TensorBoard, pages and programs range over the lists of columns.
type Column[T any] struct {
	Name  string               // in tables and events
	Unit  string               // "" for counts, names and ratios
	Field func(*T) any         // points to the value: *int, *bool, *string or *Float
	Text  func(x Float) string // of a Float in a table; nil: the shortest that reads back the same

	EventOnly bool // it is no column of the table

	Scalar string // TensorBoard's tag; "" for none
	Chart  string // title of the page's chart that has a line of it; "" for none
	Line   string // name of that line; "" where the chart has a line for each layer
	Head   string // head of the column in inspect's table; "" for none
	Same   bool   // equal in two runs of the same settings and seed: inspect -diff compares it
}

// Columns are the columns of a table, in their order.
type Columns[T any] []Column[T]

// table returns the columns without those that only events have.
func (c Columns[T]) table() iter.Seq[*Column[T]] {
	return func(yield func(*Column[T]) bool) {
		for i := range c {
			if !c[i].EventOnly && !yield(&c[i]) {
				return
			}
		}
	}
}

// Names returns the first line of the table.
func (c Columns[T]) Names() []string {
	var names []string
	for column := range c.table() {
		names = append(names, column.Name)
	}
	return names
}

// Cells returns a row of the table with the names of its columns.
func (c Columns[T]) Cells(row *T) []Cell {
	var cells []Cell
	for column := range c.table() {
		cells = append(cells, Cell{column.Name, column.text(row)})
	}
	return cells
}

// Parse reads a line of the table. What is missing or cannot be read is 0, false, "" or an
// unknown Float.
func (c Columns[T]) Parse(line Row) T {
	var row T
	for column := range c.table() {
		text := line[column.Name]
		switch v := column.Field(&row).(type) {
		case *int:
			*v, _ = strconv.Atoi(text)
		case *bool:
			*v = text == "true"
		case *string:
			*v = text
		case *Float:
			if x, err := strconv.ParseFloat(text, 64); err == nil {
				*v = Known(x)
			}
		}
	}
	return row
}

// Event returns a row as a JSON object with the columns in their order.
func (c Columns[T]) Event(row *T) (json.RawMessage, error) {
	var text bytes.Buffer
	for i, column := range c {
		value, err := json.Marshal(column.Field(row))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", column.Name, err)
		}
		fmt.Fprintf(&text, "%c%q:%s", "{,"[min(i, 1)], column.Name, value)
	}
	text.WriteByte('}')
	return text.Bytes(), nil
}

// Object returns a row of the table by column, for JSON.
func (c Columns[T]) Object(row *T) map[string]any {
	values := map[string]any{}
	for column := range c.table() {
		values[column.Name] = column.Field(row)
	}
	return values
}

// Read reads a table of a run's folder; nil where there is no file.
func (c Columns[T]) Read(path string) ([]T, error) {
	lines, err := ReadTable(path)
	if lines == nil {
		return nil, err
	}
	rows := make([]T, len(lines))
	for i, line := range lines {
		rows[i] = c.Parse(line)
	}
	return rows, nil
}

// text is the column's cell.
func (c Column[T]) text(row *T) string {
	switch v := c.Field(row).(type) {
	case *int:
		return strconv.Itoa(*v)
	case *bool:
		return strconv.FormatBool(*v)
	case *Float:
		if c.Text != nil {
			return c.Text(*v)
		}
		return v.String()
	case *string:
		return *v
	}
	panic(fmt.Sprintf("column %s: a value of type %T", c.Name, c.Field(row)))
}

// Equal says whether two rows have the same value.
func (c Column[T]) Equal(a, b *T) bool { return c.text(a) == c.text(b) }

// Number returns a row's value, NaN where it is missing or no Float.
func (c Column[T]) Number(row *T) float64 {
	if v, is := c.Field(row).(*Float); is {
		return v.OrNaN()
	}
	return math.NaN()
}

// Show returns a row's value for people, "-" if it is missing.
func (c Column[T]) Show(row *T) string {
	v, isFloat := c.Field(row).(*Float)
	switch {
	case !isFloat:
		if text := c.text(row); text != "" {
			return text
		}
		return "-"
	case !v.Known:
		return "-"
	case !v.finite() && c.Unit != UnitShare:
		return v.String()
	}
	return ShowNumber(v.X, c.Unit)
}

// ShowNumber writes a number of a unit for people.
func ShowNumber(x float64, unit string) string {
	switch unit {
	case UnitShare:
		return figures.Percent(x, 2)
	case UnitNats:
		return strconv.FormatFloat(x, 'f', 4, 64)
	case UnitSeconds:
		return strconv.FormatFloat(x, 'f', 1, 64)
	case UnitPerSecond:
		return figures.Count(int(x))
	}
	return shortest(x)
}

// Float is a number that may be missing. A NaN may be known: the loss of a run that diverged.
type Float struct {
	X     float64
	Known bool
}

// Known returns a Float that is not missing.
func Known(x float64) Float { return Float{x, true} }

// Mean returns the mean x over count examples, missing where there were none.
func Mean(x, count float64) Float { return Float{x, count != 0} }

// Measured returns x, missing if it is NaN.
func Measured(x float64) Float { return Float{x, !math.IsNaN(x)} }

// OrNaN returns the number, NaN where it is missing.
func (f Float) OrNaN() float64 {
	if !f.Known {
		return math.NaN()
	}
	return f.X
}

func (f Float) finite() bool { return f.Known && !math.IsNaN(f.X) && !math.IsInf(f.X, 0) }

// String is the shortest text that reads back as the same number, "" where it is missing.
func (f Float) String() string {
	if !f.Known {
		return ""
	}
	return shortest(f.X)
}

// MarshalJSON writes the number, and null where it is missing, NaN or infinite.
func (f Float) MarshalJSON() ([]byte, error) {
	if !f.finite() {
		return []byte("null"), nil
	}
	return json.Marshal(f.X)
}

// UnmarshalJSON reads the text of MarshalJSON.
func (f *Float) UnmarshalJSON(text []byte) error {
	f.Known = string(text) != "null"
	if !f.Known {
		return nil
	}
	return json.Unmarshal(text, &f.X)
}

func shortest(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// digits returns a Column's Text: strconv's format with so many digits.
func digits(format byte, n int) func(Float) string {
	return func(f Float) string {
		if !f.Known {
			return ""
		}
		return strconv.FormatFloat(f.X, format, n, 64)
	}
}
