//go:build faults

package disk

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Variables of a program that is built with the tag "faults".
const (
	faultEnv    = "MDFA_FAULT"     // "7" makes the seventh operation fail, "7+" all from it on, "7!" ends the process there
	faultLogEnv = "MDFA_FAULT_LOG" // a file that gets a line for each operation
)

var operations atomic.Int64

// inject counts an operation, and fails if it is its turn.
func inject(op, path string) error {
	n := operations.Add(1)
	if name := os.Getenv(faultLogEnv); name != "" {
		if log, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666); err == nil {
			fmt.Fprintf(log, "%s %s\n", op, path)
			log.Close()
		}
	}
	setting := os.Getenv(faultEnv)
	at, err := strconv.ParseInt(strings.TrimRight(setting, "+!"), 10, 64)
	if err != nil || n < at || n > at && !strings.HasSuffix(setting, "+") {
		return nil
	}
	if strings.HasSuffix(setting, "!") {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	cause := syscall.ENOSPC
	if op == "fsync" || op == "link" {
		cause = syscall.EIO
	}
	return &fs.PathError{Op: op, Path: path, Err: cause}
}
