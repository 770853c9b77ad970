// A stand-in for libcuda.so.1: only what OpenNVIDIA calls, and one function to call through it. VERSION and INIT
// come from the compiler's command line.
int cuDriverGetVersion(int *version) {
	*version = VERSION;
	return 0;
}

int cuInit(unsigned int flags) { return flags == 0 ? INIT : 1; }

int cuGetErrorName(int error, const char **name) {
	*name = error == 803 ? "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH" : "CUDA_ERROR_OTHER";
	return 0;
}

int cuDeviceGetCount(int *count) {
	*count = 3;
	return 0;
}
