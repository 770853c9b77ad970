package model

import (
	"fmt"
	"strings"

	"mdfa/gpu"
)

// Pooling makes one number of each square window of a convolution's outputs, channel by channel:
// the largest, or the average. Windows lie inside the image. The zero value is none.
type Pooling struct {
	Kind           gpu.Pooling
	Kernel, Stride int // in pixels
}

// Any says whether there is a pooling.
func (p Pooling) Any() bool { return p.Kind != gpu.NoPooling }

// String returns the pooling as the command line writes it, "max:2:2", and "" for none.
func (p Pooling) String() string {
	if !p.Any() {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", p.word(), p.Kernel, p.Stride)
}

// poolings are the kinds by their words on the command line and in files.
var poolings = map[string]gpu.Pooling{"max": gpu.MaxPooling, "avg": gpu.AveragePooling}

// word returns the kind's word.
func (p Pooling) word() string {
	for word, kind := range poolings {
		if kind == p.Kind {
			return word
		}
	}
	return p.Kind.String()
}

// parsePooling reads kind:kernel:stride, such as "max:2:2". is says whether the text begins with a
// kind, and so is no convolution.
func parsePooling(text string) (p Pooling, is bool, err error) {
	fields := strings.Split(text, ":")
	if p.Kind, is = poolings[strings.ToLower(strings.TrimSpace(fields[0]))]; !is {
		return Pooling{}, false, nil
	}
	ok := len(fields) == 3
	for i, number := range []*int{&p.Kernel, &p.Stride} {
		if ok {
			*number, ok = whole(fields[i+1])
			ok = ok && *number > 0
		}
	}
	if !ok {
		return Pooling{}, true, fmt.Errorf(`%s is not %s:kernel:stride: expected positive whole numbers such as "max:2:2"`, quote(text), p.word())
	}
	return p, true, nil
}
