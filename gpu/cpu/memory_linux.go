package cpu

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

// systemMemory reads how many bytes can be had without swapping, and how many there
// are, from /proc/meminfo; zeros if it cannot be read.
func systemMemory() (free, total int64) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	return parseMemory(f)
}

// parseMemory reads the format of /proc/meminfo.
func parseMemory(meminfo io.Reader) (free, total int64) {
	for lines := bufio.NewScanner(meminfo); lines.Scan(); {
		var name string
		var kib int64
		if _, err := fmt.Sscanf(lines.Text(), "%s %d", &name, &kib); err != nil {
			continue
		}
		switch name {
		case "MemTotal:":
			total = kib << 10
		case "MemAvailable:":
			free = kib << 10
		}
	}
	return free, total
}
