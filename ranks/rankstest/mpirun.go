// Package rankstest starts the program of a test as ranks.
package rankstest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Mpiruns returns the programs that make test-ranks names, by their MPI.
func Mpiruns(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, folder := range filepath.SplitList(os.Getenv("MDFA_MPIRUNS")) {
		found[filepath.Base(folder)] = filepath.Join(folder, "bin", "mpirun")
	}
	require.NotEmpty(t, found, "MDFA_MPIRUNS names no folders with bin/mpirun: use make test-ranks")
	return found
}

// Command starts this program n times by mpirun, as root too and on fewer processors, with variables of the form
// NAME=VALUE. Without an mpirun, "", it starts the program once.
func Command(ctx context.Context, mpirun string, n int, variables ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0])
	if mpirun != "" {
		c = exec.CommandContext(ctx, mpirun, "-n", strconv.Itoa(n), os.Args[0])
	}
	c.Env = append(os.Environ(), variables...)
	c.Env = append(c.Env, "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
		"PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe", "OMPI_MCA_rmaps_base_oversubscribe=1")
	return c
}
