package progress

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/fetch"
)

// file is a report about a file of 170 MB.
func file(done int64) fetch.Progress {
	return fetch.Progress{Name: "a.tar.gz", From: "http://x/a.tar.gz", Done: done, Total: 170_000_000}
}

func finished(p fetch.Progress) fetch.Progress {
	p.Done, p.Finished = p.Total, true
	return p
}

func TestPlainLines(t *testing.T) {
	kept := file(85_000_000)
	kept.Kept = 85_000_000
	waiting := file(0)
	waiting.Waiting = true
	pictures := func(done int64) fetch.Progress {
		return fetch.Progress{Name: "preparing pictures", Unit: "images", Done: done, Total: 5000}
	}
	type report struct {
		second int
		fetch.Progress
	}
	for _, c := range []struct {
		name    string
		reports []report
		want    string
	}{
		{"a download", []report{{0, file(0)}, {1, file(5e6)}, {10, file(50e6)}, {15, file(75e6)}, {20, file(100e6)}, {34, finished(file(0))}},
			"fetching a.tar.gz (170 MB) from http://x/a.tar.gz\n" +
				"fetching a.tar.gz  29%  50 MB of 170 MB  5.0 MB/s  eta 24s\n" +
				"fetching a.tar.gz  58%  100 MB of 170 MB  5.0 MB/s  eta 14s\n" +
				"fetched a.tar.gz: 170 MB in 34s, 5.0 MB/s\n"},
		{"one that goes on", []report{{0, kept}, {17, finished(kept)}},
			"fetching a.tar.gz (170 MB) from http://x/a.tar.gz, of which 85 MB are here\n" +
				"fetched a.tar.gz: 85 MB in 17s, 5.0 MB/s\n"},
		{"one that begins anew", []report{{0, kept}, {5, file(0)}, {39, finished(file(0))}},
			"fetching a.tar.gz (170 MB) from http://x/a.tar.gz, of which 85 MB are here\n" +
				"fetched a.tar.gz: 170 MB in 34s, 5.0 MB/s\n"},
		{"a stalled one", []report{{0, file(0)}, {20, file(0)}},
			"fetching a.tar.gz (170 MB) from http://x/a.tar.gz\nfetching a.tar.gz   0%  0 B of 170 MB\n"},
		{"another process fetches", []report{{0, waiting}, {90, finished(file(0))}},
			"waiting for another process that fetches a.tar.gz\na.tar.gz: another process has fetched it\n"},
		{"another process gives up", []report{{0, waiting}, {9, file(0)}, {43, finished(file(0))}},
			"waiting for another process that fetches a.tar.gz\n" +
				"fetching a.tar.gz (170 MB) from http://x/a.tar.gz\nfetched a.tar.gz: 170 MB in 34s, 5.0 MB/s\n"},
		{"a file that is there", []report{{0, finished(file(0))}}, ""},
		{"another step", []report{{0, pictures(0)}, {10, pictures(2000)}, {25, finished(pictures(0))}},
			"preparing pictures (5,000 images)\n" +
				"preparing pictures  40%  2,000 images of 5,000 images  200 images/s  eta 15s\n" +
				"preparing pictures: 5,000 images in 25s, 200 images/s\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			start := time.Now()
			now := start
			d := &Display{out: &out, now: func() time.Time { return now }}
			for _, r := range c.reports {
				now = start.Add(time.Duration(r.second) * time.Second)
				d.Report(r.Progress)
			}
			d.Close()
			assert.Equal(t, c.want, out.String())
		})
	}
}

func TestAmountGivesUpItsEndFirst(t *testing.T) {
	start := time.Now()
	s := step{Progress: file(50e6), began: start, at: start.Add(10 * time.Second)}
	for columns, want := range map[int]string{
		100: "  29%  50 MB of 170 MB  5.0 MB/s  eta 24s",
		35:  "  29%  50 MB of 170 MB  5.0 MB/s",
		25:  "  29%  50 MB of 170 MB",
		5:   "  29%",
		0:   "",
	} {
		assert.Equal(t, want, fit(columns, s.amounts()...), columns)
	}
}

func TestTheLiveLineGoesAndTheLastOneStays(t *testing.T) {
	master, slave, err := pty.Open()
	require.NoError(t, err)
	defer master.Close()
	require.NoError(t, pty.Setsize(slave, &pty.Winsize{Rows: 24, Cols: 80}))
	sent := make(chan string)
	go func() {
		text, _ := io.ReadAll(master) // ends with EIO once the other side is closed
		sent <- string(text)
	}()
	d := NewDisplay(slave, true)
	d.Report(file(0))
	d.Report(file(85e6))
	time.Sleep(3 * Interval)
	d.Report(finished(file(0)))
	d.Report(fetch.Progress{Name: "b", From: "http://x/b", Total: 10})
	d.Close() // as after an error
	require.NoError(t, slave.Close())
	text := <-sent
	assert.Contains(t, text, "fetching a.tar.gz ━")
	assert.Contains(t, text, " 50%  85 MB of 170 MB")
	assert.Contains(t, text, "fetched a.tar.gz: 170 MB in ")
	last := text[strings.LastIndex(text, "\x1b[J"):]
	assert.NotContains(t, last, "fetching b", "the last drawing is an empty one")
}

func TestAFileGetsPlainLines(t *testing.T) {
	out, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer out.Close()
	d := NewDisplay(out, false)
	d.Report(file(0))
	d.Close()
	text, err := os.ReadFile(out.Name())
	require.NoError(t, err)
	assert.Equal(t, "fetching a.tar.gz (170 MB) from http://x/a.tar.gz\n", string(text))
}
