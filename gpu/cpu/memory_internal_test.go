//go:build linux

package cpu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMemoryIsWhatCanBeHadWithoutSwapping(t *testing.T) {
	free, total := parseMemory(strings.NewReader("MemTotal:       16384 kB\nMemFree:          100 kB\nMemAvailable:    8192 kB\nHugePages_Total:     0\n"))
	assert.EqualValues(t, 8<<20, free)
	assert.EqualValues(t, 16<<20, total)
	free, total = systemMemory()
	assert.Positive(t, free)
	assert.Less(t, free, total)
}

func TestMemoryIsBoundByControlGroups(t *testing.T) {
	const (
		v2     = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		v1     = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		docker = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
	)
	for name, c := range map[string]struct {
		files       map[string]string
		free, total int64 // in MiB
	}{
		"none":     {nil, 8192, 16384},
		"no limit": {map[string]string{"proc/self/cgroup": "0::/user/me\n", "proc/self/mountinfo": v2, "sys/fs/cgroup/user/me/memory.max": "max\n"}, 8192, 16384},
		"version 2": {map[string]string{
			"proc/self/cgroup": "0::/job/step\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/job/step/memory.max": "1073741824\n", "sys/fs/cgroup/job/step/memory.current": "536870912\n",
			"sys/fs/cgroup/job/step/memory.stat": "anon 1\nactive_file 104857600\ninactive_file 104857600\n",
		}, 712, 1024},
		"version 2, above": {map[string]string{
			"proc/self/cgroup": "0::/job/step/task\n", "proc/self/mountinfo": v2,
			"sys/fs/cgroup/job/memory.max": "2147483648\n", "sys/fs/cgroup/job/memory.current": "1073741824\n",
			"sys/fs/cgroup/job/step/memory.max": "max\n", "sys/fs/cgroup/job/step/task/memory.max": "4294967296\n",
		}, 1024, 2048},
		"version 2, own namespace": {map[string]string{
			"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2, "sys/fs/cgroup/memory.max": "1073741824\n",
		}, 1024, 1024},
		"version 1": {map[string]string{
			"proc/self/cgroup": "5:cpu:/x\n4:memory:/job\n0::/\n", "proc/self/mountinfo": v1,
			"sys/fs/cgroup/memory/memory.limit_in_bytes":     "9223372036854771712\n",
			"sys/fs/cgroup/memory/job/memory.limit_in_bytes": "1073741824\n", "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "524288000\n",
			"sys/fs/cgroup/memory/job/memory.stat": "inactive_file 1\ntotal_inactive_file 209715200\n",
		}, 724, 1024},
		"version 1, in a container": {map[string]string{
			"proc/self/cgroup": "4:memory:/docker/abc\n", "proc/self/mountinfo": docker,
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "1072693248\n",
		}, 1, 1024},
		"larger than the machine": {map[string]string{"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2, "sys/fs/cgroup/memory.max": "1099511627776\n"}, 8192, 16384},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write := func(path, text string) {
				path = filepath.Join(root, path)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
				require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
			}
			write("proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n")
			for path, text := range c.files {
				write(path, text)
			}
			free, total := memoryBelow(root)
			assert.Equal(t, c.free<<20, free, "free")
			assert.Equal(t, c.total<<20, total, "total")
		})
	}
}
