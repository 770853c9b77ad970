//go:build mpirun && cuda

package run_test

func init() { launchedDevices = append(launchedDevices, "emu") }
