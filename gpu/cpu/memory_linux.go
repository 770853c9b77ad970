package cpu

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// systemMemory returns the bytes that are available without swapping, and all bytes: from
// /proc/meminfo, bounded by the control groups of this process, which limit containers and
// Slurm jobs. Both are zero if they cannot be read.
func systemMemory() (free, total int64) { return memoryBelow("/") }

// memoryBelow does the work of systemMemory, with root in place of "/".
func memoryBelow(root string) (free, total int64) {
	f, err := os.Open(filepath.Join(root, "proc/meminfo"))
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	free, total = parseMemory(f)
	for _, g := range memoryGroups(root) {
		limit, used := g.read()
		if limit > 0 && total > 0 {
			total, free = min(total, limit), min(free, max(1, limit-used)) // 0 is unknown
		}
	}
	return free, total
}

func parseMemory(from io.Reader) (free, total int64) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
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

// memoryGroup is a control group, of version 1 or 2.
type memoryGroup struct {
	dir              string
	limit, usage     string // its files
	active, inactive string // lines of memory.stat: bytes that the kernel can free
}

// memoryGroups lists this process's control groups that can limit memory, and those above
// them: each has its own limit.
func memoryGroups(root string) []memoryGroup {
	text, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return nil
	}
	mounts, err := os.ReadFile(filepath.Join(root, "proc/self/mountinfo"))
	if err != nil {
		return nil
	}
	var groups []memoryGroup
	for line := range strings.Lines(string(text)) {
		// hierarchy:controllers:path
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		g := memoryGroup{limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", active: "total_active_file", inactive: "total_inactive_file"}
		kind, option := "cgroup", "memory"
		switch {
		case fields[0] == "0":
			g = memoryGroup{limit: "memory.max", usage: "memory.current", active: "active_file", inactive: "inactive_file"}
			kind, option = "cgroup2", ""
		case !slices.Contains(strings.Split(fields[1], ","), "memory"):
			continue
		}
		mounted, at := groupMount(string(mounts), kind, option)
		if at == "" {
			continue
		}
		// In a container the mount may begin at the container's own group.
		below, err := filepath.Rel(mounted, fields[2])
		if err != nil || !filepath.IsLocal(below) {
			below = "."
		}
		for {
			g.dir = filepath.Join(root, at, below)
			groups = append(groups, g)
			if below == "." {
				break
			}
			below = filepath.Dir(below)
		}
	}
	return groups
}

// groupMount returns the folder at which control groups of a kind are mounted, and which of
// their folders is mounted there.
func groupMount(mounts, kind, option string) (mounted, at string) {
	for line := range strings.Lines(mounts) {
		// ID parent device root mountpoint options [more] - type source options
		place, about, _ := strings.Cut(strings.TrimSpace(line), " - ")
		fields, options := strings.Fields(place), strings.Fields(about)
		if len(fields) < 5 || len(options) < 3 || options[0] != kind {
			continue
		}
		if option == "" || slices.Contains(strings.Split(options[2], ","), option) {
			return fields[3], fields[4]
		}
	}
	return "", ""
}

// read returns the group's limit, 0 if it has none, and the bytes in use.
func (g memoryGroup) read() (limit, used int64) {
	number := func(file string) int64 {
		text, err := os.ReadFile(filepath.Join(g.dir, file))
		if err != nil {
			return 0
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			return 0 // "max"
		}
		return n
	}
	if limit = number(g.limit); limit == 0 {
		return 0, 0
	}
	used = number(g.usage)
	stat, err := os.ReadFile(filepath.Join(g.dir, "memory.stat"))
	if err != nil {
		return limit, used
	}
	for line := range strings.Lines(string(stat)) {
		var name string
		var n int64
		if _, err := fmt.Sscanf(line, "%s %d", &name, &n); err == nil && (name == g.active || name == g.inactive) {
			used -= n
		}
	}
	return limit, max(0, used)
}
