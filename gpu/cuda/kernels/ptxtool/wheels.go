package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// wheel is a Python package pinned by version and by the content of its files.
type wheel struct {
	name, version string
	sha256        []string // one per platform that is published
	file          string   // the file that is needed, within the package
}

var (
	// nvrtcWheel is the compiler. 12.0.140 is published for Linux on amd64 only.
	nvrtcWheel = wheel{
		name: "nvidia-cuda-nvrtc-cu12", version: "12.0.140",
		sha256: []string{"8e94e991d85c422de4da87bdc7472fdc1364367bd4aace7000b559cd33122071"},
		file:   "nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
	}
	// nvccWheel holds the assembler, for Linux on amd64 and on arm64.
	nvccWheel = wheel{
		name: "nvidia-cuda-nvcc-cu12", version: "12.9.86",
		sha256: []string{
			"5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0",
			"44e1eca4d08926193a558d2434b1bf83d57b4d5743e0c431c0c83d51da1df62b",
		},
		file: "nvidia/cuda_nvcc/bin/ptxas",
	}
)

// fetch returns the path of the wheel's file, which pip fetches on first use. The
// folder appears only when it is complete.
func fetch(w wheel) (string, error) {
	dir := filepath.Join(cacheDir, w.name+"-"+w.version)
	path, err := filepath.Abs(filepath.Join(dir, filepath.FromSlash(w.file)))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(cacheDir, 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(cacheDir, w.name+"-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := pip(w, tmp); err != nil {
		return "", err
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.Rename(filepath.Join(tmp, "files"), dir); err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s %s has no %s: %w", w.name, w.version, w.file, err)
	}
	return path, nil
}

// pip installs the wheel into tmp/files; only files with a known hash are accepted.
func pip(w wheel, tmp string) error {
	requirement := w.name + "==" + w.version
	for _, h := range w.sha256 {
		requirement += " --hash=sha256:" + h
	}
	list := filepath.Join(tmp, "requirements.txt")
	if err := os.WriteFile(list, []byte(requirement+"\n"), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "ptxtool: fetching %s %s\n", w.name, w.version)
	cmd := exec.Command("python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
		"--only-binary=:all:", "--require-hashes", "--target", filepath.Join(tmp, "files"), "--requirement", list)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pip could not fetch %s %s: %s. It needs Linux on amd64, python3 with pip, and a package index that pip can reach; the committed %s needs none of that",
			w.name, w.version, lastLine(stderr.String(), err), ptxFile)
	}
	return nil
}

// lastLine returns the last line of pip's complaint, which names the cause.
func lastLine(text string, err error) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return strings.TrimSuffix(last, ".")
	}
	return err.Error()
}
