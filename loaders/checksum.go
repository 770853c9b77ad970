package loaders

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
)

// summed is a source that knows a checksum of each image without reading it.
type summed interface {
	Sum(i int) uint32
}

// Checksum returns a SHA-256, in hex, of everything that training sees of the data set: the shape of
// its images, and the labels and images of each split in their order. Two data sets with
// the same checksum train to the same bits. It does not read images that stay in files, but takes
// the checksums of their preparation.
func (d *Dataset) Checksum() string {
	h := sha256.New()
	fmt.Fprintf(h, "%dx%dx%d %d\n", d.Height, d.Width, d.Channels, d.Classes)
	for _, s := range []*Split{&d.Train, &d.Valid, &d.Test} {
		fmt.Fprintf(h, "%d %t\n", s.Len(), s.Source != nil)
		for _, label := range s.Labels {
			addUint32(h, uint32(label))
		}
		if from, ok := s.Source.(summed); ok {
			for i := range s.Len() {
				addUint32(h, from.Sum(i))
			}
		}
		h.Write(s.Images)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func addUint32(h hash.Hash, x uint32) {
	h.Write(binary.LittleEndian.AppendUint32(nil, x))
}
