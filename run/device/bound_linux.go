package device

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// bound says whether the launcher has bound this process to some of the machine's processors. Each rank has its own then;
// otherwise the ranks of a machine share them all.
func bound() bool {
	online, err := os.ReadFile("/sys/devices/system/cpu/online") // "0-3,8-11"
	if err != nil {
		return false
	}
	all := 0
	for part := range strings.SplitSeq(strings.TrimSpace(string(online)), ",") {
		var first, last int
		if n, _ := fmt.Sscanf(part, "%d-%d", &first, &last); n < 2 {
			last = first
		}
		all += last - first + 1
	}
	return runtime.NumCPU() < all
}
