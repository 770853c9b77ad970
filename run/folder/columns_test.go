package folder

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/settings"
)

// testColumns holds that each field of a row is a column, and that each column survives the
// table and has its place in the event.
func testColumns[T any](t *testing.T, columns Columns[T]) {
	t.Helper()
	want := 0
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		if f.Type != reflect.TypeFor[[]settings.Fact]() && (!f.Anonymous) && len(f.Index) <= 2 && !throughFloat[T](f.Index) {
			want++
		}
	}
	assert.Len(t, columns, want, "a column for each field of %T", *new(T))

	names, fields := map[string]bool{}, map[any]bool{}
	for _, c := range columns {
		assert.False(t, names[c.Name], "%s is there twice", c.Name)
		names[c.Name] = true
		var row T
		field := c.Field(&row)
		assert.False(t, fields[reflect.ValueOf(field).Pointer()-reflect.ValueOf(&row).Pointer()], "%s shows another column's field", c.Name)
		fields[reflect.ValueOf(field).Pointer()-reflect.ValueOf(&row).Pointer()] = true
		switch v := field.(type) {
		case *int:
			*v = 7
		case *bool:
			*v = true
		case *string:
			*v = "text"
		case *Float:
			assert.True(t, c.Scalar == "" || c.Unit != "" || strings.HasPrefix(c.Name, "norm_ratio") || c.Name == "lr", "%s: its unit", c.Name)
			*v = Known(0.25)
			if c.Unit == "" && c.Text != nil {
				*v = Known(7)
			}
		}
		if !c.EventOnly {
			line := Row{}
			for _, cell := range columns.Cells(&row) {
				line[cell.Column] = cell.Value
			}
			assert.Equal(t, row, columns.Parse(line), c.Name)
		}
		text, err := columns.Event(&row)
		require.NoError(t, err)
		empty, err := columns.Event(new(T))
		require.NoError(t, err)
		var all, none map[string]any
		require.NoError(t, json.Unmarshal(text, &all))
		require.NoError(t, json.Unmarshal(empty, &none))
		assert.Len(t, all, len(columns))
		assert.NotEqual(t, none[c.Name], all[c.Name], c.Name)
		assert.NotEqual(t, "-", c.Show(&row), c.Name)
	}
}

// throughFloat says whether a field is inside a Float.
func throughFloat[T any](index []int) bool {
	return len(index) > 1 && reflect.TypeFor[T]().FieldByIndex(index[:len(index)-1]).Type == reflect.TypeFor[Float]()
}

func TestEveryColumnIsDeclaredInFull(t *testing.T) {
	testColumns(t, EpochColumns)
	testColumns(t, AlignmentColumns)
	testColumns(t, ResultColumns)
	for _, c := range ResultColumns {
		_, isText := c.Field(new(Result)).(*string)
		assert.Equal(t, !isText, IsNumber(c.Name), c.Name)
	}
}

func TestNumbersThatAreMissingNaNOrInfinite(t *testing.T) {
	e := Epoch{Number: 1, TrainLoss: Known(math.NaN()), ImagesPerSecond: Known(math.Inf(1)), TrainSeconds: Known(0.5)}
	assert.Equal(t, "1,0,NaN,,,,,,false,+Inf,0.500,\n", string(EpochColumns.csv(false, e)))
	text, err := EpochColumns.Event(&e)
	require.NoError(t, err)
	assert.Equal(t, `{"epoch":1,"epochs":0,"steps":0,"train_loss":null,"train_accuracy":null,"valid_loss":null,"valid_accuracy":null,"valid_top5":null,`+
		`"lr":null,"best":false,"images_per_second":null,"train_seconds":0.5,"data_wait_seconds":null}`, string(text))
	assert.Equal(t, "NaN", EpochColumns[3].Show(&e))

	o := Result{Outcome: Outcome{Steps: Known(1_000_000)}}
	cells := map[string]string{}
	for _, c := range o.Cells() {
		cells[c.Column] = c.Value
	}
	assert.Equal(t, "1000000", cells["steps"])
	assert.Empty(t, cells["epochs"], "a run that has just begun")
}

func TestColumnsOfTheLogAreTyped(t *testing.T) {
	for _, c := range []struct {
		name, text string
		json       any
		show       string
	}{
		{"test_accuracy", "0.9", json.Number("0.9"), "90.00%"}, {"test_accuracy", "", nil, "-"}, {"lr", "NaN", nil, "NaN"},
		{"seed", "3", json.Number("3"), "3"}, {"pid", "7", json.Number("7"), "7"}, {"coarse", "true", true, "true"}, {"coarse", "", nil, "-"},
		{"image_size", "28x28x1", "28x28x1", "28x28x1"}, {"status", "failed", "failed", "failed"}, {"of another version", "1", "1", "1"},
	} {
		assert.Equal(t, c.json, JSON(c.name, c.text), c.name)
		assert.Equal(t, c.show, Show(c.name, c.text), c.name)
	}
}
