package imageprep

import (
	"encoding/binary"
	"io"
)

// JPEG markers (ITU-T T.81, table B.1).
const (
	markerSOF0  = 0xc0 // baseline
	markerSOF2  = 0xc2 // progressive
	markerDHT   = 0xc4
	markerRST0  = 0xd0
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda // the entropy-coded data of a scan follow
	markerDQT   = 0xdb
	markerDRI   = 0xdd
	markerAPP0  = 0xe0
	markerAPP1  = 0xe1
	markerAPP14 = 0xee // of Adobe: the colours that the components stand for
)

// jpegSegments calls visit for each segment of a JPEG file, starting at a position, until visit
// returns false, a scan begins or the file ends. It returns the position after the last segment.
func jpegSegments(file []byte, at int, visit func(marker byte, segment []byte) bool) (int, error) {
	for {
		for at < len(file) && file[at] != 0xff { // decoders skip such bytes
			at++
		}
		for at < len(file) && file[at] == 0xff {
			at++
		}
		if at >= len(file) {
			return at, io.ErrUnexpectedEOF
		}
		marker := file[at]
		at++
		switch {
		case marker == markerEOI:
			visit(marker, nil)
			return at, nil
		case marker == 0, marker >= markerRST0 && marker <= markerSOI:
			continue
		case len(file)-at < 2:
			return at, io.ErrUnexpectedEOF
		}
		length := int(binary.BigEndian.Uint16(file[at:])) // includes its own two bytes
		if length < 2 || length > len(file)-at {
			return at, io.ErrUnexpectedEOF
		}
		segment := file[at+2 : at+length]
		at += length
		if !visit(marker, segment) || marker == markerSOS {
			return at, nil
		}
	}
}

// appendSegment appends a segment to a JPEG file.
func appendSegment(to []byte, marker byte, content []byte) []byte {
	to = append(to, 0xff, marker)
	to = binary.BigEndian.AppendUint16(to, uint16(len(content)+2))
	return append(to, content...)
}
