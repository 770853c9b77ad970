package loaders

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/fetch"
)

// described is a file as its publisher describes it.
func described(name string, content []byte) fetch.File {
	sum := md5.Sum(content)
	return fetch.File{Name: name, Size: int64(len(content)), MD5: hex.EncodeToString(sum[:])}
}

// network stands for the internet in Options: each address gives the content under
// its full name, and others 404.
type network struct {
	content map[string][]byte // by address

	mu    sync.Mutex
	asked []string
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.asked = append(n.asked, r.URL.String())
	n.mu.Unlock()
	answer := httptest.NewRecorder()
	if content, ok := n.content[r.URL.String()]; ok {
		answer.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(answer, r, "", time.Time{}, bytes.NewReader(content))
	} else {
		answer.WriteHeader(http.StatusNotFound)
	}
	reply := answer.Result()
	reply.Request = r
	return reply, nil
}

// offline is a network that is not there.
type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}
}

func TestLoadTellsHowToGetTheFilesByHand(t *testing.T) {
	noPlaces(t)
	for name, files := range map[string]string{
		"fashion-mnist": "train-images-idx3-ubyte.gz (26,421,880 bytes, MD5 8d4fb7e6c68d591d4c3dfef9ec88bf0d), " +
			"train-labels-idx1-ubyte.gz (29,515 bytes, MD5 25c81989df183df01b3e8a0aad5dffbe), " +
			"t10k-images-idx3-ubyte.gz (4,422,102 bytes, MD5 bef4ecab320f06d8554ea6380940ec79), " +
			"t10k-labels-idx1-ubyte.gz (5,148 bytes, MD5 bb300cfdad3c16e7a12a480ee83cd310), " +
			"from http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/, in PLACE, or name their folder with -data.",
		"cifar10": "cifar-10-binary.tar.gz (170,052,171 bytes, MD5 c32a1d4ab5d03f1284b67883e8d87530), " +
			"from https://www.cs.toronto.edu/~kriz/, in PLACE, or name its folder with -data.",
		"cifar100": "cifar-100-binary.tar.gz (168,513,733 bytes, MD5 03b5dce01913d631647c71ecec9e9cb8), " +
			"from https://www.cs.toronto.edu/~kriz/, in PLACE, or name its folder with -data.",
	} {
		t.Run(name, func(t *testing.T) {
			place := homely(cacheOf(t, name))
			_, err := Load(t.Context(), name, Options{via: offline{}})
			require.ErrorIs(t, err, ErrNotFound)
			require.ErrorIs(t, err, fetch.ErrUnreachable)
			assert.EqualError(t, err, name+" is not in "+place+", and fetching it failed (no route to host). Put "+
				strings.ReplaceAll(files, "PLACE", place))
		})
	}
}

func TestLoadNamesThePlaceOfTheEnvironmentFirst(t *testing.T) {
	noPlaces(t)
	root := t.TempDir()
	t.Setenv("MDFA_DATA", root)
	_, err := Load(t.Context(), "cifar10", Options{via: offline{}})
	place := filepath.Join(root, "cifar10")
	assert.ErrorContains(t, err, "cifar10 is not in "+place+" or "+homely(cacheOf(t, "cifar10"))+", and ")
	assert.ErrorContains(t, err, ", in "+place+", or name its folder with -data.")
}

func TestLoadSaysThatThereIsNoPlaceToFetchTo(t *testing.T) {
	noPlaces(t)
	for _, name := range []string{"HOME", "USERPROFILE", "XDG_CACHE_HOME", "LocalAppData"} {
		t.Setenv(name, "")
	}
	_, err := Load(t.Context(), "cifar10", Options{via: offline{}})
	require.ErrorIs(t, err, ErrNotFound)
	assert.EqualError(t, err, "cifar10 was not found (neither MDFA_DATA nor a home folder is set). Put "+
		"cifar-10-binary.tar.gz (170,052,171 bytes, MD5 c32a1d4ab5d03f1284b67883e8d87530), from https://www.cs.toronto.edu/~kriz/, in a folder and name it with -data.")
}

func TestCIFARIsFetchedOnceAndReadFromTheCache(t *testing.T) {
	noPlaces(t)
	content := zipped(packed(cifarFiles(cifar10), cifar10.folder))
	set := cifar10
	set.archive = described(set.archive.Name, content)
	online := &network{content: map[string][]byte{"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz": content}}
	var last Progress
	opt := Options{via: online, Progress: func(p Progress) { last = p }}
	for range 2 {
		held, err := set.read(t.Context(), opt)
		require.NoError(t, err)
		assert.Len(t, held.train.labels, 50)
		assert.True(t, held.official)
		assert.Equal(t, homely(filepath.Join(cacheOf(t, "cifar10"), "cifar-10-binary.tar.gz")), held.source)
	}
	assert.Len(t, online.asked, 1)
	assert.Equal(t, Progress{Name: "cifar-10-binary.tar.gz", From: online.asked[0],
		Done: int64(len(content)), Total: int64(len(content)), Finished: true}, last)
}

func TestFetchingGoesToTheFolderOfTheEnvironment(t *testing.T) {
	noPlaces(t)
	root := filepath.Join(t.TempDir(), "data")
	t.Setenv("MDFA_DATA", root)
	content := zipped(packed(cifarFiles(cifar10), ""))
	set := cifar10
	set.archive = described(set.archive.Name, content)
	held, err := set.read(t.Context(), Options{via: &network{content: map[string][]byte{cifarAddress + set.archive.Name: content}}})
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "cifar10", "cifar-10-binary.tar.gz"), held.source)
	assert.NoDirExists(t, cacheOf(t, "cifar10"))
}

func TestFashionMNISTFetchesOnlyWhatIsMissing(t *testing.T) {
	noPlaces(t)
	files := small()
	online := &network{content: map[string][]byte{}}
	set := fashionMNIST
	set.files = nil
	for _, name := range gzNames(idxNames) {
		online.content[set.address+name] = files[name]
		set.files = append(set.files, described(name, files[name]))
	}
	// As an earlier run leaves it that was stopped between two files.
	write(t, cacheOf(t, "fashion-mnist"), map[string][]byte{trainImages: files[trainImages], testLabels: files[testLabels]})
	for range 2 {
		held, err := set.read(t.Context(), Options{via: online})
		require.NoError(t, err)
		assert.Len(t, held.train.labels, 40)
		assert.Len(t, held.test.labels, 20)
		assert.True(t, held.official)
		assert.Equal(t, homely(cacheOf(t, "fashion-mnist")), held.source)
	}
	assert.Equal(t, []string{set.address + trainLabels, set.address + testImages}, online.asked)
}

func TestLoadNeverFetchesIntoANamedFolder(t *testing.T) {
	noPlaces(t)
	online := &network{}
	for _, name := range []string{"cifar10", "cifar100", "fashion-mnist"} {
		dir := t.TempDir()
		_, err := Load(t.Context(), name, Options{Dir: dir, via: online})
		require.ErrorIs(t, err, ErrNotFound)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, entries)
	}
	assert.Empty(t, online.asked)
}

func TestLoadSaysWhyFetchingFailed(t *testing.T) {
	const address = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
	content := zipped(packed(cifarFiles(cifar10), ""))
	set := cifar10
	set.archive = described(set.archive.Name, content)
	for _, c := range []struct {
		name    string
		content map[string][]byte
		kind    error
		text    string
	}{
		{"not found", nil, ErrNotFound, "and fetching it failed (www.cs.toronto.edu answered 404 Not Found). Put cifar-10-binary.tar.gz ("},
		{"another file", map[string][]byte{address: with(content, -20, 0)}, ErrChecksum,
			"and fetching it failed (what arrived is not the published file: its MD5 is "},
	} {
		t.Run(c.name, func(t *testing.T) {
			noPlaces(t)
			_, err := set.read(t.Context(), Options{via: &network{content: c.content}})
			require.ErrorIs(t, err, c.kind)
			assert.ErrorContains(t, err, c.text)
			assert.NoFileExists(t, filepath.Join(cacheOf(t, "cifar10"), path.Base(address)))
		})
	}
}

func TestLoadSaysThatTheCacheCannotBeWritten(t *testing.T) {
	noPlaces(t)
	cache := filepath.Dir(cacheOf(t, "cifar10"))
	require.NoError(t, os.MkdirAll(filepath.Dir(cache), 0o755))
	require.NoError(t, os.WriteFile(cache, nil, 0o644)) // a file where the folder should be
	_, err := Load(t.Context(), "cifar10", Options{via: &network{}})
	require.ErrorIs(t, err, fetch.ErrStorage)
	assert.EqualError(t, err, "cifar10 could not be fetched into "+homely(cacheOf(t, "cifar10"))+" ("+cache+
		" cannot be written: not a directory): make room or give access there, or name another folder in MDFA_DATA.")
}

// A shared folder of data may be for reading only, which an administrator, as whom
// tests may run, cannot bring about with permissions.
func TestAFolderForReadingIsPassedOver(t *testing.T) {
	for err, want := range map[error]bool{
		&fs.PathError{Op: "mkdir", Err: syscall.EACCES}: true,
		&fs.PathError{Op: "mkdir", Err: syscall.EPERM}:  true,
		&fs.PathError{Op: "mkdir", Err: syscall.EROFS}:  true,
		&fs.PathError{Op: "write", Err: syscall.ENOSPC}: false,
		errors.New("else"): false,
	} {
		assert.Equal(t, want, readOnly(err), err)
	}
}

func TestLoadStopsADownloadWithItsContext(t *testing.T) {
	noPlaces(t)
	ctx, stop := context.WithCancel(t.Context())
	content := zipped(packed(cifarFiles(cifar10), ""))
	set := cifar10
	set.archive = described(set.archive.Name, content)
	opt := Options{
		via:      &network{content: map[string][]byte{cifarAddress + set.archive.Name: content}},
		Progress: func(Progress) { stop() },
	}
	_, err := set.read(ctx, opt)
	require.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, ErrNotFound)
}
