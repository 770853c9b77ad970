//go:build (linux || darwin || freebsd) && (amd64 || arm64)

package ranks

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMDFAMPIThatIsNoMPILibraryIsAnError(t *testing.T) {
	for _, path := range []string{"mpi_test.go", "absent.so", t.TempDir()} {
		_, err := findMPI(launcher{mpi: mpich}, func(string) string { return path })
		assert.ErrorContains(t, err, "MDFA_MPI names no MPI library that can be used: "+path)
	}
}

func TestNamesOfMPILibraries(t *testing.T) {
	for version, want := range map[string]string{
		"Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4, May 26, 2022":        "Open MPI v4.1.4",
		"MPICH Version:      4.0.2\nMPICH Release date: Thu Apr  7 12:34:45 CDT 2022": "MPICH 4.0.2",
		"MPICH Version:\t5.0.2\nMPICH ABI:\t17:0:5":                                   "MPICH 5.0.2",
		"Intel(R) MPI Library 2021.13 for Linux* OS\n":                                "Intel(R) MPI Library 2021.13 for Linux* OS",
	} {
		assert.Equal(t, want, describe(version))
	}
}
