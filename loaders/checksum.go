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

// Checksum is a SHA-256, in hex, of all that training sees of the data set: the shape of
// its images, and of each split the labels and images in their order. Two data sets with
// the same one train to the same bits. Images that stay in files are not read: their part
// is the checksum that was taken when they were prepared.
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
