package feed

import (
	"context"
	"fmt"

	"mdfa/algo/owned"
	"mdfa/gpu"
)

// Set is Examples on the device, to stay.
type Set struct {
	images, labels gpu.Buffer
	features       int
}

// NewSet brings examples to the device of o, which then owns the memory. Errors name them by name.
func NewSet(ctx context.Context, o *owned.List, name string, e Examples, features int) (*Set, error) {
	s := &Set{features: features}
	s.images = o.Alloc(fmt.Sprintf("%d images", e.Len()), gpu.Uint8, e.Len()*features)
	s.labels = o.Alloc(fmt.Sprintf("%d labels", e.Len()), gpu.Int32, e.Len())
	if err := o.Err(); err != nil {
		return nil, err
	}
	if err := gpu.Upload(o.Device, s.labels, 0, e.Labels); err != nil {
		return nil, err
	}
	if e.Source == nil {
		return s, gpu.Upload(o.Device, s.images, 0, e.Images)
	}
	const loadBytes = 16 << 20 // read before they are brought to the device
	return s, Each(ctx, name, e, features, max(1, loadBytes/features), func(first int, images []byte) error {
		return o.Device.Upload(s.images, first*features, images)
	})
}

// Part returns n of the set's examples, from one on.
func (s *Set) Part(from, n int) (data, labels gpu.Span) {
	return gpu.All(s.images).Slice(from*s.features, n*s.features), gpu.All(s.labels).Slice(from, n)
}
