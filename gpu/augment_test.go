package gpu

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestAugmentDrawsEachPlaceAsOften counts over steps and places in a batch.
func TestAugmentDrawsEachPlaceAsOften(t *testing.T) {
	a := Augment{Shift: 4, Flip: true, Seed: 1}
	const steps, batch, choices = 500, 64, 9
	var down, right [choices]int
	mirrored, together := 0, map[[2]int]int{}
	for step := range int32(steps) {
		for i := range batch {
			d, r, m := a.Draw(step, i)
			down[d+a.Shift]++
			right[r+a.Shift]++
			together[[2]int{d, r}]++
			if m {
				mirrored++
			}
		}
	}
	const n = steps * batch
	near := func(got int, p float64, name string) { // within five deviations
		assert.InDelta(t, n*p, got, 5*math.Sqrt(n*p*(1-p)), name)
	}
	for place := range choices {
		near(down[place], 1.0/choices, "down")
		near(right[place], 1.0/choices, "right")
	}
	near(mirrored, 0.5, "mirrored")
	assert.Len(t, together, choices*choices)
	for _, count := range together {
		near(count, 1.0/(choices*choices), "down and right")
	}
}

// TestAugmentKeepsItsDraws has draws of the first version: a resumed run must see the same images.
func TestAugmentKeepsItsDraws(t *testing.T) {
	type draw struct {
		down, right int
		mirrored    bool
	}
	a := Augment{Shift: 4, Flip: true, Seed: 0x0123456789abcdef}
	var got []draw
	for _, at := range [][2]int{{0, 0}, {0, 1}, {1, 0}, {1000, 63}} {
		d, r, m := a.Draw(int32(at[0]), at[1])
		got = append(got, draw{d, r, m})
	}
	assert.Equal(t, []draw{{2, 2, false}, {2, -2, false}, {3, -1, true}, {-2, 1, true}}, got)
	assert.False(t, Augment{}.Changes())
	assert.True(t, Augment{Flip: true}.Changes())
	assert.True(t, Augment{Shift: 1}.Changes())
}
