package ranks

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A launcher is the program that started the ranks.
type launcher struct {
	name string
	rank int
	size int

	// local is the rank among those of one host, or -1 where the launcher does not say.
	local int

	mpi mpiFamily

	// address is the host of rank 0, which listens on one of a few ports from port on; "" where the address travels by
	// MPI. job is the same text in all ranks, and another in those of other jobs.
	address string
	port    int
	job     string
}

// mpiFamily says which MPI library belongs to a launcher.
type mpiFamily int

const (
	noMPI   mpiFamily = iota
	openMPI           // Open MPI's
	mpich             // MPICH's, or one with the same binary interface, such as Intel MPI's
	anyMPI            // whichever was built for the process manager interface of srun
)

// ports is how many ports of rank 0 are tried, since another program may hold some.
const ports = 8

// slurmPorts are the ports from which a step of Slurm takes its own, below those that Linux gives to outgoing connections.
const (
	firstSlurmPort = 20000
	lastSlurmPort  = 32000
)

// findLauncher reads the variables of Open MPI (mpirun(1), "Exported Environment Variables"), of Hydra, the launcher of
// MPICH and Intel MPI, of Slurm (srun(1), "OUTPUT ENVIRONMENT VARIABLES") and of torchrun (PyTorch's "torchrun (Elastic
// Launch)", "Environment Variables"). Where several are set the innermost launcher counts: mpirun runs under sbatch,
// torchrun under srun. Without a launcher there is one rank.
func findLauncher(getenv func(string) string) (launcher, error) {
	e := environment{getenv: getenv}
	torch := e.ranks("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK")
	if torch != nil && getenv("TORCHELASTIC_RUN_ID") != "" {
		return e.torchrun(torch)
	}
	byMPI := e.ranks("mpirun of Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK")
	if byMPI != nil {
		byMPI.mpi = openMPI
	}
	pmi := e.ranks("mpirun of MPICH", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID")
	if pmi != nil {
		pmi.mpi = mpich
	}
	if byMPI == nil {
		byMPI = pmi
	} else if pmi != nil {
		e.agree(byMPI, pmi)
	}
	if getenv("SLURM_STEP_NUM_TASKS") != "" { // srun sets it, sbatch does not
		slurm := e.ranks("srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID")
		// mpirun starts one task on each node as a step of its own, and the ranks as children of these.
		if slurm != nil && slurm.size > 1 && torch == nil &&
			(byMPI == nil || byMPI == pmi && slurm.rank == pmi.rank && slurm.size == pmi.size) {
			return e.srun(slurm)
		}
	}
	switch {
	case byMPI != nil:
		if torch != nil {
			e.agree(byMPI, torch)
		}
		return *byMPI, e.err
	case torch != nil:
		return e.torchrun(torch)
	}
	return launcher{size: 1}, e.err
}

// An environment reads variables and keeps the first mistake in them.
type environment struct {
	getenv func(string) string
	err    error
}

func (e *environment) failf(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

// ranks reads the three variables of one launcher, or returns nil if none of the first two is set.
func (e *environment) ranks(name, rank, size, local string) *launcher {
	if e.getenv(rank) == "" && e.getenv(size) == "" {
		return nil
	}
	l := &launcher{name: name, size: e.number(size, rank, 1, 0), local: -1}
	l.rank = e.number(rank, size, 0, l.size)
	if e.getenv(local) != "" {
		l.local = e.number(local, size, 0, l.size)
	}
	return l
}

// number reads a number from least on, below a limit unless that is 0. other is set as well.
func (e *environment) number(name, other string, least, limit int) int {
	text := e.getenv(name)
	n, err := strconv.Atoi(text)
	switch {
	case text == "":
		e.failf("%s is set to %q but %s is not set: start the ranks with mpirun, srun or torchrun, which set both, or unset it for one rank",
			other, e.getenv(other), name)
	case err != nil, n < least:
		e.failf("%s is %q, but a number from %d on was expected", name, text, least)
	case limit > 0 && n >= limit:
		e.failf("%s is %s, but it can be at most %d where %s is %s", name, text, limit-1, other, e.getenv(other))
	}
	return n
}

// agree notes a mistake if two launchers differ.
func (e *environment) agree(a, b *launcher) {
	if a.rank != b.rank || a.size != b.size {
		e.failf("%s says that this is rank %d of %d, but the variables of %s say rank %d of %d: unset those that another launcher left",
			a.name, a.rank, a.size, b.name, b.rank, b.size)
	}
}

func (e *environment) torchrun(l *launcher) (launcher, error) {
	l.address = e.getenv("MASTER_ADDR")
	if l.size > 1 {
		if l.address == "" {
			e.failf("RANK and WORLD_SIZE are set but MASTER_ADDR is not: set it to the host of rank 0, as torchrun does")
		}
		// MASTER_PORT itself is taken by torchrun's own store.
		l.port = e.number("MASTER_PORT", "MASTER_ADDR", 1, 1<<16-ports) + 1
	}
	l.job = strings.Join([]string{"torchrun", e.getenv("TORCHELASTIC_RUN_ID"), e.getenv("TORCHELASTIC_RESTART_COUNT"),
		l.address, e.getenv("MASTER_PORT")}, " ")
	return *l, e.err
}

func (e *environment) srun(l *launcher) (launcher, error) {
	switch {
	case e.getenv("PMIX_RANK") != "": // srun --mpi=pmix
		l.mpi = anyMPI
	case e.getenv("PMI_RANK") != "": // srun --mpi=pmi2, without which Open MPI is mostly built
		l.mpi = mpich
	}
	nodes := e.getenv("SLURM_STEP_NODELIST")
	if nodes == "" {
		e.failf("SLURM_STEP_NUM_TASKS is set but SLURM_STEP_NODELIST is not: start the ranks with srun, which sets both")
	}
	// Task 0 runs on the first node of the step. SLURM_LAUNCH_NODE_IPADDR is the node of srun, often another.
	l.address = firstHost(nodes)
	job, step := e.getenv("SLURM_JOB_ID"), e.getenv("SLURM_STEP_ID")
	id, _ := strconv.Atoi(job)
	number, _ := strconv.Atoi(step)
	l.port = firstSlurmPort + (id*31+number)*ports%(lastSlurmPort-firstSlurmPort)
	l.job = "slurm " + job + "." + step + " " + e.getenv("SLURM_RESTART_COUNT")
	return *l, e.err
}

var brackets = regexp.MustCompile(`\[([^],-]*)[^]]*\]`)

// firstHost returns the first host of a list of Slurm's, node01 of "node[01-04,7],login" (scontrol(1), "show
// hostnames").
func firstHost(list string) string {
	first, _, _ := strings.Cut(brackets.ReplaceAllString(list, "$1"), ",")
	return first
}
