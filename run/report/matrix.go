package report

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
)

const (
	// mostCells is the largest number of classes for which every count is written out.
	mostCells = 20
	// mostPixels is the largest number of classes for which the matrix is drawn, a pixel for each count.
	mostPixels = 400
	// mostPairs is the length of the list of the pairs that are confused most.
	mostPairs = 12
)

// matrix is a confusion matrix for the page's template.
type matrix struct {
	Split    string
	Names    []string
	Total    int
	Accuracy string
	Rows     []matrixRow // up to mostCells classes
	Picture  string      // PNG, up to mostPixels classes
	Pairs    []pair
	Worst    []worst // the classes that are recognised least, of many classes
}

type matrixRow struct {
	Name, Recall string
	Cells        []cell
}

// cell is a count. Part, 0 to 1, is the strength of its colour.
type cell struct {
	Count       int
	Part        float64
	Right       bool
	Truth, Into string
}

type pair struct {
	Truth, Predicted string
	Count            int
	Share            string // of the true class
}

type worst struct {
	Name, Recall string
	Total        int
}

func newMatrix(c *Confusion) (*matrix, error) {
	n := len(c.Names)
	if len(c.Counts) != n*n {
		return nil, fmt.Errorf("%d counts for %d classes", len(c.Counts), n)
	}
	m := &matrix{Split: c.Split, Names: c.Names}
	totals, right := make([]int, n), 0
	for i, count := range c.Counts {
		totals[i/n] += count
		m.Total += count
		if i/n == i%n {
			right += count
		}
	}
	m.Accuracy = percent(float64(right) / float64(m.Total))
	for i, count := range c.Counts {
		if truth, into := i/n, i%n; truth != into && count > 0 {
			m.Pairs = append(m.Pairs, pair{c.Names[truth], c.Names[into], count, percent(float64(count) / float64(totals[truth]))})
		}
	}
	slices.SortStableFunc(m.Pairs, func(a, b pair) int { return cmp.Compare(b.Count, a.Count) })
	m.Pairs = m.Pairs[:min(len(m.Pairs), mostPairs)]
	recall := func(i int) float64 { return float64(c.Counts[i*n+i]) / float64(totals[i]) }
	switch {
	case n <= mostCells:
		m.writeOut(c, totals, recall)
		return m, nil
	case n <= mostPixels:
		var err error
		if m.Picture, err = picture(c, totals); err != nil {
			return nil, err
		}
	}
	var order []int // the classes with images
	for i := range n {
		if totals[i] > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(recall(a), recall(b)) })
	for _, i := range order[:min(len(order), mostPairs)] {
		m.Worst = append(m.Worst, worst{c.Names[i], percent(recall(i)), totals[i]})
	}
	return m, nil
}

// writeOut makes every count a cell. The colour of a mistake is the root of its share, so that rare
// mistakes can be seen.
func (m *matrix) writeOut(c *Confusion, totals []int, recall func(int) float64) {
	n := len(c.Names)
	for truth := range n {
		row := matrixRow{Name: c.Names[truth], Recall: percent(recall(truth))}
		for into := range n {
			count := c.Counts[truth*n+into]
			share := float64(count) / float64(max(1, totals[truth]))
			one := cell{Count: count, Part: share, Right: truth == into, Truth: c.Names[truth], Into: c.Names[into]}
			if !one.Right {
				one.Part = math.Sqrt(share)
			}
			row.Cells = append(row.Cells, one)
		}
		m.Rows = append(m.Rows, row)
	}
}

// picture draws a pixel for each count, blue on the diagonal and red beside it, transparent for 0.
func picture(c *Confusion, totals []int) (string, error) {
	n := len(c.Names)
	img := image.NewNRGBA(image.Rect(0, 0, n, n))
	for i, count := range c.Counts {
		truth, into := i/n, i%n
		share := float64(count) / float64(max(1, totals[truth]))
		if truth == into {
			img.SetNRGBA(into, truth, shade(-share))
		} else {
			img.SetNRGBA(into, truth, shade(math.Sqrt(share)))
		}
	}
	return dataURI(img)
}

// The ends of the scale of signed numbers. Both differ from a light and from a dark page, and from
// each other for people who see no red or no green.
var (
	positive = color.NRGBA{0xd3, 0x3a, 0x2c, 0xff}
	negative = color.NRGBA{0x33, 0x72, 0xd6, 0xff}
)

// shade returns the colour of x from -1 to 1: the smaller x, the more the page shows through, so that
// zero is neutral in light and dark.
func shade(x float64) color.NRGBA {
	c := positive
	if x < 0 {
		c = negative
	}
	c.A = uint8(math.Round(255 * min(1, math.Abs(x))))
	return c
}

// dataURI returns a picture as a URI.
func dataURI(img image.Image) (string, error) {
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&b, img); err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
