package imageprep

import "io"

// scanReader reads the entropy-coded data of one scan.
type scanReader struct {
	file         []byte
	at           int
	held, left   uint // the last byte, and how many of its bits are still unread
	ss, se, ah   int  // as in the scan's header
	al           uint
	eobs         int    // blocks, from the next one on, whose band is zero
	dc           [4]int // the first coefficient of each component's last block
	interval     int    // MCUs between restart markers, 0 for none
	sinceRestart int    // MCUs
	restarts     int
}

// readScan decodes a scan whose data begin at a position, and returns the position after it.
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
	// A scan of one component has its blocks in rows, one to an MCU; MCUs of more hold h*v of each.
	cols, rows := d.mcux, d.mcuy
	if n == 1 {
		cols, rows = parts[0].cols, parts[0].rows
	}
	for i := range cols * rows {
		if err := r.mcu(); err != nil {
			return 0, err
		}
		for _, p := range parts {
			h, v := p.h, p.v
			if n == 1 {
				h, v = 1, 1
			}
			for j := range h * v {
				b := p.block(i%cols*h+j%h, i/cols*v+j/h)
				if err := r.block(b, p.index, p.dc, p.ac); err != nil {
					return 0, err
				}
			}
		}
	}
	d.restarted = d.restarted || r.restarts > 0
	return r.at, nil
}

// mcu must be called before each MCU. It reads the restart marker that follows each interval.
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

// bit reads one bit.
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

// number reads a number of n bits.
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

// signed reads a number of n bits whose first bit is 0 if it is negative (F.2.2.1).
func (r *scanReader) signed(n int) (int, error) {
	value, err := r.number(n)
	if n > 0 && value < 1<<(n-1) {
		value -= 1<<n - 1
	}
	return value, err
}

// symbol reads a Huffman code.
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

// block reads the part of one block that a scan holds.
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

// endOfBand reads the number of blocks, this one included, of which the rest of the band is zero.
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

// correct reads a bit for each nonzero coefficient from k on. It stops at the zero that follows the given
// number of zeros.
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

// set stores a coefficient. Pictures of 8 bits have coefficients of up to 12 bits.
func set(to *int16, value int) error {
	if value != int(int16(value)) || value == -1<<15 {
		return imageErrorf("a coefficient of %d", value)
	}
	*to = int16(value)
	return nil
}
