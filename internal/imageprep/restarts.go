package imageprep

import (
	"encoding/binary"
	"io"
	"math/bits"
)

// image/jpeg counts the blocks between two restart markers wrongly where a scan holds one
// component alone whose samples are not the only ones of an MCU, as the scans of
// progressive photographs do. sequentialJPEG rewrites such a file without loss: it
// decodes the quantized coefficients of all scans (ITU-T T.81, annexes F and G) and
// writes them as a baseline file of one scan without restart markers.

const (
	markerSOF0  = 0xc0 // baseline
	markerSOF2  = 0xc2 // progressive
	markerDHT   = 0xc4
	markerRST0  = 0xd0
	markerSOI   = 0xd8
	markerDQT   = 0xdb
	markerDRI   = 0xdd
	markerAPP0  = 0xe0
	markerAPP14 = 0xee // of Adobe: which colours the components are

	blockLen = 64
	// maxScans bounds the work that a file can ask for; encoders make about ten.
	maxScans = 500
)

// jpegSegments calls each for the segments of a JPEG file from a place on, until it
// returns false, a scan begins or the file ends. It returns the place after the last one.
func jpegSegments(file []byte, at int, each func(marker byte, segment []byte) bool) (int, error) {
	for {
		for at < len(file) && file[at] != 0xff { // what decoders pass over
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
			each(marker, nil)
			return at, nil
		case marker == 0, marker >= markerRST0 && marker <= markerSOI:
			continue
		case len(file)-at < 2:
			return at, io.ErrUnexpectedEOF
		}
		length := int(binary.BigEndian.Uint16(file[at:])) // counts itself
		if length < 2 || length > len(file)-at {
			return at, io.ErrUnexpectedEOF
		}
		segment := file[at+2 : at+length]
		at += length
		if !each(marker, segment) || marker == markerSOS {
			return at, nil
		}
	}
}

// sequentialJPEG is the picture of a JPEG file of Huffman codes as a baseline file
// without restart markers. A file that is cut off is an io.ErrUnexpectedEOF.
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
	if !d.restarted { // another fault, that the decoder has named
		return nil, imageErrorf("it has no restart markers")
	}
	return d.encode()
}

// coefficients are those of a picture as its scans tell them.
type coefficients struct {
	file        []byte
	kept        []byte // segments that stay as they are, SOF with its new marker
	progressive bool
	interval    int // MCUs between restart markers, 0 for none
	dc, ac      [4]huffmanCode
	parts       []component
	mcux, mcuy  int // MCUs of a scan of all components
	scans       int
	restarted   bool // there was a restart marker
}

// component is a colour plane.
type component struct {
	id            byte
	h, v          int
	width, height int     // in blocks, up to whole MCUs
	cols, rows    int     // blocks that a scan of this component alone has
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
		if s[5] == 1 { // the blocks of a lone component are in rows whatever its factors are
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
	if blocks == 0 || blocks > 8*len(d.file) { // a block has one bit at least, of its first coefficient
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

// scanReader reads the entropy-coded data of one scan.
type scanReader struct {
	file         []byte
	at           int
	held, left   uint // bits of the last byte that are still to come
	ss, se, ah   int  // as in the scan's header
	al           uint
	eobs         int    // blocks whose band is all zeros from here on
	dc           [4]int // the last first coefficient of each component
	interval     int    // MCUs between restart markers, 0 for none
	sinceRestart int    // MCUs
	restarts     int
}

// readScan decodes a scan whose data begin at a place, and returns the place after it.
func (d *coefficients) readScan(head []byte, at int) (int, error) {
	if d.scans++; d.scans > maxScans {
		return 0, imageErrorf("more than %d scans", maxScans)
	}
	if len(head) < 1 || len(head) != 4+2*int(head[0]) || len(d.parts) == 0 {
		return 0, imageErrorf("a scan's header that is not read")
	}
	n := int(head[0])
	tail := head[1+2*n:]
	r := scanReader{file: d.file, at: at, se: blockLen - 1, interval: d.interval}
	if d.progressive {
		r.ss, r.se, r.ah, r.al = int(tail[0]), int(tail[1]), int(tail[2]>>4), uint(tail[2]&15)
	}
	if n < 1 || r.ss > r.se || r.se >= blockLen || r.al > 13 || r.ss > 0 && n > 1 || d.progressive && r.ss == 0 && r.se > 0 {
		return 0, imageErrorf("a scan's header that is not read")
	}
	type part struct {
		*component
		index  int
		dc, ac *huffmanCode
	}
	var parts []part
	for i := range n {
		id, tables := head[1+2*i], head[2+2*i]
		for at := range d.parts {
			if d.parts[at].id == id && tables&0xcc == 0 {
				parts = append(parts, part{&d.parts[at], at, &d.dc[tables>>4], &d.ac[tables&3]})
			}
		}
	}
	if len(parts) != n {
		return 0, imageErrorf("a scan's header that is not read")
	}
	one := func(p part, x, y int) error {
		return r.block(p.block(x, y), p.index, p.dc, p.ac)
	}
	if n == 1 {
		p := parts[0]
		for i := range p.cols * p.rows {
			if err := r.mcu(); err != nil {
				return 0, err
			}
			if err := one(p, i%p.cols, i/p.cols); err != nil {
				return 0, err
			}
		}
		d.restarted = d.restarted || r.restarts > 0
		return r.at, nil
	}
	for i := range d.mcux * d.mcuy {
		if err := r.mcu(); err != nil {
			return 0, err
		}
		for _, p := range parts {
			for j := range p.h * p.v {
				if err := one(p, i%d.mcux*p.h+j%p.h, i/d.mcux*p.v+j/p.h); err != nil {
					return 0, err
				}
			}
		}
	}
	d.restarted = d.restarted || r.restarts > 0
	return r.at, nil
}

// mcu comes before each MCU. After every interval of them there is a restart marker.
func (r *scanReader) mcu() error {
	if r.interval == 0 || r.sinceRestart < r.interval {
		r.sinceRestart++
		return nil
	}
	at := r.at
	for at+1 < len(r.file) && r.file[at] == 0xff && r.file[at+1] == 0xff {
		at++
	}
	switch {
	case at+1 >= len(r.file):
		return io.ErrUnexpectedEOF
	case r.file[at] != 0xff || r.file[at+1] != markerRST0+byte(r.restarts%8):
		return imageErrorf("a restart marker is missing")
	}
	r.at, r.left, r.eobs, r.dc = at+2, 0, 0, [4]int{}
	r.restarts++
	r.sinceRestart = 1
	return nil
}

// bit reads one.
func (r *scanReader) bit() (int, error) {
	if r.left == 0 {
		if r.at >= len(r.file) {
			return 0, io.ErrUnexpectedEOF
		}
		r.held, r.left = uint(r.file[r.at]), 8
		r.at++
		if r.held == 0xff {
			switch {
			case r.at >= len(r.file):
				return 0, io.ErrUnexpectedEOF
			case r.file[r.at] == markerEOI:
				return 0, io.ErrUnexpectedEOF
			case r.file[r.at] != 0:
				return 0, imageErrorf("a marker within a block")
			}
			r.at++
		}
	}
	r.left--
	return int(r.held >> r.left & 1), nil
}

// number reads one of n bits.
func (r *scanReader) number(n int) (int, error) {
	value := 0
	for range n {
		bit, err := r.bit()
		if err != nil {
			return 0, err
		}
		value = value<<1 | bit
	}
	return value, nil
}

// signed reads a number of n bits whose first bit is 0 where it is negative (F.2.2.1).
func (r *scanReader) signed(n int) (int, error) {
	value, err := r.number(n)
	if n > 0 && value < 1<<(n-1) {
		value -= 1<<n - 1
	}
	return value, err
}

// symbol reads a code.
func (r *scanReader) symbol(c *huffmanCode) (int, error) {
	code, before := 0, 0
	for length := 1; length <= 16; length++ {
		bit, err := r.bit()
		if err != nil {
			return 0, err
		}
		code = code<<1 | bit
		if i := code - c.first[length]; i < c.count[length] {
			return int(c.symbols[before+i]), nil
		}
		before += c.count[length]
	}
	return 0, imageErrorf("a code of no table")
}

// block reads what a scan tells of one block.
func (r *scanReader) block(b []int16, index int, dc, ac *huffmanCode) error {
	from := r.ss
	if from == 0 {
		if r.ah > 0 {
			bit, err := r.bit()
			b[0] |= int16(bit << r.al)
			return err
		}
		size, err := r.symbol(dc)
		if err != nil {
			return err
		}
		difference, err := r.signed(min(size, 16))
		if err != nil {
			return err
		}
		r.dc[index] += difference
		if err := set(&b[0], r.dc[index]<<r.al); err != nil || r.se == 0 {
			return err
		}
		from = 1
	}
	if r.ah > 0 {
		return r.refined(b, ac)
	}
	if r.eobs > 0 {
		r.eobs--
		return nil
	}
	for k := from; k <= r.se; k++ {
		symbol, err := r.symbol(ac)
		if err != nil {
			return err
		}
		run, size := symbol>>4, symbol&15
		if size == 0 && run < 15 {
			if err := r.endOfBand(run); err != nil {
				return err
			}
			r.eobs--
			return nil
		}
		if k += run; size == 0 {
			continue
		}
		value, err := r.signed(size)
		if err != nil {
			return err
		}
		if k > r.se {
			return imageErrorf("too many coefficients")
		}
		if err := set(&b[k], value<<r.al); err != nil {
			return err
		}
	}
	return nil
}

// endOfBand reads for how many blocks, this one included, the rest of the band is zero.
func (r *scanReader) endOfBand(bits int) error {
	more, err := r.number(bits)
	r.eobs = 1<<bits + more
	return err
}

// refined adds a bit to the coefficients of a band (section G.1.2.3).
func (r *scanReader) refined(b []int16, ac *huffmanCode) error {
	k := r.ss
	for ; r.eobs == 0 && k <= r.se; k++ {
		symbol, err := r.symbol(ac)
		if err != nil {
			return err
		}
		run, size, value := symbol>>4, symbol&15, 0
		switch {
		case size > 1:
			return imageErrorf("a refinement of more than a bit")
		case size == 1:
			if value, err = r.signed(1); err != nil {
				return err
			}
		case run < 15:
			if err := r.endOfBand(run); err != nil {
				return err
			}
		}
		if r.eobs > 0 {
			break
		}
		if k, err = r.correct(b, k, run); err != nil {
			return err
		}
		if k > r.se {
			return imageErrorf("too many coefficients")
		}
		if value != 0 {
			b[k] = int16(value << r.al)
		}
	}
	if r.eobs == 0 {
		return nil
	}
	r.eobs--
	_, err := r.correct(b, k, blockLen)
	return err
}

// correct reads a bit for each coefficient that is not zero, up to the one after so many
// that are.
func (r *scanReader) correct(b []int16, k, zeros int) (int, error) {
	for ; k <= r.se; k++ {
		if b[k] == 0 {
			if zeros == 0 {
				break
			}
			zeros--
			continue
		}
		bit, err := r.bit()
		if err != nil {
			return k, err
		}
		if bit == 1 {
			more := 1 << r.al
			if b[k] < 0 {
				more = -more
			}
			if err := set(&b[k], int(b[k])+more); err != nil {
				return k, err
			}
		}
	}
	return k, nil
}

// set stores a coefficient; those of pictures of 8 bits have 12 at most.
func set(to *int16, value int) error {
	if value != int(int16(value)) || value == -1<<15 {
		return imageErrorf("a coefficient of %d", value)
	}
	*to = int16(value)
	return nil
}

// encode writes all coefficients as one scan. Its Huffman codes all have one length, as
// the file is only read once.
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

// signed writes what scanReader.signed reads.
func (w *scanWriter) signed(value, n int) {
	if value < 0 {
		value += 1<<n - 1
	}
	w.bits(uint(value), uint(n))
}

// bitLength is that of a coefficient without its sign.
func bitLength(value int) int { return bits.Len(uint(max(value, -value))) }

func appendSegment(to []byte, marker byte, content []byte) []byte {
	to = append(to, 0xff, marker)
	to = binary.BigEndian.AppendUint16(to, uint16(len(content)+2)) // the length counts itself
	return append(to, content...)
}
