package cli

// MachineVariables are the environment variables that every program reads that computes on
// a device.
func MachineVariables() []Entry {
	return []Entry{
		{"MDFA_BLAS", "the BLAS of the cpu device: an OpenBLAS library's file, or gonum (default: lib/libopenblas.so beside the program, or else the wheel scipy-openblas32 in a Python environment, or else the system's)"},
		{"MDFA_CUBLAS", "the file or folder of cuBLAS, in place of lib/ beside the program, the Python environment and the system's"},
		{"MDFA_EMU", "options of the software GPU, as softgpu/README.md lists them"},
		{"GOMAXPROCS", "how many processors are used (default all); it changes the speed, never a result"},
	}
}

// RankVariables are those of a program that trains on several ranks.
func RankVariables() []Entry {
	return []Entry{
		{"MDFA_MPI", "the file of the MPI library, in place of the one beside mpirun or the system's"},
		{"MDFA_NCCL", "the file or folder of NCCL, in place of lib/ beside the program, the Python environment and the system's"},
	}
}

// DataVariables are those that say where data sets lie.
func DataVariables() []Entry {
	return []Entry{{"MDFA_DATA", "folder with a folder for each data set, looked at first (default: mdfa in the user's cache folder)"}}
}

// TerminalVariables are those that change how text looks.
func TerminalVariables() []Entry {
	return []Entry{
		{"NO_COLOR", "set to anything but the empty text, it turns colours off (https://no-color.org)"},
		{"TERM", "dumb turns colours and the live line off"},
	}
}
