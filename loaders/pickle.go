package loaders

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// pickle reads the plain values of a data set from Python's pickle format: dictionaries, lists, tuples,
// numbers, strings, and numpy arrays of bytes. It calls nothing: anything else that a pickle asks for, such as
// another class, is an error. The instructions are those of CPython's Lib/pickletools.py, protocols 2 to 4.
//
// github.com/nlpodyssey/gopickle allocates each string and frame on the word of its length, so that a damaged
// file could take all memory.
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
	pickleDict   map[string]any // without keys of other types than strings
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

// readPickle reads a value. Its strings may have up to most bytes together.
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

// short turns the end of a file within a value into an unexpected one.
func short(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// argumentBytes holds the length of the number behind an instruction.
var argumentBytes = map[byte]int{
	0x80: 1, 0x95: 8, // PROTO, FRAME
	'K': 1, 'M': 2, 'J': 4, // BININT1, BININT2, BININT
	'U': 1, 'C': 1, 0x8c: 1, 'T': 4, 'B': 4, 'X': 4, 0x8e: 8, // strings of bytes or characters, short and long ones
	'q': 1, 'r': 4, 'h': 1, 'j': 4, // BINPUT, LONG_BINPUT, BINGET, LONG_BINGET
}

// operandCount holds how many values an instruction takes from the stack; 0 means all after the last mark.
var operandCount = map[byte]int{
	0x85: 1, 0x86: 2, 0x87: 3, 't': 0, // TUPLE1 to TUPLE3, TUPLE
	'a': 1, 'e': 0, // APPEND, APPENDS
	's': 2, 'u': 0, // SETITEM, SETITEMS
}

// do carries out one instruction.
func (p *pickle) do(code byte) error {
	n, err := p.number(argumentBytes[code])
	if err != nil {
		return err
	}
	switch code {
	case 0x80, 0x95: // PROTO, FRAME
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
	case 'K', 'M':
		p.push(n)
	case 'J':
		p.push(int64(int32(n)))
	case 'U', 'C', 0x8c, 'T', 'B', 'X', 0x8e:
		return p.text(n)
	case 'q', 'r', 0x94: // BINPUT, LONG_BINPUT, MEMOIZE
		if code == 0x94 {
			n = int64(len(p.memo))
		}
		if len(p.stack) == 0 {
			return errPickle
		}
		p.memo[uint32(n)] = p.top()
	case 'h', 'j':
		p.push(p.memo[uint32(n)])
	default:
		return p.build(code)
	}
	return nil
}

// build carries out the instructions that take values from the stack.
func (p *pickle) build(code byte) error {
	var items []any
	if count, found := operandCount[code]; found {
		var err error
		if items, err = p.operands(count); err != nil {
			return err
		}
	}
	switch code {
	case 0x85, 0x86, 0x87, 't':
		p.push(pickleTuple(items))
	case 'a', 'e':
		list, ok := p.top().(*pickleList)
		if !ok {
			return errPickle
		}
		list.items = append(list.items, items...)
	case 's', 'u':
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

// fill gives an array its content. The state of an element type is dropped: bytes need none.
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

// pop takes the last value, nil from an empty stack.
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

// operands takes the last count values, or all after the last mark and the mark.
func (p *pickle) operands(count int) ([]any, error) {
	from := len(p.stack) - count
	keep := from
	if count == 0 {
		for keep--; keep >= 0 && p.stack[keep] != (pickleMark{}); keep-- {
		}
		from = keep + 1
	}
	if keep < 0 {
		return nil, errPickle
	}
	items := slices.Clone(p.stack[from:])
	p.stack = p.stack[:keep]
	return items, nil
}

// number reads a number of some bytes, the lowest first.
func (p *pickle) number(bytes int) (int64, error) {
	var buffer [8]byte
	_, err := io.ReadFull(p.in, buffer[:bytes])
	return int64(binary.LittleEndian.Uint64(buffer[:])), err
}

// text reads a string. Memory grows with the bytes that arrive, so that a false length takes none.
func (p *pickle) text(length int64) error {
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
