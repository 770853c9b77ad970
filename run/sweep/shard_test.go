package sweep

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestShardsOfTheEnvironment(t *testing.T) {
	slurmTask := func(id, least, most, step, count string) map[string]string {
		return map[string]string{slurmID: id, slurmMin: least, slurmMax: most, slurmStep: step, slurmCount: count}
	}
	pod := map[string]string{kubernetesIndex: "2"}
	for _, c := range []struct {
		text      string
		variables map[string]string
		want      Shard
		note, err string
	}{
		{"", nil, Shard{}, "", ""},
		{"3/4", pod, Shard{3, 4}, "", ""},
		{"", slurmTask("1", "1", "4", "1", "4"), Shard{1, 4}, "this is shard 1 of 4, as SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT say", ""},
		{"", slurmTask("3", "0", "3", "1", "4"), Shard{4, 4}, "this is shard 4 of 4, as SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT say", ""},
		{"", slurmTask("15", "5", "50", "5", "10"), Shard{3, 10}, "this is shard 3 of 10, as SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT say", ""},
		{"auto/8", slurmTask("3", "0", "3", "1", "4"), Shard{4, 8}, "", ""},
		{"auto/4", pod, Shard{3, 4}, "", ""},
		{"", pod, Shard{}, "JOB_COMPLETION_INDEX is set, but not how many there are: this is the whole grid; -shard auto/N takes a part of N", ""},
		{"", slurmTask("7", "1", "7", "1", "3"), Shard{}, "", "the tasks of this Slurm array have gaps: number them without any, as in --array=1-3, or name the part with -shard."},
		{"", map[string]string{slurmID: "7"}, Shard{}, "", "SLURM_ARRAY_TASK_ID is \"7\", and SLURM_ARRAY_TASK_MIN and SLURM_ARRAY_TASK_COUNT make no array with it: name the part with -shard, such as 1/4."},
		{"auto/2", pod, Shard{}, "", "-shard auto/2: there is no part 3 of 2; they are 1/2 to 2/2."},
		{"auto/2", nil, Shard{}, "", "-shard auto/2: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX has a number: name the part, such as 1/2."},
		{"0/4", nil, Shard{}, "", "-shard 0/4: there is no part 0 of 4; they are 1/4 to 4/4."},
		{"two", nil, Shard{}, "", "-shard two: expected a part and their number, such as 1/4, or auto/4 in an array of Slurm or a Job of Kubernetes."},
	} {
		got, note, err := ParseShard(c.text, func(name string) string { return c.variables[name] })
		assert.Equal(t, c.want, got, c.text)
		assert.Equal(t, c.note, note)
		if c.err == "" {
			assert.NoError(t, err)
		} else {
			assert.EqualError(t, err, c.err)
		}
	}
}

func TestShardsPartTheGridEvenly(t *testing.T) {
	for _, kinds := range []int{1, 3, 4, 6, 16} {
		for _, of := range []int{1, 2, 4, 7} {
			var runs []*Run
			for seed := range 12 {
				for kind := range kinds {
					runs = append(runs, &Run{Label: fmt.Sprint(kind, " ", seed), kind: fmt.Sprint(kind)})
				}
			}
			seen := map[string]bool{}
			for number := 1; number <= of; number++ {
				perKind := map[string]int{}
				mine := Shard{number, of}.pick(runs, kinds)
				for _, one := range mine {
					require.False(t, seen[one.Label])
					seen[one.Label] = true
					perKind[one.kind]++
				}
				assert.InDelta(t, float64(len(runs))/float64(of), len(mine), 1)
				for kind, n := range perKind {
					assert.InDelta(t, 12/float64(of), n, 2, "kind %s of %d in shard %d/%d", kind, kinds, number, of)
				}
			}
			assert.Len(t, seen, len(runs))
		}
	}
}
