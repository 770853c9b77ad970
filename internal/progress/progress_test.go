package progress

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTextsOfTheLine(t *testing.T) {
	assert.Equal(t, "epoch   3/100", Counter(3, 100))
	assert.Equal(t, "epoch 9/9", Counter(9, 9))
	for d, want := range map[time.Duration]string{
		0: "0s", 1400 * time.Millisecond: "1s", 59700 * time.Millisecond: "1m00s",
		192 * time.Second: "3m12s", 65 * time.Minute: "1h05m", 30 * time.Hour: "30h00m",
	} {
		assert.Equal(t, want, Duration(d))
	}
}

func TestTailGivesUpItsEndFirst(t *testing.T) {
	s := State{Epoch: 1, Epochs: 2, Step: 52, Steps: 100, Loss: 0.121, ImagesPerSecond: 5003, Left: 192 * time.Second}
	for columns, want := range map[int]string{
		100: "  52%  loss 0.1210   5,003 img/s   eta 3m12s",
		50:  "  52%  loss 0.1210   5,003 img/s",
		30:  "  52%  loss 0.1210",
		20:  "  52%",
		5:   "",
	} {
		assert.Equal(t, want, fit(columns-barRoom, s.parts()...), columns)
	}
	s.Doing = "validating"
	assert.Equal(t, "  52%  loss 0.1210   5,003 img/s   validating", fit(100, s.parts()...))
}

func TestSetIsDueOncePerDrawing(t *testing.T) {
	master, slave, err := pty.Open()
	require.NoError(t, err)
	defer master.Close()
	defer slave.Close()
	l := New(slave)
	defer l.Close()
	head, tail := l.texts(100)
	assert.Empty(t, head+tail, "before the first Set")
	now := time.Now()
	require.True(t, l.Due(now))
	l.Set(now, State{Epoch: 1, Epochs: 1, Steps: 10})
	assert.False(t, l.Due(now.Add(Interval/2)))
	assert.True(t, l.Due(now.Add(Interval)))
}

func TestWrittenTextStaysAndTheLineGoes(t *testing.T) {
	master, slave, err := pty.Open()
	require.NoError(t, err)
	defer master.Close()
	require.NoError(t, pty.Setsize(slave, &pty.Winsize{Rows: 24, Cols: 80}))
	sent := make(chan string)
	go func() {
		text, _ := io.ReadAll(master) // ends with EIO once the other side is closed
		sent <- string(text)
	}()
	l := New(slave)
	l.Set(time.Now(), State{Epoch: 1, Epochs: 2, Step: 5, Steps: 10, Loss: 0.5})
	time.Sleep(3 * Interval)
	_, err = io.WriteString(l, "a line that stays\n")
	require.NoError(t, err)
	l.Close()
	require.NoError(t, slave.Close())
	text := <-sent
	assert.Contains(t, text, " 50%  loss 0.5000")
	assert.Contains(t, text, "a line that stays")
	last := text[strings.LastIndex(text, "\x1b[J"):]
	assert.NotContains(t, last, "epoch", "the last drawing is an empty one")
}
