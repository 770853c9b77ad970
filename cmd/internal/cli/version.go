package cli

import (
	"fmt"
	"runtime"
	"strings"

	"mdfa/internal/version"
	"mdfa/run/device"
)

// Version is the text of -version: the version, what was built into the program, and the BLAS that it finds.
func Version() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mdfa %s, commit %s, %s %s/%s\n", version.Number, version.Read(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(&b, "devices  %s\n", strings.Join(device.Kinds(), ", "))
	for _, line := range device.Describe() {
		if line[0] == "cpu" {
			fmt.Fprintf(&b, "cpu      %s\n", line[1])
		}
	}
	fmt.Fprintf(&b, "nccl     %s\n", device.NCCL())
	return b.String()
}
