package ranks

import (
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARankMayComeLate(t *testing.T) {
	errs := together(t, 3, func(rank int, _ *Options) { time.Sleep(time.Duration((3-rank)%3) * 200 * time.Millisecond) },
		func(g *Group) error { return g.Barrier(t.Context()) })
	assert.Equal(t, []error{nil, nil, nil}, errs)
}

func TestARankThatNeverComesEndsTheOthers(t *testing.T) {
	port, host := freePort(t), hostname(t)
	errs := make(chan error, 2)
	for r := range 2 {
		o := options(port, r, 4)
		if r == 0 {
			o.JoinWait = 500 * time.Millisecond
		}
		go func() {
			_, err := Join(t.Context(), o)
			errs <- err
		}()
	}
	for range 2 {
		assert.EqualError(t, <-errs, "rank 2 and 1 more have not joined within 500ms: look for their own messages, and whether their hosts reach "+host)
	}
}

func TestRanksWithoutRankZeroEnd(t *testing.T) {
	o := options(freePort(t), 1, 2)
	o.JoinWait = 300 * time.Millisecond
	_, err := Join(t.Context(), o)
	assert.ErrorContains(t, err, fmt.Sprintf("rank 1 on %s has not reached rank 0 within 300ms: ", hostname(t)))
	assert.ErrorContains(t, err, "connection refused")
}

func TestRanksOfAnotherProgramAreRefused(t *testing.T) {
	host := hostname(t)
	for name, c := range map[string]struct {
		change func(rank int, o *Options)
		want   string
	}{
		"version": {func(rank int, o *Options) { o.Version = strconv.Itoa(1 + rank) },
			"rank 1 on " + host + " runs version 2, but rank 0 on " + host + " version 1: start all ranks from the same program"},
		"size": {func(rank int, o *Options) {
			if rank == 1 {
				getenv := o.Getenv
				o.Getenv = func(name string) string {
					if name == "WORLD_SIZE" {
						return "3"
					}
					return getenv(name)
				}
			}
		}, "rank 1 on " + host + " was started as one of 3 ranks, but rank 0 on " + host + " as one of 2"},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, together(t, 2, c.change, func(*Group) error { return nil }), c.want)
		})
	}
}

func TestARankThatIsStartedTwiceEndsAll(t *testing.T) {
	port, host := freePort(t), hostname(t)
	errs := make(chan error, 3)
	for _, r := range []int{0, 1, 1} {
		go func() {
			_, err := Join(t.Context(), options(port, r, 3))
			errs <- err
		}()
	}
	for range 3 {
		assert.EqualError(t, <-errs, "rank 1 on "+host+" was started a second time: the first is on "+host)
	}
}

// TestStrangersAreNoRanks has a program at each port that rank 0 may take first, and calls rank 0 as other programs do.
func TestStrangersAreNoRanks(t *testing.T) {
	port := freePort(t)
	taken, err := net.Listen("tcp", ":"+strconv.Itoa(port+1))
	require.NoError(t, err)
	defer taken.Close()
	go func() {
		for {
			c, err := taken.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"))
			c.Close()
		}
	}()
	joined := make(chan error, 2)
	start := func(rank int) {
		g, err := Join(t.Context(), options(port, rank, 2))
		if err == nil {
			err = g.Leave(g.Barrier(t.Context()))
		}
		joined <- err
	}
	go start(0)
	address := "127.0.0.1:" + strconv.Itoa(port+2)
	var c net.Conn
	require.Eventually(t, func() bool {
		c, err = net.Dial("tcp", address)
		return err == nil
	}, patient, 10*time.Millisecond)
	_, err = c.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	require.NoError(t, err)
	silent, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer silent.Close()
	other, err := net.Dial("tcp", address) // the rank of another job
	require.NoError(t, err)
	require.NoError(t, greet(other, hello{Token: digest("join", "another job"), Version: "1", Rank: 1, Size: 2}))
	_, err = hear(other, new(answer))
	assert.Error(t, err, "rank 0 closes the connection")
	go start(1)
	for range 2 {
		assert.NoError(t, <-joined)
	}
}

func TestAnotherProtocolIsRefused(t *testing.T) {
	f := (&Group{hosts: []string{"a"}, size: 2}).refusal(arrival{hello: hello{Version: "1", Rank: 1, Size: 2, Host: "b"}, Protocol: 7}, Options{Version: "1"})
	require.Error(t, f)
	assert.Equal(t, fmt.Sprintf("rank 1 on b has protocol 7, but rank 0 on a protocol %d: start all ranks from the same program", protocol), f.Error())
}
