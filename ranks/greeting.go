package ranks

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"time"
)

// A hello is what a rank sends first, and an answer what rank 0 sends back. In all versions they begin with magic, the
// protocol's version and the length of the JSON, two bytes each, and have the fields of the first.
type hello struct {
	Token, Version string
	Rank, Size     int
	Host           string
}

type answer struct {
	Proof string // that the other side knows the token
	Host  string
	Fault *Fault // why the rank cannot join
	c     net.Conn
}

const (
	magic    = "mdfarank"
	protocol = 1
)

// greetingLimit is how long a connection may take for its hello or answer.
const greetingLimit = 5 * time.Second

// digest shows that one knows the token without showing the token.
func digest(purpose, token string) string {
	sum := sha256.Sum256([]byte(purpose + " " + token))
	return hex.EncodeToString(sum[:])
}

func greet(c net.Conn, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	b := binary.BigEndian.AppendUint16([]byte(magic), protocol)
	b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
	if err := c.SetDeadline(time.Now().Add(greetingLimit)); err != nil {
		return err
	}
	if _, err := c.Write(append(b, text...)); err != nil {
		return err
	}
	return c.SetDeadline(time.Time{})
}

// hear reads a hello or an answer, and the protocol's version.
func hear(c net.Conn, v any) (int, error) {
	if err := c.SetDeadline(time.Now().Add(greetingLimit)); err != nil {
		return 0, err
	}
	b := make([]byte, len(magic)+4)
	if _, err := io.ReadFull(c, b); err != nil {
		return 0, err
	}
	if string(b[:len(magic)]) != magic {
		return 0, errors.New("another program")
	}
	text := make([]byte, binary.BigEndian.Uint16(b[len(magic)+2:]))
	if _, err := io.ReadFull(c, text); err != nil {
		return 0, err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return 0, err
	}
	return int(binary.BigEndian.Uint16(b[len(magic):])), c.SetDeadline(time.Time{})
}

// An arrival is a connection whose hello has been read.
type arrival struct {
	hello
	Protocol int
	c        net.Conn
}

// receive accepts connections until the listener is closed.
func receive(ctx context.Context, listener net.Listener, arrivals chan<- arrival) {
	for {
		c, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(100 * time.Millisecond) // out of files, say
			continue
		}
		go func() {
			a := arrival{c: c}
			if a.Protocol, err = hear(c, &a.hello); err == nil {
				select {
				case arrivals <- a:
					return
				case <-ctx.Done():
				}
			}
			c.Close()
		}()
	}
}
