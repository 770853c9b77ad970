package sweep

import (
	"fmt"
	"regexp"
	"strconv"

	"mdfa/internal/wording"
)

// Shard is a part of a grid: number Number, from 1 on, of Of. The zero value is the whole grid.
type Shard struct{ Number, Of int }

// shardForm matches 2/4 and auto/4.
var shardForm = regexp.MustCompile(`^(\d+|auto)/(\d+)$`)

// ParseShard reads the text of -shard, such as 2/4. Of auto/4 the environment has the number: Slurm's of a task of an array
// or Kubernetes's JOB_COMPLETION_INDEX. Without a text, Slurm's variables say all, and those of Kubernetes the number
// alone: note is what the user should know of that. The error is a sentence.
func ParseShard(text string, getenv func(string) string) (shard Shard, note string, err error) {
	parts := shardForm.FindStringSubmatch(text)
	switch {
	case text == "" && getenv(slurmID) != "":
		if shard, err = slurm(getenv); err == nil {
			note = fmt.Sprintf("this is shard %d of %d, as %s and %s say", shard.Number, shard.Of, slurmID, slurmCount)
		}
		return shard, note, err
	case text == "" && getenv(kubernetesIndex) != "":
		return Shard{}, kubernetesIndex + " is set, but not how many there are: this is the whole grid; -shard auto/N takes a part of N", nil
	case text == "":
		return Shard{}, "", nil
	case parts == nil:
		return Shard{}, "", wording.Usagef("-shard %s: expected a part and their number, such as 1/4, or auto/4 in an array of Slurm or a Job of Kubernetes.", wording.Shown(text))
	}
	if parts[1] != "auto" {
		return checkShard(parts[1], parts[2], text)
	}
	number := getenv(kubernetesIndex)
	if getenv(slurmID) != "" {
		if shard, err = slurm(getenv); err != nil {
			return Shard{}, "", err
		}
		number = strconv.Itoa(shard.Number - 1)
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return Shard{}, "", wording.Usagef("-shard %s: neither %s nor %s has a number: name the part, such as 1/%s.", text, slurmID, kubernetesIndex, parts[2])
	}
	return checkShard(strconv.Itoa(n+1), parts[2], text)
}

// checkShard reads the two numbers of a shard.
func checkShard(number, of, text string) (Shard, string, error) {
	n, errN := strconv.Atoi(number)
	total, errOf := strconv.Atoi(of)
	if errN != nil || errOf != nil || n < 1 || n > total {
		return Shard{}, "", wording.Usagef("-shard %s: there is no part %s of %s; they are 1/%s to %s/%s.", text, number, of, of, of, of)
	}
	return Shard{n, total}, "", nil
}

// The variables of clusters.
const (
	slurmID         = "SLURM_ARRAY_TASK_ID"
	slurmMin        = "SLURM_ARRAY_TASK_MIN"
	slurmMax        = "SLURM_ARRAY_TASK_MAX"
	slurmStep       = "SLURM_ARRAY_TASK_STEP"
	slurmCount      = "SLURM_ARRAY_TASK_COUNT"
	kubernetesIndex = "JOB_COMPLETION_INDEX" // from 0
)

// slurm returns the shard of a task of a Slurm array: of --array=1-10, 0-9 or 5-50:5.
func slurm(getenv func(string) string) (Shard, error) {
	read := func(name string, otherwise int) int {
		n, err := strconv.Atoi(getenv(name))
		if err != nil {
			return otherwise
		}
		return n
	}
	id, count := read(slurmID, -1), read(slurmCount, -1)
	least, step := read(slurmMin, -1), read(slurmStep, 1)
	if id < least || least < 0 || count < 1 || step < 1 {
		return Shard{}, wording.Usagef("%s is %q, and %s and %s make no array with it: name the part with -shard, such as 1/4.", slurmID, getenv(slurmID), slurmMin, slurmCount)
	}
	number := (id-least)/step + 1
	if (id-least)%step != 0 || number > count || read(slurmMax, least+(count-1)*step) != least+(count-1)*step {
		return Shard{}, wording.Usagef("the tasks of this Slurm array have gaps: number them without any, as in --array=1-%d, or name the part with -shard.", count)
	}
	return Shard{number, count}, nil
}

// pick returns the shard's part of runs, of which so many follow each other with the same seed. They are dealt round robin,
// shifted each time that the round of settings and that of shards come out even, so that a shard gets not the same
// settings of every seed.
func (p Shard) pick(runs []*Run, perSeed int) (mine []*Run) {
	if p.Of == 0 {
		return runs
	}
	period := lcm(perSeed, p.Of)
	for i, one := range runs {
		if (i+i/period)%p.Of == p.Number-1 {
			mine = append(mine, one)
		}
	}
	return mine
}

func lcm(a, b int) int {
	x, y := a, b
	for y > 0 {
		x, y = y, x%y
	}
	return a / x * b
}
