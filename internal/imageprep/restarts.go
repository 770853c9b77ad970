package imageprep

import (
	"encoding/binary"
	"io"
	"math/bits"
)

// image/jpeg counts the blocks between two restart markers wrongly in a scan of one component that has
// several blocks in an MCU. Progressive photographs have such scans. sequentialJPEG rewrites the file without
// loss: it decodes the quantized coefficients of all scans (ITU-T T.81, annexes F and G) and writes them as a
// baseline file of one scan without restart markers.

const (
	blockLen = 64
	// maxScans bounds the work that a file can ask for; encoders make about ten.
	maxScans = 500
)

// sequentialJPEG rewrites a JPEG file of Huffman codes as a baseline file without restart markers. A file
// that is cut off is an io.ErrUnexpectedEOF.
func sequentialJPEG(file []byte) ([]byte, error) {
	d := coefficients{file: file}
	at, done := 2, false
	for !done {
		var fault error
		var scan []byte
		next, err := jpegSegments(file, at, func(marker byte, segment []byte) bool {
			switch marker {
			case markerEOI:
				done = true
			case markerSOS:
				scan = segment
			case markerDHT:
				fault = d.readTables(segment)
			case markerDRI:
				if len(segment) == 2 {
					d.interval = int(binary.BigEndian.Uint16(segment))
				}
			case markerDQT:
				if d.scans > 0 {
					fault = imageErrorf("its quantization changes between scans")
				}
				d.keep(marker, segment)
			case markerAPP0, markerAPP14:
				d.keep(marker, segment)
			case markerSOF0, markerSOF0 + 1, markerSOF2:
				d.progressive = marker == markerSOF2
				fault = d.readFrame(segment)
			}
			return fault == nil
		})
		if at = next; err == nil {
			err = fault
		}
		if err == nil && scan != nil {
			at, err = d.readScan(scan, at)
		}
		if err != nil {
			return nil, err
		}
	}
	if d.scans == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	if !d.restarted { // the decoder has named another fault
		return nil, imageErrorf("it has no restart markers")
	}
	return d.encode()
}

// coefficients collects the coefficients of a picture from its scans.
type coefficients struct {
	file        []byte
	kept        []byte // segments to copy, the frame with its new marker
	progressive bool
	interval    int // MCUs between restart markers, 0 for none
	dc, ac      [4]huffmanCode
	parts       []component
	mcux, mcuy  int // MCUs of a scan of all components
	scans       int
	restarted   bool // a scan held a restart marker
}

// component is a colour plane.
type component struct {
	id            byte
	h, v          int
	width, height int     // in blocks, up to whole MCUs
	cols, rows    int     // blocks of a scan of this component alone
	values        []int16 // [height, width, blockLen], each block in zigzag order
}

func (c *component) block(x, y int) []int16 {
	at := (y*c.width + x) * blockLen
	return c.values[at : at+blockLen : at+blockLen]
}

func (d *coefficients) keep(marker byte, segment []byte) {
	d.kept = appendSegment(d.kept, marker, segment)
}

// readFrame reads the sizes of the picture and of its components (section B.2.2).
func (d *coefficients) readFrame(s []byte) error {
	if len(d.parts) > 0 || len(s) < 6 || s[0] != 8 || len(s) != 6+3*int(s[5]) || s[5] < 1 || s[5] > 4 {
		return imageErrorf("a frame that is not read")
	}
	height, width := int(binary.BigEndian.Uint16(s[1:])), int(binary.BigEndian.Uint16(s[3:]))
	hmax, vmax := 1, 1
	for p := s[6:]; len(p) > 0; p = p[3:] {
		c := component{id: p[0], h: int(p[1] >> 4), v: int(p[1] & 15)}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 {
			return imageErrorf("sampling factors %dx%d", c.h, c.v)
		}
		if s[5] == 1 { // the blocks of a lone component are in rows, whatever its factors
			c.h, c.v = 1, 1
		}
		hmax, vmax = max(hmax, c.h), max(vmax, c.v)
		d.parts = append(d.parts, c)
	}
	d.mcux, d.mcuy = over(width, 8*hmax), over(height, 8*vmax)
	blocks := 0
	for i := range d.parts {
		c := &d.parts[i]
		c.width, c.height = d.mcux*c.h, d.mcuy*c.v
		c.cols, c.rows = over(over(width*c.h, hmax), 8), over(over(height*c.v, vmax), 8)
		blocks += c.cols * c.rows
	}
	if blocks == 0 || blocks > 8*len(d.file) { // a block takes at least one bit, of its first coefficient
		return io.ErrUnexpectedEOF
	}
	for i := range d.parts {
		c := &d.parts[i]
		c.values = make([]int16, c.width*c.height*blockLen)
	}
	d.keep(markerSOF0, s)
	return nil
}

// over is a/b rounded up.
func over(a, b int) int { return (a + b - 1) / b }

// huffmanCode is a table of codes (annex C).
type huffmanCode struct {
	first, count [17]int // of the codes of each length
	symbols      []byte
}

// readTables reads Huffman tables (section B.2.4.2).
func (d *coefficients) readTables(s []byte) error {
	for len(s) > 0 {
		if len(s) < 17 || s[0]>>4 > 1 || s[0]&15 > 3 {
			return imageErrorf("a Huffman table that is not read")
		}
		table := &d.dc[s[0]&3]
		if s[0]>>4 == 1 {
			table = &d.ac[s[0]&3]
		}
		*table = huffmanCode{}
		code, total := 0, 0
		for length := 1; length <= 16; length++ {
			n := int(s[length])
			table.first[length], table.count[length] = code, n
			code, total = (code+n)<<1, total+n
			if code > 2<<length {
				return imageErrorf("a Huffman table with too many codes")
			}
		}
		if len(s) < 17+total {
			return imageErrorf("a Huffman table that is too short")
		}
		table.symbols = s[17 : 17+total]
		s = s[17+total:]
	}
	return nil
}

// encode writes all coefficients as one scan. Its Huffman codes all have the same length: the file is read
// once, so its size does not matter.
func (d *coefficients) encode() ([]byte, error) {
	const dcBits, acBits, dcCodes = 5, 8, 17
	w := scanWriter{out: append([]byte{0xff, markerSOI}, d.kept...)}
	table := func(id byte, bits int, symbols []byte) {
		segment := make([]byte, 17, 17+len(symbols))
		segment[0], segment[bits] = id, byte(len(symbols))
		w.segment(markerDHT, append(segment, symbols...))
	}
	var dc, ac []byte
	for size := range dcCodes {
		dc = append(dc, byte(size))
	}
	ac = append(ac, 0, 0xf0)
	for symbol := range 256 {
		if symbol&15 > 0 {
			ac = append(ac, byte(symbol))
		}
	}
	var code [256]uint
	for i, symbol := range ac {
		code[symbol] = uint(i)
	}
	table(0x00, dcBits, dc)
	table(0x10, acBits, ac)
	head := []byte{byte(len(d.parts))}
	for _, c := range d.parts {
		head = append(head, c.id, 0)
	}
	w.segment(markerSOS, append(head, 0, blockLen-1, 0))

	last := make([]int, len(d.parts))
	for i := range d.mcux * d.mcuy {
		for index := range d.parts {
			c := &d.parts[index]
			for j := range c.h * c.v {
				b := c.block(i%d.mcux*c.h+j%c.h, i/d.mcux*c.v+j/c.h)
				difference := int(b[0]) - last[index]
				last[index] = int(b[0])
				size := bitLength(difference)
				w.bits(uint(size), dcBits)
				w.signed(difference, size)
				run := 0
				for k := 1; k < blockLen; k++ {
					if b[k] == 0 {
						run++
						continue
					}
					for ; run > 15; run -= 16 {
						w.bits(code[0xf0], acBits)
					}
					size := bitLength(int(b[k]))
					w.bits(code[run<<4|size], acBits)
					w.signed(int(b[k]), size)
					run = 0
				}
				if run > 0 {
					w.bits(code[0], acBits)
				}
			}
		}
	}
	w.bits(1<<7-1, 7) // the last byte is filled with ones
	return append(w.out, 0xff, markerEOI), nil
}

// scanWriter writes a JPEG file.
type scanWriter struct {
	out        []byte
	held, left uint // bits that do not fill a byte yet, and how many
}

func (w *scanWriter) segment(marker byte, content []byte) {
	w.out = appendSegment(w.out, marker, content)
}

// bits writes the lowest n bits of a value.
func (w *scanWriter) bits(value, n uint) {
	w.held = w.held<<n | value&(1<<n-1)
	for w.left += n; w.left >= 8; {
		w.left -= 8
		b := byte(w.held >> w.left)
		if w.out = append(w.out, b); b == 0xff {
			w.out = append(w.out, 0)
		}
	}
	w.held &= 1<<w.left - 1
}

// signed writes a number as scanReader.signed reads it.
func (w *scanWriter) signed(value, n int) {
	if value < 0 {
		value += 1<<n - 1
	}
	w.bits(uint(value), uint(n))
}

// bitLength returns the length of a coefficient without its sign.
func bitLength(value int) int { return bits.Len(uint(max(value, -value))) }
