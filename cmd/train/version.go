package main

import (
	"fmt"
	"runtime"

	"mdfa/internal/version"
)

// versionLine is what -version prints.
func versionLine() string {
	return fmt.Sprintf("train %s, %s %s/%s", version.Read(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
