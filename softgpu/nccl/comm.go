package nccl

import (
	"encoding/gob"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// Call is what all ranks must agree on in a sum: the numbers of nccl.h.
type Call struct {
	Count     uint64
	Type      int32 // ncclDataType_t
	Operation int32 // ncclRedOp_t
}

// The names of the types and operations of nccl.h, and the bytes of the types.
var (
	typeNames      = []string{"int8", "uint8", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64", "bfloat16"}
	typeSizes      = []uint64{1, 1, 4, 4, 8, 8, 2, 4, 8, 2}
	operationNames = []string{"sum", "product", "maximum", "minimum", "average"}
)

const (
	float32Type  = 7
	sumOperation = 0
)

// Check refuses types and operations that nccl.h does not have, and returns the bytes of the call's memory.
func (c Call) Check() (bytes uint64, err error) {
	switch {
	case c.Type < 0 || int(c.Type) >= len(typeNames):
		return 0, fmt.Errorf("softgpu: there is no type %d", c.Type)
	case c.Operation < 0 || int(c.Operation) >= len(operationNames):
		return 0, fmt.Errorf("softgpu: there is no operation %d", c.Operation)
	case c.Count > 1<<40:
		return 0, fmt.Errorf("softgpu: %d elements", c.Count)
	}
	return c.Count * typeSizes[c.Type], nil
}

// String returns "the sum of 100 float32".
func (c Call) String() string {
	return fmt.Sprintf("the %s of %d %s", operationNames[c.Operation], c.Count, typeNames[c.Type])
}

// Rank describes a rank to the others.
type Rank struct {
	Number, Size int
	GPU          string // no two ranks may have the same
}

// kind is what a message asks for.
type kind uint8

const (
	hello   kind = iota // of a rank that joins
	reduce              // a part of a sum
	destroy             // the rank makes no further calls
)

// message goes from a rank to the hub.
type message struct {
	Kind   kind
	Secret string
	Rank   Rank
	Call   Call
	Data   []byte
}

// answer goes from the hub to a rank.
type answer struct {
	Failure string // or ""
	Data    []byte
}

// Comm is one rank of a communicator.
type Comm struct {
	connection net.Conn
	to         *gob.Encoder
	from       *gob.Decoder
	aborted    atomic.Bool
	failed     error // of an earlier sum: there is no later one
}

// errAborted is the error of a sum that its own rank has aborted.
var errAborted = errors.New("softgpu: the communicator was aborted")

// Join connects a rank, and returns when all ranks are there.
func Join(id ID, r Rank) (*Comm, error) {
	addresses, err := id.addresses()
	if err != nil {
		return nil, err
	}
	if r.Size < 1 || r.Number < 0 || r.Number >= r.Size {
		return nil, fmt.Errorf("softgpu: rank %d of %d, counted from 0", r.Number, r.Size)
	}
	var failures []error
	for _, address := range addresses {
		connection, err := net.DialTimeout("tcp", address.String(), 5*time.Second)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		c := &Comm{connection: connection, to: gob.NewEncoder(connection), from: gob.NewDecoder(connection)}
		if _, err = c.ask(message{Kind: hello, Secret: string(id[secretAt:portAt]), Rank: r}); err == nil {
			return c, nil
		}
		_ = connection.Close() // the first error says more
		failures = append(failures, err)
		var refused failure
		if errors.As(err, &refused) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("softgpu: rank %d does not reach the process that made the unique id: %w", r.Number, errors.Join(failures...))
}

// failure is a sentence that all ranks get.
type failure string

func (f failure) Error() string { return "softgpu: " + string(f) }

// ask sends a message and waits for the answer.
func (c *Comm) ask(m message) (data []byte, err error) {
	if c.failed != nil {
		return nil, c.failed
	}
	defer func() { c.failed = err }()
	err = c.to.Encode(m)
	var a answer
	if readErr := c.from.Decode(&a); readErr == nil { // also after a failed write: the reason may have come before
		if a.Failure != "" {
			return nil, failure(a.Failure)
		}
		if err == nil {
			return a.Data, nil
		}
	} else if err == nil {
		err = readErr
	}
	if c.aborted.Load() {
		return nil, errAborted
	}
	return nil, fmt.Errorf("softgpu: the process that made the unique id has gone: %w", err)
}

// AllReduce returns the result of a call on all ranks' data.
func (c *Comm) AllReduce(call Call, data []byte) ([]byte, error) {
	return c.ask(message{Kind: reduce, Call: call, Data: data})
}

// Destroy says that the rank makes no further calls.
func (c *Comm) Destroy() {
	_ = c.to.Encode(message{Kind: destroy}) // nobody may be left to read it
	_ = c.connection.Close()                // whatever it answers, there is no further call
}

// Abort breaks off: a sum that waits on this rank fails, and the others' sums fail.
func (c *Comm) Abort() {
	c.aborted.Store(true)
	_ = c.connection.Close() // whatever it answers, there is no further call
}
