package fetch

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGetFetchesChecksAndReports(t *testing.T) {
	content := published(300_000)
	o := newOrigin(t, content)
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	var reports []Progress
	f := quick()
	f.Report = func(p Progress) { reports = append(reports, p) }
	path, err := f.Get(t.Context(), dir, o.file())
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "data.tar.gz"), path)
	requireWhole(t, dir, content)

	require.GreaterOrEqual(t, len(reports), 3)
	assert.Equal(t, Progress{Name: "data.tar.gz", From: o.URL + "/data.tar.gz", Total: 300_000}, reports[0])
	for i := range reports[1:] {
		assert.GreaterOrEqual(t, reports[i+1].Done, reports[i].Done)
		assert.Equal(t, i+1 == len(reports)-1, reports[i+1].Finished)
	}
	assert.Equal(t, int64(300_000), reports[len(reports)-1].Done)

	_, err = f.Get(t.Context(), dir, o.file())
	require.NoError(t, err)
	assert.Len(t, o.asked(), 1, "the second time it is there")
	assert.True(t, o.file().Is(t.Context(), path))
	assert.False(t, o.file().Is(t.Context(), dir))
}

func TestGetLeavesAnotherFileOfThatNameAsItIs(t *testing.T) {
	o := newOrigin(t, published(1000))
	dir := t.TempDir()
	path := filepath.Join(dir, "data.tar.gz")
	for content, why := range map[string]string{
		"mine":                     "4 bytes, 1,000 bytes were expected",
		string(make([]byte, 1000)): "its MD5 is ede3d3b685b4e137ba4cb2521329a75e, " + o.file().MD5 + " was expected",
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o666))
		_, err := quick().Get(t.Context(), dir, o.file())
		require.ErrorIs(t, err, ErrContent)
		assert.EqualError(t, err, path+" is there but is not the published file: "+why)
		assert.False(t, o.file().Is(t.Context(), path))
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, content, string(kept))
	}
	assert.Empty(t, o.asked())
}

func TestGetGoesOnFromWhatHasArrived(t *testing.T) {
	content := published(200_000)
	for _, tag := range []string{etag, ""} {
		o := newOrigin(t, content)
		dir := t.TempDir()
		keepPart(t, dir, content[:150_000], tag)
		var first Progress
		f := quick()
		f.Report = func(p Progress) {
			if first.Name == "" {
				first = p
			}
		}
		_, err := f.Get(t.Context(), dir, o.file())
		require.NoError(t, err)
		requireWhole(t, dir, content)
		assert.Equal(t, []string{"bytes=150000-"}, o.asked())
		assert.Equal(t, tag, o.requests[0].Get("If-Range"))
		assert.Equal(t, int64(150_000), first.Kept)
		assert.Equal(t, int64(150_000), first.Done)
	}
}

func TestGetWritesThroughNoLink(t *testing.T) {
	content := published(1000)
	for _, name := range []string{".partial", ".partial.tag"} {
		o := newOrigin(t, content)
		dir := t.TempDir()
		target := filepath.Join(t.TempDir(), "precious")
		require.NoError(t, os.WriteFile(target, []byte("precious"), 0o666))
		link := filepath.Join(dir, o.file().Name+name)
		require.NoError(t, os.Symlink(target, link))
		_, err := quick().Get(t.Context(), dir, o.file())
		if name == ".partial" {
			require.ErrorIs(t, err, ErrStorage)
			assert.EqualError(t, err, link+" cannot be written: it is a link; remove it")
		} else {
			require.NoError(t, err)
		}
		text, err := os.ReadFile(target)
		require.NoError(t, err)
		assert.Equal(t, "precious", string(text), name)
	}
}

func TestGetNeedsNoServerForAPartThatIsComplete(t *testing.T) {
	content := published(1000)
	o := newOrigin(t, content)
	dir := t.TempDir()
	keepPart(t, dir, content, etag)
	_, err := quick().Get(t.Context(), dir, o.file())
	require.NoError(t, err)
	requireWhole(t, dir, content)
	assert.Empty(t, o.asked())
}

func TestGetBeginsAnewWhereItCannotGoOn(t *testing.T) {
	content := published(100_000)
	other := make([]byte, 60_000)
	for _, c := range []struct {
		name  string
		part  []byte
		tag   string
		first func(o *origin, w http.ResponseWriter, r *http.Request) bool // answers the first request
		asked []string
	}{
		{"the server ignores ranges", content[:60_000], etag, func(_ *origin, _ http.ResponseWriter, r *http.Request) bool {
			r.Header.Del("Range")
			return false
		}, []string{"bytes=60000-"}},
		{"the file has changed since", other, `"v0"`, nil, []string{"bytes=60000-"}},
		{"the part is of another file", other, "", nil, []string{"bytes=60000-", ""}},
		{"the part is too long", make([]byte, 100_001), etag, nil, []string{""}},
		{"the part is complete but wrong", make([]byte, 100_000), etag, nil, []string{""}},
		{"the range is refused", content[:60_000], etag, func(_ *origin, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return true
		}, []string{"bytes=60000-", ""}},
		{"another range arrives", content[:60_000], etag, func(o *origin, w http.ResponseWriter, _ *http.Request) bool {
			o.begin(w, 50_000, 50_000)
			return true
		}, []string{"bytes=60000-", ""}},
		{"a range without saying which", content[:60_000], etag, func(_ *origin, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusPartialContent)
			return true
		}, []string{"bytes=60000-", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOrigin(t, content)
			o.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
				return n == 0 && c.first != nil && c.first(o, w, r)
			}
			dir := t.TempDir()
			keepPart(t, dir, c.part, c.tag)
			_, err := quick().Get(t.Context(), dir, o.file())
			require.NoError(t, err)
			requireWhole(t, dir, content)
			assert.Equal(t, c.asked, o.asked())
		})
	}
}

func TestGetGoesOnAfterTheConnectionBroke(t *testing.T) {
	content := published(100_000)
	o := newOrigin(t, content)
	o.answer = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		switch n {
		case 0:
			o.begin(w, 0, 30_000)
			hangUp()
		case 1:
			hangUp()
		case 2:
			o.begin(w, 30_000, 20_000)
			hangUp()
		}
		return false
	}
	dir := t.TempDir()
	_, err := quick().Get(t.Context(), dir, o.file())
	require.NoError(t, err)
	requireWhole(t, dir, content)
	assert.Equal(t, []string{"", "bytes=30000-", "bytes=30000-", "bytes=50000-"}, o.asked())
	assert.Equal(t, etag, o.requests[3].Get("If-Range"))
}

// A long download over a bad line may break off more often than the tries allow, as
// long as each brings something.
func TestGetCountsTriesAnewAfterAnAdvance(t *testing.T) {
	const piece = advance + 1
	content := published(6 * piece)
	o := newOrigin(t, content)
	o.answer = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n < 5 {
			o.begin(w, n*piece, piece)
			hangUp()
		}
		return false
	}
	dir := t.TempDir()
	_, err := quick().Get(t.Context(), dir, o.file())
	require.NoError(t, err)
	requireWhole(t, dir, content)
	assert.Len(t, o.asked(), 6)
}

func TestGetTriesAgainWhenTheServerIsBusy(t *testing.T) {
	content := published(1000)
	for _, status := range []int{408, 429, 500, 502, 503, 504} {
		o := newOrigin(t, content)
		o.answer = func(n int, w http.ResponseWriter, _ *http.Request) bool {
			if n < 3 {
				w.WriteHeader(status)
			}
			return n < 3
		}
		dir := t.TempDir()
		_, err := quick().Get(t.Context(), dir, o.file())
		require.NoError(t, err, status)
		requireWhole(t, dir, content)
		assert.Len(t, o.asked(), 4)
	}
}

func TestGetWaitsAsLongAsTheServerAsks(t *testing.T) {
	o := newOrigin(t, published(1000))
	o.answer = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 0 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return n == 0
	}
	start := time.Now()
	_, err := quick().Get(t.Context(), t.TempDir(), o.file())
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(start), time.Second)
}

func TestGetFollowsRedirects(t *testing.T) {
	content := published(1000)
	o := newOrigin(t, content)
	o.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/moved" {
			http.Redirect(w, r, "/moved", http.StatusFound)
			return true
		}
		return false
	}
	dir := t.TempDir()
	keepPart(t, dir, content[:600], etag)
	_, err := quick().Get(t.Context(), dir, o.file())
	require.NoError(t, err)
	requireWhole(t, dir, content)
	assert.Equal(t, []string{"bytes=600-", "bytes=600-"}, o.asked(), "the range is asked for at the new address as well")
}

func TestGetGivesUpAServerThatStopsSending(t *testing.T) {
	content := published(100_000)
	o := newOrigin(t, content)
	o.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 0 {
			o.begin(w, 0, 70_000)
			<-r.Context().Done()
		}
		return n == 0
	}
	dir := t.TempDir()
	f := quick()
	f.Patience = 500 * time.Millisecond
	_, err := f.Get(t.Context(), dir, o.file())
	require.NoError(t, err)
	requireWhole(t, dir, content)
	assert.Equal(t, []string{"", "bytes=70000-"}, o.asked())
}

func TestGetBearsAServerThatIsOnlySlow(t *testing.T) {
	content := published(10_000)
	o := newOrigin(t, content)
	o.answer = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		o.begin(w, 0, 0)
		for i := range 10 {
			_, _ = w.Write(content[i*1000 : i*1000+1000])
			w.(http.Flusher).Flush()
			time.Sleep(130 * time.Millisecond)
		}
		return true
	}
	dir := t.TempDir()
	f := quick()
	f.Patience = time.Second // less than the whole takes
	_, err := f.Get(t.Context(), dir, o.file())
	require.NoError(t, err)
	requireWhole(t, dir, content)
	assert.Len(t, o.asked(), 1)
}

func TestGetStopsWithItsContextAndKeepsThePart(t *testing.T) {
	content := published(100_000)
	o := newOrigin(t, content)
	o.answer = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 0 {
			o.begin(w, 0, 70_000)
			<-r.Context().Done()
		}
		return n == 0
	}
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	f := quick()
	f.Report = func(p Progress) {
		if p.Done == 70_000 {
			stop()
		}
	}
	_, err := f.Get(ctx, dir, o.file())
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, []string{"data.tar.gz.partial", "data.tar.gz.partial.tag"}, left(t, dir))

	_, err = quick().Get(t.Context(), dir, o.file())
	require.NoError(t, err)
	requireWhole(t, dir, content)
	assert.Equal(t, []string{"", "bytes=70000-"}, o.asked())
}

func TestGetStopsWithItsContextBetweenTries(t *testing.T) {
	o := newOrigin(t, published(1000))
	ctx, stop := context.WithCancel(t.Context())
	o.answer = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		time.AfterFunc(50*time.Millisecond, stop)
		return true
	}
	f := &Fetcher{Pause: time.Hour}
	dir := t.TempDir()
	_, err := f.Get(ctx, dir, o.file())
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, left(t, dir), "a part of nothing is not kept")
}

func TestGetAtOnceFetchesOnlyOnce(t *testing.T) {
	content := published(300_000)
	o := newOrigin(t, content)
	var askers sync.WaitGroup
	dir := t.TempDir()
	var waiting sync.WaitGroup // until all but one wait
	waiting.Add(3)
	o.answer = func(int, http.ResponseWriter, *http.Request) bool { waiting.Wait(); return false }
	for range 4 {
		askers.Go(func() {
			var once sync.Once
			f := quick()
			f.Report = func(p Progress) {
				if p.Waiting {
					once.Do(waiting.Done)
				}
			}
			_, err := f.Get(t.Context(), dir, o.file())
			assert.NoError(t, err)
		})
	}
	askers.Wait()
	requireWhole(t, dir, content)
	assert.Len(t, o.asked(), 1)
}

func TestGetStopsWaitingWithItsContext(t *testing.T) {
	o := newOrigin(t, published(1000))
	dir := t.TempDir()
	lock := flock.New(filepath.Join(dir, ".data.tar.gz.lock"))
	require.NoError(t, lock.Lock())
	ctx, stop := context.WithCancel(t.Context())
	f := quick()
	f.Report = func(p Progress) {
		if p.Waiting {
			stop()
		}
	}
	_, err := f.Get(ctx, dir, o.file())
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, o.asked())

	require.NoError(t, lock.Close())
	_, err = quick().Get(t.Context(), dir, o.file())
	require.NoError(t, err, "a lock file that nobody holds is no obstacle")
}
