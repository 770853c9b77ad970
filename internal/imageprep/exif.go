package imageprep

import (
	"bytes"
	"encoding/binary"
)

// orientation is the value of EXIF's tag 0x0112: the sides of the shown picture on which the first
// row and column of the stored one lie (CIPA DC-008 "Exif", section 4.6.4.1.6, as in TIFF 6.0).
// Values 5 to 8 exchange height and width.
//
// The tag is read here and not by github.com/bep/imagemeta, which stops at fill bytes between
// segments, at the prefix "Exif" in PNG files and at entries of unknown types.
type orientation int

const (
	upright    orientation = 1
	mirrored   orientation = 2 // left and right exchanged
	halfTurn   orientation = 3 // turned by 180 degrees
	flipped    orientation = 4 // top and bottom exchanged
	transposed orientation = 5 // rows are columns
	turnRight  orientation = 6 // shown turned by 90 degrees clockwise
	transverse orientation = 7 // rows are columns, both backwards
	turnLeft   orientation = 8 // shown turned by 90 degrees anticlockwise
)

// swapsAxes reports whether the stored rows are columns of the picture.
func (o orientation) swapsAxes() bool { return o >= transposed }

// fromRight reports whether the stored columns run from the far end of their axis.
func (o orientation) fromRight() bool {
	return o == mirrored || o == halfTurn || o == transverse || o == turnLeft
}

// fromBottom reports whether the stored rows run from the far end of their axis.
func (o orientation) fromBottom() bool {
	return o == halfTurn || o == flipped || o == turnRight || o == transverse
}

// Parts of a TIFF directory as EXIF uses it.
const (
	exifHead       = "Exif\x00\x00"
	tagOrientation = 0x0112
	entryBytes     = 12
)

// jpegOrientation reads the orientation of a JPEG file. A picture without one, or with one that
// makes no sense, counts as upright: a camera's slip should not lose an image.
func jpegOrientation(file []byte) orientation {
	turn := upright
	_, _ = jpegSegments(file, 2, func(marker byte, segment []byte) bool {
		tiff, found := bytes.CutPrefix(segment, []byte(exifHead))
		if found = found && marker == markerAPP1; found {
			turn = tiffOrientation(tiff)
		}
		return !found
	})
	return turn
}

// pngOrientation is jpegOrientation for the chunk eXIf of a PNG file (PNG Specification, Third
// Edition, section 11.3.3.4).
func pngOrientation(file []byte) orientation {
	const signature, head, sum = 8, 8, 4 // of the file, of a chunk: length and name, its CRC
	for rest := file[min(len(file), signature):]; len(rest) >= head; {
		length := int64(binary.BigEndian.Uint32(rest))
		if length > int64(len(rest)-head) {
			break
		}
		if string(rest[4:head]) == "eXIf" {
			// Some programs write the prefix that the data have in JPEG files.
			return tiffOrientation(bytes.TrimPrefix(rest[head:head+length], []byte(exifHead)))
		}
		rest = rest[min(head+length+sum, int64(len(rest))):]
	}
	return upright
}

// tiffOrientation looks the tag up in the first directory of a TIFF structure.
func tiffOrientation(tiff []byte) orientation {
	if len(tiff) < 8 {
		return upright
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return upright
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < entryBytes {
			return upright
		}
		if order.Uint16(entries) == tagOrientation {
			value := orientation(wholeNumber(order, order.Uint16(entries[2:]), entries[8:entryBytes]))
			if value < upright || value > turnLeft {
				return upright
			}
			return value
		}
		entries = entries[entryBytes:]
	}
	return upright
}

// wholeNumber returns the value of a directory entry, or 0 if its type is not one of the whole
// numbers (TIFF 6.0, section 2). The standard's type for the orientation is SHORT, but programs
// write others and readers of photographs accept them.
func wholeNumber(order binary.ByteOrder, kind uint16, value []byte) uint32 {
	switch kind {
	case 1, 6: // BYTE, SBYTE
		return uint32(value[0])
	case 3, 8: // SHORT, SSHORT
		return uint32(order.Uint16(value))
	case 4, 9: // LONG, SLONG
		return order.Uint32(value)
	}
	return 0
}
