//go:build (linux || darwin || freebsd) && (amd64 || arm64)

package ranks

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// mpiVariable names the MPI library to open, in place of the launcher's.
const mpiVariable = "MDFA_MPI"

// findMPI opens the library that MDFA_MPI names, or the first that belongs to the launcher: the one with the MPI
// Forum's binary interface before those with an interface of their own, each beside the launcher before the loader's.
func findMPI(l launcher, getenv func(string) string) (*mpi, error) {
	if path := getenv(mpiVariable); path != "" {
		m, err := openMPILibrary(path, anyMPI)
		if err != nil {
			return nil, fmt.Errorf("%s names no MPI library that can be used: %w", mpiVariable, err)
		}
		return m, nil
	}
	names := []string{"libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi_abi.so"}
	packages := "libopenmpi3 or libmpich12"
	switch l.mpi {
	case openMPI:
		names, packages = append(names, "libmpi.so.40"), "libopenmpi3"
	case mpich:
		names, packages = append(names, "libmpi.so.12", "libmpich.so.12"), "libmpich12"
	case anyMPI, noMPI:
		names = append(names, "libmpi.so.40", "libmpi.so.12", "libmpich.so.12")
	}
	var reason string // why the first that was found does not serve
	for _, folder := range append(besideLauncher(), "") {
		for _, name := range names {
			path := filepath.Join(folder, name)
			if _, err := os.Stat(path); folder != "" && err != nil {
				continue
			}
			m, err := openMPILibrary(path, l.mpi)
			if err == nil {
				return m, nil
			}
			if reason == "" && !strings.Contains(err.Error(), "cannot open shared object file") {
				reason = " (" + err.Error() + ")"
			}
		}
	}
	return nil, fmt.Errorf("the ranks of %s need its MPI library, and none of %s can be used, from lib beside it or by the loader%s: "+
		"install it (Debian and Ubuntu: apt install %s) or name its file in %s", l.name, strings.Join(names, ", "), reason, packages, mpiVariable)
}

// besideLauncher returns the folders of libraries beside the programs that started this one. An MPI that is not
// installed for the whole system lies there: its mpirun in bin, its library in lib.
func besideLauncher() []string {
	var folders []string
	for pid := os.Getppid(); pid > 1; {
		process := filepath.Join("/proc", strconv.Itoa(pid))
		if program, err := os.Readlink(filepath.Join(process, "exe")); err == nil {
			prefix := filepath.Dir(filepath.Dir(program))
			folders = append(folders, filepath.Join(prefix, "lib"), filepath.Join(prefix, "lib64"))
		}
		stat, err := os.ReadFile(filepath.Join(process, "stat")) // proc_pid_stat(5): pid (name) state parent
		if err != nil {
			break
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 2 {
			break
		}
		if pid, err = strconv.Atoi(fields[1]); err != nil {
			break
		}
	}
	return folders
}
