package ranks

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// A frame is a kind (one byte), the length of its payload (4 bytes, big endian) and the payload.
const (
	frameBeat  = iota // a rank is alive: the count of what it has done, and whether it waits
	frameBegin        // a message begins: its operation, number and length
	frameData         // a part of the message
	frameFault        // a Fault, as JSON
)

// largestFrame keeps heartbeats from waiting behind a large message.
const largestFrame = 256 << 10

// An operation is a call that all ranks make together.
type operation byte

const (
	opBarrier operation = iota
	opSum
	opGather
	opBroadcast
	opLeave
)

var operationNames = [...]string{"Barrier", "Sum", "Gather", "Broadcast", "Leave"}

func (o operation) String() string {
	if int(o) < len(operationNames) {
		return operationNames[o]
	}
	return fmt.Sprintf("operation %d", byte(o))
}

// A message is the part of one rank in an operation, or its result.
type message struct {
	op     operation
	number uint64 // of the operations so far
	data   []byte
}

// errSilent says that nothing has come from the other side for too long.
var errSilent = errors.New("no heartbeat")

// A connection joins rank 0 and another rank. One goroutine reads it, any may write.
type connection struct {
	net.Conn
	rank int // on the other side
	host string

	interval time.Duration // between heartbeats
	patience int           // intervals without a byte after which the other side counts as gone

	in    *bufio.Reader
	inbox chan message // each side sends at most one message before it waits for one
	left  bool         // rank 0 has said that all ranks leave; of the reader

	status chan status // the latest of the other side

	writing sync.Mutex
}

func newConnection(c net.Conn, rank int, host string, o Options) *connection {
	n := &connection{Conn: c, rank: rank, host: host, interval: o.interval, patience: o.silence,
		inbox: make(chan message, 2), status: make(chan status, 1)}
	n.in = bufio.NewReaderSize(heard{n}, largestFrame)
	return n
}

// heard reads what the other side sends. It counts short waits in place of one long, since one would also end, with
// all heartbeats waiting to be read, when this process itself was stopped for a while.
type heard struct{ c *connection }

func (h heard) Read(p []byte) (int, error) {
	for range h.c.patience {
		if err := h.c.SetReadDeadline(time.Now().Add(h.c.interval)); err != nil {
			return 0, err
		}
		if n, err := h.c.Conn.Read(p); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
	return 0, errSilent
}

func (c *connection) write(kind byte, payload ...[]byte) error {
	header := append(make([]byte, 0, 5), kind, 0, 0, 0, 0)
	frame := net.Buffers{header}
	n := 0
	for _, p := range payload {
		n += len(p)
		frame = append(frame, p)
	}
	binary.BigEndian.PutUint32(header[1:], uint32(n))
	c.writing.Lock()
	defer c.writing.Unlock()
	_, err := frame.WriteTo(c.Conn)
	return err
}

// send writes a message in frames.
func (c *connection) send(m message) error {
	header := binary.BigEndian.AppendUint64([]byte{byte(m.op)}, m.number)
	header = binary.BigEndian.AppendUint64(header, uint64(len(m.data)))
	first := m.data[:min(len(m.data), largestFrame-len(header))]
	if err := c.write(frameBegin, header, first); err != nil {
		return err
	}
	for rest := m.data[len(first):]; len(rest) > 0; {
		part := rest[:min(len(rest), largestFrame)]
		if err := c.write(frameData, part); err != nil {
			return err
		}
		rest = rest[len(part):]
	}
	return nil
}

// receive reads frames until the connection ends, and returns why, or the fault that the other side reports.
func (c *connection) receive() (*Fault, error) {
	var m message
	var missing uint64 // bytes of the message
	buffer := make([]byte, largestFrame)
	for {
		var header [5]byte
		if _, err := io.ReadFull(c.in, header[:]); err != nil {
			return nil, err
		}
		n := binary.BigEndian.Uint32(header[1:])
		if n > largestFrame {
			return nil, fmt.Errorf("a frame of %d bytes", n)
		}
		payload := buffer[:n]
		if _, err := io.ReadFull(c.in, payload); err != nil {
			return nil, err
		}
		switch kind := header[0]; {
		case kind == frameFault:
			f := new(Fault)
			return f, json.Unmarshal(payload, f)
		case kind == frameBeat && n == 9:
			select { // keep the latest
			case <-c.status:
			default:
			}
			c.status <- status{count: binary.BigEndian.Uint64(payload), waits: payload[8] != 0}
			continue
		case kind == frameBegin && n >= 17 && missing == 0:
			m = message{op: operation(payload[0]), number: binary.BigEndian.Uint64(payload[1:])}
			missing = binary.BigEndian.Uint64(payload[9:])
			payload = payload[17:]
			m.data = make([]byte, 0, min(missing, 1<<30))
		case kind == frameData && missing > 0:
		default:
			return nil, fmt.Errorf("a frame of kind %d and %d bytes", kind, n)
		}
		if uint64(len(payload)) > missing {
			return nil, fmt.Errorf("a message longer than announced")
		}
		m.data = append(m.data, payload...)
		if missing -= uint64(len(payload)); missing == 0 {
			c.left = m.op == opLeave
			select {
			case c.inbox <- m:
			default:
				return nil, errors.New("a message that nobody waits for")
			}
		}
	}
}

// beat sends heartbeats until the connection ends.
func (c *connection) beat(now func() status) {
	for {
		s := now()
		payload := append(binary.BigEndian.AppendUint64(nil, s.count), 0)
		if s.waits {
			payload[8] = 1
		}
		if c.write(frameBeat, payload) != nil {
			return // the reader finds out why
		}
		time.Sleep(c.interval)
	}
}
