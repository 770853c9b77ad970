package imageprep

import (
	"bytes"
	"encoding/binary"
)

// orientation is the value of EXIF's tag 0x0112: where the first row and column of the
// stored picture belong (CIPA DC-008 "Exif", section 4.6.4.1.6, as in TIFF 6.0). Values
// 5 to 8 exchange height and width.
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

// swapsAxes says whether the stored rows are columns of the picture.
func (o orientation) swapsAxes() bool { return o >= transposed }

// fromRight says whether the stored columns run from the far end of their axis.
func (o orientation) fromRight() bool {
	return o == mirrored || o == halfTurn || o == transverse || o == turnLeft
}

// fromBottom says whether the stored rows run from the far end of their axis.
func (o orientation) fromBottom() bool {
	return o == halfTurn || o == flipped || o == turnRight || o == transverse
}

// Of the JPEG markers (ITU-T T.81, table B.1) and of a TIFF directory as EXIF uses it.
const (
	markerSOS  = 0xda // start of scan: no more tables follow that matter here
	markerEOI  = 0xd9
	markerAPP1 = 0xe1

	exifHead       = "Exif\x00\x00"
	tagOrientation = 0x0112
	entryBytes     = 12
)

// jpegOrientation reads the orientation of a JPEG file. Where it is absent or makes no
// sense the picture is taken as it is: a camera's slip should not lose an image.
func jpegOrientation(file []byte) orientation {
	rest := file
	if len(rest) < 2 {
		return upright
	}
	rest = rest[2:] // SOI
	for len(rest) >= 4 {
		if rest[0] != 0xff {
			return upright
		}
		marker := rest[1]
		if marker == 0xff { // fill byte
			rest = rest[1:]
			continue
		}
		if marker == markerSOS || marker == markerEOI {
			return upright
		}
		length := int(binary.BigEndian.Uint16(rest[2:])) // counts itself, not the marker
		if length < 2 || len(rest) < 2+length {
			return upright
		}
		segment := rest[4 : 2+length]
		if marker == markerAPP1 && len(segment) > len(exifHead) && string(segment[:len(exifHead)]) == exifHead {
			return tiffOrientation(segment[len(exifHead):])
		}
		rest = rest[2+length:]
	}
	return upright
}

// pngOrientation reads the orientation of a PNG file from its chunk eXIf (PNG
// Specification, Third Edition, section 11.3.3.4), as jpegOrientation does.
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

// wholeNumber is a value of a directory entry, 0 where it is of no type of whole numbers
// (TIFF 6.0, section 2). The tag is a SHORT by the standard, but programs write other
// types, and readers of photographs take them.
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
