package ranks

import "fmt"

// mostAtOnce is the most numbers of one MPI_Iallreduce, whose count is an int of C.
var mostAtOnce = 1 << 30

// pieces calls f for x, in pieces that are short enough.
func pieces(x []float32, f func([]float32) error) error {
	for len(x) > 0 {
		n := min(len(x), mostAtOnce)
		if err := f(x[:n]); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}

// noMPIError says why ranks have no AllReduce.
func noMPIError(l launcher) error {
	if l.name == "srun" {
		return fmt.Errorf("the sum over ranks on the processor needs MPI, which srun has not set up: add --mpi=pmix or --mpi=pmi2 and an MPI library built for it, or start the ranks with mpirun")
	}
	return fmt.Errorf("the sum over ranks on the processor needs MPI, which %s does not set up: start the ranks with mpirun", l.name)
}
