package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mdfa/algo"
)

// look is what tells a line from others: a colour on light and on dark pages, a marker and dashes. On paper
// and in SVG files it has the colour of light pages.
type look struct {
	Light  string    `json:"light"`
	Dark   string    `json:"dark"`
	Marker string    `json:"marker,omitempty"` // an SVG path around the origin, of about one unit to each side
	Dash   []float64 `json:"dash,omitempty"`   // lengths of dashes and gaps in pixels
}

// ruleLooks are the looks of learning rules, the same on every page. The colours are the eight of Okabe and Ito's and four
// more, as light or dark as a contrast of 3 to the page asks for, and so that readers without red, green or blue cones
// tell them apart. bp, mdfa, dfa and fa, which the paper compares, differ the most. No two rules share a marker.
var ruleLooks = []struct {
	rule string
	look
}{
	{"bp", look{"#000000", "#f2f2f2", circle, dashes[0]}},
	{"mdfa", look{"#cf5200", "#f5741e", square, dashes[0]}},
	{"dfa", look{"#0a5a9e", "#2f86d8", triangle, dashes[1]}},
	{"fa", look{"#12a67c", "#78caa6", diamond, dashes[2]}},
	{"kp", look{"#aa9146", "#9e5c00", triangleDown, dashes[0]}},
	{"drtp", look{"#a21c85", "#fbc3ff", plus, dashes[3]}},
	{"usf", look{"#00295f", "#336fa1", cross, dashes[0]}},
	{"sdfa", look{"#454700", "#c7c622", star, dashes[1]}},
	{"dkp", look{"#e562c1", "#bc7f9d", triangleLeft, dashes[1]}},
	{"frsf", look{"#8d5ffb", "#ac99fe", triangleRight, dashes[2]}},
	{"brsf", look{"#005941", "#6fff89", hourglass, dashes[3]}},
	{"shallow", look{"#77736d", "#6d6b63", bowTie, dashes[2]}},
}

// Markers.
const (
	circle        = "M1 0A1 1 0 1 1 -1 0A1 1 0 1 1 1 0Z"
	square        = "M-.9 -.9H.9V.9H-.9Z"
	triangle      = "M0 -1.1L1.1 .9H-1.1Z"
	diamond       = "M0 -1.3L1.1 0L0 1.3L-1.1 0Z"
	triangleDown  = "M0 1.1L1.1 -.9H-1.1Z"
	plus          = "M-.4 -1.2H.4V-.4H1.2V.4H.4V1.2H-.4V.4H-1.2V-.4H-.4Z"
	cross         = "M-1.1 -.6L-.6 -1.1L0 -.5L.6 -1.1L1.1 -.6L.5 0L1.1 .6L.6 1.1L0 .5L-.6 1.1L-1.1 .6L-.5 0Z"
	star          = "M0 -1.4L.35 -.45L1.3 -.4L.55 .2L.8 1.15L0 .6L-.8 1.15L-.55 .2L-1.3 -.4L-.35 -.45Z"
	triangleLeft  = "M-1.1 0L.9 -1.1V1.1Z"
	triangleRight = "M1.1 0L-.9 -1.1V1.1Z"
	hourglass     = "M-1 -1.1H1L-1 1.1H1Z"
	bowTie        = "M-1.1 -1V1L1.1 -1V1Z"
)

// dashes are a full line and three broken ones.
var dashes = [][]float64{nil, {7, 3}, {2, 2.5}, {8, 3, 2, 3}}

// dashed returns the look with other dashes than its own: variant 0 has its own.
func (l look) dashed(variant int) look {
	own := slices.IndexFunc(dashes, func(d []float64) bool { return slices.Equal(d, l.Dash) })
	l.Dash = dashes[(own+variant)%len(dashes)]
	return l
}

// shade returns a look for one of n lines of a rule: its colour is darker from line to line on a light page and lighter on
// a dark one, or greyer where it is almost that dark or light already, and the dashes change.
func (l look) shade(index, n int) look {
	const most = 0.7 // of the last line
	part := most * float64(index) / float64(max(1, n-1))
	light, dark := "#000000", "#ffffff"
	if sum := channels(l.Light); sum[0]+sum[1]+sum[2] < 200 {
		light = "#909090"
	}
	if sum := channels(l.Dark); sum[0]+sum[1]+sum[2] > 600 {
		dark = "#787878"
	}
	l = l.dashed(index)
	l.Light, l.Dark = mixed(l.Light, light, part), mixed(l.Dark, dark, part)
	return l
}

// layer returns the look of a layer's line on the page of a run.
func (l look) layer(index, layers int) look {
	l.Marker, l.Dash = "", nil
	return l.shade(index, layers)
}

// mixed returns a colour that is another one to some part.
func mixed(colour, other string, part float64) string {
	a, b := channels(colour), channels(other)
	text := "#"
	for i := range a {
		text += fmt.Sprintf("%02x", int(math.Round((1-part)*a[i]+part*b[i])))
	}
	return text
}

// channels returns red, green and blue of a colour such as #0072b2, from 0 to 255.
func channels(colour string) (rgb [3]float64) {
	for i := range rgb {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			panic(err) // it is in the table above
		}
		rgb[i] = float64(n)
	}
	return rgb
}

// looksOf returns the look of every registered rule and of the given ones. Rules that are not in the table, since another
// program has registered them, get the next pairs of a colour and a marker.
func looksOf(rules ...string) map[string]look {
	looks := map[string]look{}
	for _, l := range ruleLooks {
		looks[l.rule] = l.look
	}
	slices.SortFunc(rules, strings.Compare)
	next := 0
	for _, rule := range append(algo.RuleNames(), rules...) {
		if _, known := looks[rule]; !known {
			n := len(ruleLooks)
			l := ruleLooks[next%n].look
			l.Marker, l.Dash = ruleLooks[(next+next/n+1)%n].Marker, dashes[(next+1)%len(dashes)]
			looks[rule], next = l, next+1
		}
	}
	return looks
}
