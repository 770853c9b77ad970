package nccl

import (
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"time"
)

// hub is the process in which the ranks meet.
type hub struct {
	listener *net.TCPListener
	secret   string
	limit    time.Duration
	members  []*member // by rank
	events   chan event
	ended    int // ranks that have destroyed their communicators
	open     int // ranks whose messages are still read
}

// member is a rank that has come.
type member struct {
	Rank
	connection net.Conn
	to         *gob.Encoder
	from       *gob.Decoder
	gone       string // how it ended, or ""
}

// event is a message of a member, or the end of its connection.
type event struct {
	rank int
	message
	err error
}

func (h *hub) run() {
	err := h.gather()
	_ = h.listener.Close() // all ranks have come, or none will
	for _, m := range h.members {
		if m != nil {
			h.open++
			go h.read(m)
		}
	}
	for number := 1; err == nil && h.ended < len(h.members); number++ {
		err = h.sum(number)
	}
	for _, m := range h.members {
		if err != nil && m != nil {
			_ = m.to.Encode(answer{Failure: err.Error()}) // it may be the one that has gone
		}
	}
	// Whoever closes a connection while the other side writes may take the sentence away from it.
	for h.open > 0 {
		if e := <-h.events; e.err != nil || e.Kind != reduce {
			h.open--
		}
	}
	for _, m := range h.members {
		if m != nil {
			_ = m.connection.Close() // the other side has closed it
		}
	}
}

// gather waits for all ranks.
func (h *hub) gather() error {
	deadline := time.Now().Add(h.limit)
	for come := 0; come == 0 || come < len(h.members); {
		_ = h.listener.SetDeadline(deadline) // a failure shows at Accept
		connection, err := h.listener.Accept()
		if err != nil {
			return errors.New(h.missing())
		}
		m := &member{connection: connection, to: gob.NewEncoder(connection), from: gob.NewDecoder(connection)}
		var first message
		_ = connection.SetReadDeadline(deadline)
		if err := m.from.Decode(&first); err != nil || first.Kind != hello || first.Secret != h.secret {
			_ = connection.Close() // a stranger
			continue
		}
		_ = connection.SetReadDeadline(time.Time{})
		m.Rank = first.Rank
		if err := h.admit(m); err != nil {
			_ = m.to.Encode(answer{Failure: err.Error()})
			_ = connection.Close() // the error says more
			return err
		}
		come++
	}
	for _, m := range h.members {
		if err := m.to.Encode(answer{}); err != nil {
			return fmt.Errorf("rank %d has gone before all ranks had come", m.Number)
		}
	}
	return nil
}

func (h *hub) missing() string {
	for rank, m := range h.members {
		if m == nil {
			return fmt.Sprintf("rank %d of %d has not come to ncclCommInitRank within %v", rank, len(h.members), h.limit)
		}
	}
	return fmt.Sprintf("no rank has come to ncclCommInitRank within %v", h.limit)
}

// admit enters a rank, or says what is wrong with it.
func (h *hub) admit(m *member) error {
	if h.members == nil {
		h.members = make([]*member, m.Size)
	}
	if m.Size != len(h.members) {
		return fmt.Errorf("rank %d calls ncclCommInitRank with %d ranks, another with %d", m.Number, m.Size, len(h.members))
	}
	if h.members[m.Number] != nil {
		return fmt.Errorf("two ranks call ncclCommInitRank as rank %d of %d", m.Number, m.Size)
	}
	for _, other := range h.members {
		if other != nil && other.GPU == m.GPU {
			return fmt.Errorf("ranks %d and %d use the same GPU", min(m.Number, other.Number), max(m.Number, other.Number))
		}
	}
	h.members[m.Number] = m
	if h.events == nil {
		h.events = make(chan event, m.Size)
	}
	return nil
}

// read hands a member's messages on, up to the last.
func (h *hub) read(m *member) {
	for {
		e := event{rank: m.Number}
		e.err = m.from.Decode(&e.message)
		h.events <- e
		if e.err != nil || e.Kind != reduce {
			return
		}
	}
}

// sum serves one sum, or the end of all ranks.
func (h *hub) sum(number int) error {
	calls, come := make([]*event, len(h.members)), 0
	first := -1 // the rank that came first
	var late <-chan time.Time
	for come < len(h.members) && h.ended < len(h.members) {
		select {
		case e := <-h.events:
			m := h.members[e.rank]
			switch {
			case e.err != nil:
				m.gone = "has gone: it has aborted its communicator, or its process has ended"
			case e.Kind != reduce:
				m.gone = "has destroyed its communicator"
				h.ended++
				h.open--
			default:
				calls[e.rank] = &e
				come++
				if first < 0 {
					first = e.rank
					late = time.After(h.limit)
				}
				if other := calls[first]; e.Call != other.Call {
					a, b := other, &e
					if b.rank < a.rank {
						a, b = b, a
					}
					return fmt.Errorf("ncclAllReduce number %d: rank %d calls for %v, rank %d for %v", number, a.rank, a.Call, b.rank, b.Call)
				}
			}
			if e.err != nil {
				h.open--
				if first < 0 {
					return fmt.Errorf("rank %d %s", e.rank, m.gone)
				}
			}
		case <-late:
			return fmt.Errorf("ncclAllReduce number %d: rank %d has not come within %v, and rank %d waits", number, absent(calls), h.limit, first)
		}
		for _, m := range h.members {
			if first >= 0 && m.gone != "" {
				return fmt.Errorf("ncclAllReduce number %d: rank %d %s, and rank %d waits", number, m.Number, m.gone, first)
			}
		}
	}
	if h.ended == len(h.members) {
		return nil
	}
	if c := calls[0].Call; c.Type != float32Type || c.Operation != sumOperation {
		return fmt.Errorf("ncclAllReduce number %d: all ranks call for %v, and the software GPU computes only sums of float32", number, c)
	}
	result := add(calls)
	for _, m := range h.members {
		if err := m.to.Encode(answer{Data: result}); err != nil {
			return fmt.Errorf("ncclAllReduce number %d: rank %d has gone during the sum", number, m.Number)
		}
	}
	return nil
}

// absent returns the first rank that has not come.
func absent(calls []*event) int {
	return slices.Index(calls, nil)
}

// add returns the sum of all ranks' floats, in the order of the ranks.
func add(calls []*event) []byte {
	sum := slices.Clone(calls[0].Data)
	for _, c := range calls[1:] {
		for at := 0; at+4 <= len(sum); at += 4 {
			value := float32At(sum, at) + float32At(c.Data, at)
			binary.NativeEndian.PutUint32(sum[at:], math.Float32bits(value))
		}
	}
	return sum
}

func float32At(data []byte, at int) float32 {
	return math.Float32frombits(binary.NativeEndian.Uint32(data[at:]))
}
