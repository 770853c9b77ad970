//go:build unix

package fetch

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// helper is a process of its own that fetches into dir.
func helper(t *testing.T, url, dir string) *exec.Cmd {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(binary, dir)
	command.Env = append(os.Environ(), helperEnv+"="+url)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	return command
}

func TestProcessesAtOnceShareOneDownload(t *testing.T) {
	content := published(helperSize)
	o := newOrigin(t, content)
	both := make(chan struct{})
	o.answerWith(func(int, http.ResponseWriter, *http.Request) bool { <-both; return false })
	dir := t.TempDir()
	first, second := helper(t, o.URL, dir), helper(t, o.URL, dir)
	require.NoError(t, first.Start())
	require.NoError(t, second.Start())
	close(both)
	assert.NoError(t, first.Wait())
	assert.NoError(t, second.Wait())
	requireWhole(t, dir, content)
	assert.Len(t, o.asked(), 1)
}

func TestAProcessGoesOnWhereAKilledOneStopped(t *testing.T) {
	content := published(helperSize)
	o := newOrigin(t, content)
	dir := t.TempDir()
	victim := helper(t, o.URL, dir)
	arrived := make(chan struct{})
	o.answerWith(func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 0 {
			o.begin(w, 0, 300_000)
			close(arrived)
			<-r.Context().Done()
		}
		return n == 0
	})
	require.NoError(t, victim.Start())
	<-arrived
	partial := filepath.Join(dir, "data.tar.gz.partial")
	require.Eventually(t, func() bool {
		info, err := os.Stat(partial)
		return err == nil && info.Size() == 300_000
	}, testPatience, testPatience/1000)
	heir := helper(t, o.URL, dir)
	require.NoError(t, heir.Start()) // waits for the victim's lock
	require.NoError(t, victim.Process.Kill())
	assert.Error(t, victim.Wait())
	assert.NoError(t, heir.Wait())
	requireWhole(t, dir, content)
	assert.Equal(t, []string{"", "bytes=300000-"}, o.asked())
}

func TestGetGoesThroughTheProxyOfTheEnvironment(t *testing.T) {
	content := published(helperSize)
	var asked string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		_, _ = w.Write(content)
	}))
	defer proxy.Close()
	dir := t.TempDir()
	command := helper(t, "http://publisher.invalid/data.tar.gz", dir)
	command.Env = append(command.Env, "http_proxy="+proxy.URL, "HTTP_PROXY=", "no_proxy=", "NO_PROXY=")
	require.NoError(t, command.Run())
	requireWhole(t, dir, content)
	assert.Equal(t, "http://publisher.invalid/data.tar.gz", asked)
}

func TestStorageErrorSaysThatTheDiskIsFull(t *testing.T) {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		err := storageError(&os.PathError{Op: "write", Path: "file", Err: full})
		assert.ErrorIs(t, err, ErrStorage)
		assert.ErrorIs(t, err, full)
		assert.EqualError(t, err, "the disk is full; what has arrived is kept, and the next try goes on from there")
	}
}
