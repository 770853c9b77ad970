package ranks

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type variables map[string]string

func (v variables) and(more variables) variables {
	all := maps.Clone(v)
	maps.Copy(all, more)
	return all
}

var (
	torch = variables{"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "node1", "MASTER_PORT": "29500"}
	open  = variables{"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1", "PMIX_RANK": "3"}
	hydra = variables{"PMI_RANK": "3", "PMI_SIZE": "4", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"}

	// batch has what a script of sbatch sees, step what srun adds to it.
	batch = variables{"SLURM_JOB_ID": "77", "SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODELIST": "node[3-4]",
		"SLURM_ARRAY_TASK_ID": "2"}
	step = batch.and(variables{"SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_STEP_ID": "5", "SLURM_STEP_NUM_TASKS": "4",
		"SLURM_STEP_NODELIST": "node[03-04]", "SLURM_LAUNCH_NODE_IPADDR": "10.0.0.9"})
)

func TestLaunchersByTheirVariables(t *testing.T) {
	const slurmPort = firstSlurmPort + (77*31+5)*ports%(lastSlurmPort-firstSlurmPort)
	byTorch := launcher{name: "torchrun", rank: 3, size: 4, local: 1, address: "node1", port: 29501, job: "torchrun   node1 29500"}
	byOpenMPI := launcher{name: "mpirun of Open MPI", rank: 3, size: 4, local: 1, mpi: openMPI}
	byHydra := launcher{name: "mpirun of MPICH", rank: 3, size: 4, local: 1, mpi: mpich}
	bySrun := launcher{name: "srun", rank: 3, size: 4, local: 1, address: "node03", port: slurmPort, job: "slurm 77.5 "}
	withMPI := bySrun
	withMPI.mpi = anyMPI
	withMPICH := bySrun
	withMPICH.mpi = mpich
	elastic := byTorch
	elastic.job = "torchrun a 1 node1 29500"
	noLocal := byTorch
	noLocal.local = -1
	for name, c := range map[string]struct {
		set  variables
		want launcher
	}{
		"none":                          {nil, launcher{size: 1}},
		"torchrun":                      {torch, byTorch},
		"torchrun's second start":       {torch.and(variables{"TORCHELASTIC_RUN_ID": "a", "TORCHELASTIC_RESTART_COUNT": "1"}), elastic},
		"a PyTorchJob of Kubeflow":      {torch.and(variables{"LOCAL_RANK": ""}), noLocal},
		"torchrun on each node by srun": {step.and(torch).and(variables{"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2"}), byTorch},
		"torchrun on each node by mpirun": {open.and(torch).and(variables{"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2",
			"TORCHELASTIC_RUN_ID": "a", "TORCHELASTIC_RESTART_COUNT": "1"}), elastic},
		"MASTER_ADDR alone":               {variables{"MASTER_ADDR": "node1", "MASTER_PORT": "29500", "LOCAL_RANK": "0"}, launcher{size: 1}},
		"Open MPI":                        {open, byOpenMPI},
		"Open MPI with torchrun's names":  {open.and(torch), byOpenMPI},
		"Open MPI in a job of Slurm":      {step.and(open).and(variables{"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2"}), byOpenMPI},
		"MPICH":                           {hydra, byHydra},
		"MPICH in a job of Slurm":         {step.and(hydra).and(variables{"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2"}), byHydra},
		"a script of sbatch":              {batch, launcher{size: 1}},
		"a step of one task":              {step.and(variables{"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}), launcher{size: 1}},
		"srun":                            {step, bySrun},
		"srun --mpi=pmi2":                 {step.and(hydra).and(variables{"MPI_LOCALRANKID": "", "MPI_LOCALNRANKS": ""}), withMPICH},
		"srun --mpi=pmix":                 {step.and(variables{"PMIX_RANK": "3"}), withMPI},
		"mpirun -n 1":                     {variables{"PMI_RANK": "0", "PMI_SIZE": "1"}, launcher{name: "mpirun of MPICH", size: 1, local: -1, mpi: mpich}},
		"torchrun with one process, bare": {variables{"RANK": "0", "WORLD_SIZE": "1"}, launcher{name: "torchrun", size: 1, local: -1, job: "torchrun    "}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := findLauncher(func(name string) string { return c.set[name] })
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestVariablesThatDoNotFitAreRefused(t *testing.T) {
	const start = ": start the ranks with mpirun, srun or torchrun, which set both, or unset it for one rank"
	for want, set := range map[string]variables{
		`OMPI_COMM_WORLD_RANK is set to "3" but OMPI_COMM_WORLD_SIZE is not set` + start:                                                                 {"OMPI_COMM_WORLD_RANK": "3"},
		`PMI_SIZE is set to "4" but PMI_RANK is not set` + start:                                                                                         {"PMI_SIZE": "4"},
		`WORLD_SIZE is set to "4" but RANK is not set` + start:                                                                                           torch.and(variables{"RANK": ""}),
		`RANK is "three", but a number from 0 on was expected`:                                                                                           torch.and(variables{"RANK": "three"}),
		`RANK is "-1", but a number from 0 on was expected`:                                                                                              torch.and(variables{"RANK": "-1"}),
		`RANK is 4, but it can be at most 3 where WORLD_SIZE is 4`:                                                                                       torch.and(variables{"RANK": "4"}),
		`WORLD_SIZE is "0", but a number from 1 on was expected`:                                                                                         torch.and(variables{"WORLD_SIZE": "0"}),
		`LOCAL_RANK is 9, but it can be at most 3 where WORLD_SIZE is 4`:                                                                                 torch.and(variables{"LOCAL_RANK": "9"}),
		"RANK and WORLD_SIZE are set but MASTER_ADDR is not: set it to the host of rank 0, as torchrun does":                                             torch.and(variables{"MASTER_ADDR": ""}),
		`MASTER_ADDR is set to "node1" but MASTER_PORT is not set` + start:                                                                               torch.and(variables{"MASTER_PORT": ""}),
		`MASTER_PORT is 65530, but it can be at most 65527 where MASTER_ADDR is node1`:                                                                   torch.and(variables{"MASTER_PORT": "65530"}),
		"mpirun of Open MPI says that this is rank 3 of 4, but the variables of torchrun say rank 0 of 4: unset those that another launcher left":        open.and(torch).and(variables{"RANK": "0"}),
		"mpirun of Open MPI says that this is rank 3 of 4, but the variables of mpirun of MPICH say rank 3 of 8: unset those that another launcher left": open.and(hydra).and(variables{"PMI_SIZE": "8"}),
		"SLURM_STEP_NUM_TASKS is set but SLURM_STEP_NODELIST is not: start the ranks with srun, which sets both":                                         step.and(variables{"SLURM_STEP_NODELIST": ""}),
	} {
		_, err := findLauncher(func(name string) string { return set[name] })
		assert.EqualError(t, err, want)
	}
}

func TestFirstHostOfSlurmsList(t *testing.T) {
	for list, want := range map[string]string{
		"node7":                  "node7",
		"node[01-04,7]":          "node01",
		"node[7,01-04],login1":   "node7",
		"a,node[1-2]":            "a",
		"rack[1-2]node[03-04]-x": "rack1node03-x",
		"gpu-a100-[003]":         "gpu-a100-003",
		"node[1-2].cluster":      "node1.cluster",
	} {
		assert.Equal(t, want, firstHost(list))
	}
}

func TestSumsOfMoreThanMPICountsAreInPieces(t *testing.T) {
	defer func(n int) { mostAtOnce = n }(mostAtOnce)
	mostAtOnce = 4
	var lengths []int
	x := make([]float32, 9)
	require.NoError(t, pieces(x, func(part []float32) error {
		lengths = append(lengths, len(part))
		for i := range part {
			part[i]++
		}
		return nil
	}))
	assert.Equal(t, []int{4, 4, 1}, lengths)
	assert.Equal(t, []float32{1, 1, 1, 1, 1, 1, 1, 1, 1}, x)
}
