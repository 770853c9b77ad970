package report

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"mdfa/algo"
)

// linear returns a colour's red, green and blue as shares of the light.
func linear(colour string) (rgb [3]float64) {
	for i, c := range channels(colour) {
		if c /= 255; c <= 0.04045 {
			rgb[i] = c / 12.92
		} else {
			rgb[i] = math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return rgb
}

func times(m [3][3]float64, v [3]float64) (r [3]float64) {
	for i := range r {
		for j := range v {
			r[i] += m[i][j] * v[j]
		}
	}
	return r
}

// contrast is that of WCAG 2.
func contrast(a, b string) float64 {
	luminance := func(c string) float64 {
		l := linear(c)
		return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2] + 0.05
	}
	x, y := luminance(a), luminance(b)
	return max(x, y) / min(x, y)
}

// visions are simulations of Machado, Oliveira and Fernandes (2009).
var visions = map[string][3][3]float64{
	"usual":        {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"protanopia":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deuteranopia": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritanopia":   {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

// distance is that of two colours in OKLab, as seen. A just noticeable one is about 0.02.
func distance(vision [3][3]float64, a, b string) float64 {
	oklab := func(c string) [3]float64 {
		v := times(vision, linear(c))
		for i := range v {
			v[i] = min(1, max(0, v[i]))
		}
		v = times([3][3]float64{{0.4122214708, 0.5363325363, 0.0514459929}, {0.2119034982, 0.6806995451, 0.1073969566}, {0.0883024619, 0.2817188376, 0.6299787005}}, v)
		for i := range v {
			v[i] = math.Cbrt(v[i])
		}
		return times([3][3]float64{{0.2104542553, 0.7936177850, -0.0040720468}, {1.9779984951, -2.4285922050, 0.4505937099}, {0.0259040371, 0.7827717662, -0.8086757660}}, v)
	}
	x, y := oklab(a), oklab(b)
	return math.Hypot(math.Hypot(x[0]-y[0], x[1]-y[1]), x[2]-y[2])
}

func TestEveryRuleHasItsOwnColourAndMarker(t *testing.T) {
	assert.ElementsMatch(t, algo.RuleNames(), func() (names []string) {
		for _, l := range ruleLooks {
			names = append(names, l.rule)
		}
		return names
	}(), "a rule of this module has a row in the table")
	pairs, markers := map[[2]string]string{}, map[string]string{}
	for rule, l := range looksOf("of another program", "and one more", "zebra", "yak", "bp") {
		pair := [2]string{l.Light, l.Marker}
		assert.Empty(t, pairs[pair], "%s looks the same", rule)
		pairs[pair] = rule
	}
	for _, l := range ruleLooks {
		assert.Empty(t, markers[l.Marker], "%s has the same marker", l.rule)
		markers[l.Marker] = l.rule
	}
	assert.Equal(t, looksOf()["dfa"], looksOf("another", "zebra")["dfa"])
}

func TestColoursOfRulesCanBeToldApart(t *testing.T) {
	const graphics = 3 // the contrast that WCAG 2.1 asks for
	const near = 0.06  // three times a just noticeable difference
	for i, a := range ruleLooks {
		assert.GreaterOrEqual(t, contrast(a.Light, "#ffffff"), float64(graphics), a.rule)
		assert.GreaterOrEqual(t, contrast(a.Dark, "#1d2024"), float64(graphics), a.rule)
		for _, b := range ruleLooks[:i] {
			for name, vision := range visions {
				assert.GreaterOrEqual(t, distance(vision, a.Light, b.Light), near, "%s and %s on a light page: %s", a.rule, b.rule, name)
				assert.GreaterOrEqual(t, distance(vision, a.Dark, b.Dark), near, "%s and %s on a dark page: %s", a.rule, b.rule, name)
			}
		}
	}
}

func TestLayersOfARunAreShadesOfItsRule(t *testing.T) {
	rule := looksOf()["mdfa"]
	assert.Equal(t, rule.Light, rule.layer(0, 4).Light)
	assert.Equal(t, "#3e1900", rule.layer(3, 4).Light)
	assert.Greater(t, contrast(rule.layer(3, 4).Dark, "#1d2024"), contrast(rule.Dark, "#1d2024"))
	assert.Equal(t, rule.Light, rule.layer(0, 1).Light)
	assert.NotEqual(t, rule.layer(0, 4).Dash, rule.layer(1, 4).Dash)
	for _, l := range ruleLooks {
		last := l.shade(1, 2)
		assert.Greater(t, distance(visions["usual"], l.Light, last.Light), 0.1, l.rule)
		assert.Greater(t, distance(visions["usual"], l.Dark, last.Dark), 0.1, l.rule)
		assert.GreaterOrEqual(t, contrast(last.Light, "#ffffff"), 3.0, l.rule)
		assert.GreaterOrEqual(t, contrast(last.Dark, "#1d2024"), 3.0, l.rule)
	}
}
