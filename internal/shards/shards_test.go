package shards

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	testSize     = 4
	testRecord   = testSize * testSize * 3
	testPerShard = 5
	testClasses  = 3
)

var testPlan = Plan{ID: sha256.Sum256([]byte("test")), RecordBytes: testRecord, ShardImages: testPerShard, Classes: testClasses}

// record is the made-up image i.
func record(i int) []byte {
	r := rand.New(rand.NewPCG(uint64(i), 7))
	b := make([]byte, testRecord)
	for k := range b {
		b[k] = byte(r.Uint32())
	}
	return b
}

// fill adds images up to the n-th; every seventh is skipped instead.
func fill(t testing.TB, w *Writer, n int) {
	t.Helper()
	for i := int(w.At().Items); i < n; i++ {
		at := Position{Items: int64(i + 1), Member: 512, Inner: int64(i) * 1024}
		if i%7 == 6 {
			w.Skip(Skipped{File: name(i), Reason: "it is no image"}, at)
			continue
		}
		require.NoError(t, w.Add(record(i), i%testClasses, name(i), at))
	}
}

func name(i int) string { return fmt.Sprintf("class%d/%d.jpg", i%testClasses, i) }

// prepared makes a complete folder with n training and n/3 test images and skips.
func prepared(t testing.TB, n int) string {
	t.Helper()
	dir := t.TempDir()
	m := &Manifest{Format: formatVersion, Size: testSize, Channels: 3, ShardImages: testPerShard,
		Plan: fmt.Sprintf("%x", testPlan.ID), Classes: []Class{{ID: "class0"}, {ID: "class1", Name: "the first"}, {ID: "class2"}}}
	for split, images := range map[string]int{Train: n, Test: n / 3} {
		w, err := NewWriter(dir, split, testPlan)
		require.NoError(t, err)
		fill(t, w, images)
		*m.Split(split), err = w.Finish()
		require.NoError(t, err)
	}
	require.NoError(t, m.Write(dir))
	return dir
}

// contents are all files of a folder.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		require.NoError(t, err)
		files[entry.Name()] = string(data)
	}
	return files
}

func TestImagesComeBackAsTheyWereWritten(t *testing.T) {
	dir := prepared(t, 40)
	set, err := Open(t.Context(), dir)
	require.NoError(t, err)
	defer set.Close()
	require.Equal(t, 35, set.Train.Len()) // five of 40 are skipped
	require.Equal(t, 12, set.Test.Len())
	assert.Equal(t, testRecord, set.Train.RecordBytes())
	assert.Len(t, set.Manifest.Train.Shards, 7)
	require.Len(t, set.Manifest.Train.Skipped, 5)
	assert.Equal(t, Skipped{File: "class0/6.jpg", Reason: "it is no image"}, set.Manifest.Train.Skipped[0])
	got := make([]byte, testRecord)
	row := 0
	for i := range 40 {
		if i%7 == 6 {
			continue
		}
		require.NoError(t, set.Train.Image(row, got))
		require.Equal(t, record(i), got, "row %d", row)
		require.EqualValues(t, i%testClasses, set.Train.Labels()[row])
		row++
	}
	require.NoError(t, set.Verify(t.Context(), func(int64, int64) {}))
}

func TestManyGoroutinesReadAtOnce(t *testing.T) {
	set, err := Open(t.Context(), prepared(t, 60))
	require.NoError(t, err)
	defer set.Close()
	var readers sync.WaitGroup
	for g := range 8 {
		readers.Go(func() {
			got := make([]byte, testRecord)
			for k := range 300 {
				row := (k*7 + g*13) % set.Train.Len()
				assert.NoError(t, set.Train.Image(row, got))
				assert.Equal(t, record(row+row/6), got) // of each seven images, six are there
			}
		})
	}
	readers.Wait()
}

func TestWorkThatWasBrokenOffEndsInTheSameBytes(t *testing.T) {
	const n = 43
	want := contents(t, prepared(t, n))
	for stop := range n + 1 {
		dir := t.TempDir()
		w, err := NewWriter(dir, Train, testPlan)
		require.NoError(t, err)
		fill(t, w, stop) // and no Finish, as if killed: its temporary file stays behind
		if w.file != nil {
			require.NoError(t, w.out.Flush())
			w.file.Close()
		}
		w, err = NewWriter(dir, Train, testPlan)
		require.NoError(t, err)
		require.LessOrEqual(t, w.At().Items, int64(stop))
		require.GreaterOrEqual(t, w.At().Items, int64(stop-2*testPerShard), "at most a shard is lost")
		fill(t, w, n)
		split, err := w.Finish()
		require.NoError(t, err)
		require.Equal(t, 37, split.Images)
		for file, data := range contents(t, dir) {
			require.Equal(t, want[file], data, "%s, broken off after %d", file, stop)
		}
	}
}

func TestAFinishedSplitStaysAsItIs(t *testing.T) {
	dir := prepared(t, 20)
	before := contents(t, dir)
	w, err := NewWriter(dir, Train, testPlan)
	require.NoError(t, err)
	split, err := w.Finish()
	require.NoError(t, err)
	m, err := ReadManifest(dir)
	require.NoError(t, err)
	assert.Equal(t, m.Train, split)
	assert.Equal(t, before, contents(t, dir))
}

func TestAShardWithADamagedIndexIsMadeAnew(t *testing.T) {
	dir := prepared(t, 20)
	want := contents(t, dir)
	flip(t, filepath.Join(dir, "train-00001.idx"), 100)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".part-train-00003.bin"), []byte("rest"), 0o666))
	w, err := NewWriter(dir, Train, testPlan)
	require.NoError(t, err)
	assert.Equal(t, testPerShard, w.Images())
	assert.NoFileExists(t, filepath.Join(dir, "train-00001.bin"))
	assert.NoFileExists(t, filepath.Join(dir, "train-00002.idx"))
	fill(t, w, 20)
	_, err = w.Finish()
	require.NoError(t, err)
	assert.Equal(t, want, contents(t, dir))
}

func TestAnotherPlanIsNotContinued(t *testing.T) {
	dir := prepared(t, 20)
	other := testPlan
	other.ID[0]++
	_, err := NewWriter(dir, Train, other)
	require.ErrorIs(t, err, ErrOther)
	assert.Contains(t, err.Error(), dir+" holds the beginning of another preparation")
}

func TestOpenSaysWhatIsWrongWithAFolder(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		kind   error
		text   string // after the folder's name and a slash or blank
	}{
		{"no manifest", func(t *testing.T, dir string) { remove(t, dir, ManifestFile) }, ErrAbsent,
			" is not complete: its preparation was broken off; start it again to finish it."},
		{"an empty folder", func(t *testing.T, dir string) {
			for file := range contents(t, dir) {
				remove(t, dir, file)
			}
		}, ErrAbsent, " holds no prepared images (there is no manifest.json)."},
		{"a missing index", func(t *testing.T, dir string) { remove(t, dir, "train-00001.idx") }, ErrAbsent,
			": copy it there again, or prepare the images again."},
		{"a missing shard", func(t *testing.T, dir string) { remove(t, dir, "test-00000.bin") }, ErrAbsent,
			": copy it there again, or prepare the images again."},
		{"a flipped byte in an index", func(t *testing.T, dir string) { flip(t, filepath.Join(dir, "train-00001.idx"), 120) }, ErrChecksum,
			"/train-00001.idx is damaged (its checksum differs): copy it again, or prepare the images again."},
		{"a cut index", func(t *testing.T, dir string) { cut(t, filepath.Join(dir, "train-00001.idx"), 60) }, ErrChecksum,
			"/train-00001.idx is damaged (it is cut off): copy it again, or prepare the images again."},
		{"the index of another shard", func(t *testing.T, dir string) {
			data, err := os.ReadFile(filepath.Join(dir, "train-00000.idx"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "train-00001.idx"), data, 0o666))
		}, ErrChecksum, "/train-00001.idx is not the index that manifest.json means (its SHA-256 differs): copy it again, or prepare the images again."},
		{"a cut shard", func(t *testing.T, dir string) { cut(t, filepath.Join(dir, "train-00000.bin"), 10) }, ErrChecksum,
			"/train-00000.bin has 10 bytes; 240 were expected: copy it again, or prepare the images again."},
		{"a manifest of another version", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, ManifestFile), `"format": 1`, `"format": 2`)
		}, ErrFormat, "/manifest.json is damaged (format version 2; this program reads version 1): prepare the images again, in a new folder."},
		{"a cut manifest", func(t *testing.T, dir string) { cut(t, filepath.Join(dir, ManifestFile), 200) }, ErrFormat,
			"/manifest.json is damaged (not the JSON of a manifest: unexpected EOF): prepare the images again, in a new folder."},
		{"counts at odds", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, ManifestFile), `"images": 18`, `"images": 17`)
		}, ErrFormat, "/manifest.json is damaged (split train: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := prepared(t, 20)
			c.damage(t, dir)
			set, err := Open(t.Context(), dir)
			assert.Nil(t, set)
			require.ErrorIs(t, err, c.kind)
			assert.Contains(t, err.Error(), dir+c.text)
		})
	}
}

// A manifest may claim what memory does not hold: it is the files that count.
func TestAManifestThatLiesAllocatesNothing(t *testing.T) {
	dir := prepared(t, 10)
	m, err := ReadManifest(dir)
	require.NoError(t, err)
	const claimed = 1 << 31
	m.ShardImages = claimed
	m.Train.PerClass[0] += claimed - m.Train.Images
	m.Train.Shards[0].Images, m.Train.Images = claimed, claimed
	m.Train.Shards = m.Train.Shards[:1]
	text, err := json.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ManifestFile), text, 0o666))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = Open(t.Context(), dir)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, ErrFormat)
	assert.ErrorContains(t, err, "2147483648 of 48 were expected: prepare the images again.")
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
}

func TestAFlippedByteIsNeverHandedOut(t *testing.T) {
	dir := prepared(t, 20)
	flip(t, filepath.Join(dir, "train-00001.bin"), 2*testRecord+17)
	set, err := Open(t.Context(), dir)
	require.NoError(t, err)
	defer set.Close()
	got := make([]byte, testRecord)
	const bad = testPerShard + 2
	want := filepath.Join(dir, "train-00001.bin") + " is damaged: image 2 (class2/8.jpg) is not as it was written (its CRC32C differs): copy the file again, or prepare the images again."
	for range 2 { // a second time as well
		err = set.Train.Image(bad, got)
		require.ErrorIs(t, err, ErrChecksum)
		assert.EqualError(t, err, want)
	}
	require.NoError(t, set.Train.Image(bad-1, got))
	assert.EqualError(t, set.Verify(t.Context(), func(int64, int64) {}), want)
}

func TestVerifyStopsWithItsContext(t *testing.T) {
	set, err := Open(t.Context(), prepared(t, 20))
	require.NoError(t, err)
	defer set.Close()
	ctx, cancel := context.WithCancel(t.Context())
	read := int64(0)
	err = set.Verify(ctx, func(done, total int64) {
		read = done
		assert.EqualValues(t, 24*testRecord, total)
		cancel()
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.EqualValues(t, testRecord, read)
}

// The processor faults at a page that its file does not have any more.
func TestAFileThatIsCutWhileOpenIsAnError(t *testing.T) {
	dir := prepared(t, 20)
	set, err := Open(t.Context(), dir)
	require.NoError(t, err)
	defer set.Close()
	cut(t, filepath.Join(dir, "train-00000.bin"), 0)
	err = set.Train.Image(0, make([]byte, testRecord))
	require.ErrorIs(t, err, ErrChecksum)
	assert.EqualError(t, err, filepath.Join(dir, "train-00000.bin")+" cannot be read at image 0: the file was cut off while in use, or the disk fails.")
}

func TestImageRefusesWhatDoesNotExist(t *testing.T) {
	set, err := Open(t.Context(), prepared(t, 20))
	require.NoError(t, err)
	got := make([]byte, testRecord)
	assert.ErrorContains(t, set.Train.Image(-1, got), "image -1 to 48 bytes; there are 18 images of 48 bytes")
	assert.ErrorContains(t, set.Train.Image(18, got), "image 18 to 48 bytes")
	assert.ErrorContains(t, set.Train.Image(0, got[1:]), "image 0 to 47 bytes")
	set.Close()
	assert.ErrorContains(t, set.Train.Image(0, got), "after Close")
}

func TestLockWaitsForItsHolder(t *testing.T) {
	dir := t.TempDir()
	unlock, err := Lock(t.Context(), dir, func() { t.Error("nobody else holds it") })
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = Lock(ctx, dir, cancel) // held: gives up when told that it has to wait
	require.ErrorIs(t, err, context.Canceled)
	waiting := make(chan bool)
	got := make(chan error)
	go func() {
		second, err := Lock(t.Context(), dir, func() { close(waiting) })
		if err == nil {
			second()
		}
		got <- err
	}()
	<-waiting
	unlock()
	require.NoError(t, <-got)
}

func FuzzIndex(f *testing.F) {
	x := shardIndex{indexHead: indexHead{Plan: testPlan.ID, RecordBytes: 48, Next: Position{3, 4, 5}}, Labels: []uint32{1, 2}, Sums: []uint32{3, 4}, Names: []string{"a", "b"},
		Skipped: []Skipped{{"c", "why"}}}
	f.Add(x.encode())
	f.Add((&shardIndex{}).encode())
	f.Add([]byte(indexMagic))
	f.Fuzz(func(t *testing.T, file []byte) {
		// A fuzzer does not guess checksums; give it the right one.
		if len(file) >= headBytes+sumBytes {
			body := file[:len(file)-sumBytes]
			s := checksum(body)
			file = append(bytes.Clone(body), byte(s), byte(s>>8), byte(s>>16), byte(s>>24))
		}
		x, err := parseIndex(file)
		if err != nil {
			return
		}
		again, err := parseIndex(x.encode())
		require.NoError(t, err)
		require.Equal(t, x, again)
	})
}

func FuzzManifest(f *testing.F) {
	text, err := os.ReadFile(filepath.Join(prepared(f, 20), ManifestFile))
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"format":1,"size":1,"channels":3,"shard_images":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err != nil {
			return
		}
		require.Positive(t, m.RecordBytes())
		for _, split := range Splits[:2] { // most folders have no validation images of their own
			require.Len(t, m.Split(split).PerClass, len(m.Classes))
		}
	})
}

func flip(t testing.TB, path string, at int) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	data[at] ^= 4
	require.NoError(t, os.WriteFile(path, data, 0o666))
}

func cut(t testing.TB, path string, length int64) {
	t.Helper()
	require.NoError(t, os.Truncate(path, length))
}

func remove(t testing.TB, dir, file string) {
	t.Helper()
	require.NoError(t, os.Remove(filepath.Join(dir, file)))
}

func edit(t testing.TB, path, old, new string) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(data), old)
	require.NoError(t, os.WriteFile(path, bytes.Replace(data, []byte(old), []byte(new), 1), 0o666))
}
