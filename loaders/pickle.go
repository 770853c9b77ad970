package loaders

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// pickle reads what Python's pickle writes of the plain values that a data set holds:
// dictionaries, lists, tuples, numbers, strings, and numpy arrays of bytes. It calls
// nothing: whatever else a pickle asks for, such as another class, is an error. The
// instructions are those of CPython's Lib/pickletools.py, protocols 2 to 4.
type pickle struct {
	in    *bufio.Reader
	left  int // bytes that strings may still take
	stack []any
	memo  map[uint32]any
}

type (
	pickleMark   struct{}
	pickleGlobal string // "module name"
	pickleTuple  []any
	pickleList   struct{ items []any }
	pickleDict   map[string]any // keys that are no strings are left out
	pickleType   string         // of an array's elements, such as "u1"
	// pickleArray is a numpy array. Pickles build it in two steps.
	pickleArray struct {
		shape   []int64
		kind    pickleType
		columns bool // in the order of Fortran
		data    []byte
	}
)

var errPickle = errors.New("it is no pickle of plain values and byte arrays")

// readPickle reads a value. Its strings have no more than most bytes together.
func readPickle(in io.Reader, most int) (any, error) {
	p := pickle{in: bufio.NewReaderSize(in, 1<<16), left: most, memo: map[uint32]any{}}
	const instructions = 4 << 20 // a dozen times what the published files have; each holds some memory
	for range instructions {
		code, err := p.in.ReadByte()
		if err != nil {
			return nil, short(err)
		}
		if code == '.' { // STOP
			value := p.pop()
			if len(p.stack) > 0 || value == (pickleMark{}) || value == nil {
				return nil, errPickle
			}
			return value, nil
		}
		if err := p.do(code); err != nil {
			return nil, short(err)
		}
	}
	return nil, errPickle
}

// short makes the end of a file within a value an unexpected one.
func short(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// do carries out one instruction.
func (p *pickle) do(code byte) error {
	switch code {
	case 0x80: // PROTO
		_, err := p.number(1)
		return err
	case 0x95: // FRAME
		_, err := p.number(8)
		return err
	case '(':
		p.push(pickleMark{})
	case '}':
		p.push(pickleDict{})
	case ']':
		p.push(&pickleList{})
	case ')':
		p.push(pickleTuple(nil))
	case 'N', 0x89: // NONE, NEWFALSE
		p.push(false)
	case 0x88: // NEWTRUE
		p.push(true)
	case 'K', 'M', 'J': // BININT1, BININT2, BININT
		n, err := p.number(map[byte]int{'K': 1, 'M': 2, 'J': 4}[code])
		if code == 'J' {
			n = int64(int32(n))
		}
		p.push(n)
		return err
	case 'U', 'C', 0x8c, 'T', 'B', 'X', 0x8e: // strings of bytes or characters, short and long ones
		return p.text(code)
	case 'q', 'r', 0x94: // BINPUT, LONG_BINPUT, MEMOIZE
		at, err := int64(len(p.memo)), error(nil)
		if code != 0x94 {
			at, err = p.number(map[byte]int{'q': 1, 'r': 4}[code])
		}
		if len(p.stack) == 0 {
			return errPickle
		}
		p.memo[uint32(at)] = p.stack[len(p.stack)-1]
		return err
	case 'h', 'j': // BINGET, LONG_BINGET
		at, err := p.number(map[byte]int{'h': 1, 'j': 4}[code])
		p.push(p.memo[uint32(at)])
		return err
	default:
		return p.build(code)
	}
	return nil
}

// build carries out the instructions that take values from the stack.
func (p *pickle) build(code byte) error {
	switch code {
	case 0x85, 0x86, 0x87: // TUPLE1 to TUPLE3
		n := int(code) - 0x84
		if len(p.stack) < n {
			return errPickle
		}
		items := slices.Clone(p.stack[len(p.stack)-n:])
		p.stack = p.stack[:len(p.stack)-n]
		p.push(pickleTuple(items))
	case 't': // TUPLE
		items, err := p.toMark()
		p.push(pickleTuple(items))
		return err
	case 'a', 'e': // APPEND, APPENDS
		items := []any{p.top()}
		if code == 'a' {
			p.pop()
		} else {
			var err error
			if items, err = p.toMark(); err != nil {
				return err
			}
		}
		list, ok := p.top().(*pickleList)
		if !ok {
			return errPickle
		}
		list.items = append(list.items, items...)
	case 's', 'u': // SETITEM, SETITEMS
		var items []any
		if code == 's' {
			value := p.pop()
			items = []any{p.pop(), value}
		} else {
			var err error
			if items, err = p.toMark(); err != nil {
				return err
			}
		}
		dict, ok := p.top().(pickleDict)
		if !ok || len(items)%2 > 0 {
			return errPickle
		}
		for i := 0; i < len(items); i += 2 {
			if key, ok := items[i].([]byte); ok {
				dict[string(key)] = items[i+1]
			}
		}
	case 'c': // GLOBAL
		module, err := p.in.ReadSlice('\n')
		name := string(module)
		if err == nil {
			module, err = p.in.ReadSlice('\n')
			name = name[:len(name)-1] + " " + string(bytes.TrimSuffix(module, []byte("\n")))
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return errPickle
		}
		p.push(pickleGlobal(name))
		return err
	case 0x93: // STACK_GLOBAL
		name, _ := p.pop().([]byte)
		module, _ := p.pop().([]byte)
		p.push(pickleGlobal(string(module) + " " + string(name)))
	case 'R': // REDUCE
		return p.reduce()
	case 'b': // BUILD
		return p.fill()
	default:
		return errPickle
	}
	return nil
}

// reduce makes the objects that may be made.
func (p *pickle) reduce() error {
	arguments, _ := p.pop().(pickleTuple)
	global, _ := p.pop().(pickleGlobal)
	switch global {
	case "numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct":
		p.push(&pickleArray{})
		return nil
	case "numpy dtype":
		if len(arguments) > 0 {
			if kind, ok := arguments[0].([]byte); ok {
				p.push(pickleType(kind))
				return nil
			}
		}
	}
	return errPickle
}

// fill gives an array its content. An element's type has a state that says nothing of bytes.
func (p *pickle) fill() error {
	state, _ := p.pop().(pickleTuple)
	array, ok := p.top().(*pickleArray)
	if !ok {
		if _, ok := p.top().(pickleType); ok {
			return nil
		}
		return errPickle
	}
	if len(state) != 5 { // version, shape, type, order, content
		return errPickle
	}
	shape, _ := state[1].(pickleTuple)
	array.shape = nil
	for _, side := range shape {
		n, ok := side.(int64)
		if !ok {
			return errPickle
		}
		array.shape = append(array.shape, n)
	}
	array.kind, _ = state[2].(pickleType)
	array.columns, _ = state[3].(bool)
	array.data, ok = state[4].([]byte)
	if !ok {
		return errPickle
	}
	return nil
}

func (p *pickle) push(value any) { p.stack = append(p.stack, value) }

// pop takes the last value; nil where there is none.
func (p *pickle) pop() any {
	value := p.top()
	p.stack = p.stack[:max(len(p.stack)-1, 0)]
	return value
}

func (p *pickle) top() any {
	if len(p.stack) == 0 {
		return nil
	}
	return p.stack[len(p.stack)-1]
}

// toMark takes all values after the last mark, and the mark.
func (p *pickle) toMark() ([]any, error) {
	for i, value := range slices.Backward(p.stack) {
		if value == (pickleMark{}) {
			items := slices.Clone(p.stack[i+1:])
			p.stack = p.stack[:i]
			return items, nil
		}
	}
	return nil, errPickle
}

// number reads one of so many bytes, the lowest first.
func (p *pickle) number(bytes int) (int64, error) {
	var buffer [8]byte
	_, err := io.ReadFull(p.in, buffer[:bytes])
	return int64(binary.LittleEndian.Uint64(buffer[:])), err
}

// text reads a string after its length. A length that is not true takes no memory.
func (p *pickle) text(code byte) error {
	width := 4
	switch code {
	case 'U', 'C', 0x8c:
		width = 1
	case 0x8e:
		width = 8
	}
	length, err := p.number(width)
	if err != nil {
		return err
	}
	if length < 0 || length > int64(p.left) {
		return errPickle
	}
	p.left -= int(length)
	var out bytes.Buffer
	if _, err := io.CopyN(&out, p.in, length); err != nil {
		return err
	}
	p.push(out.Bytes())
	return nil
}

// len is 0 for a nil list.
func (l *pickleList) len() int {
	if l == nil {
		return 0
	}
	return len(l.items)
}
