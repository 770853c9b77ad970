// A stand-in for libcuda.so.1: only the functions that OpenNVIDIA calls, and one to call through it. VERSION, INIT and
// SM, the compute capability of the second of three GPUs, come from the compiler's command line; the others have 9.0.
#ifndef SM
#define SM 90
#endif

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

int cuDeviceGet(int *device, int ordinal) {
	*device = ordinal;
	return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
	int sm = device == 1 ? SM : 90;
	*value = attribute == 75 ? sm / 10 : sm % 10;
	return 0;
}

// The context is the device's number and one, current only in between.
static void *current;

int cuDevicePrimaryCtxRetain(void **context, int device) {
	*context = (char *)0 + device + 1;
	return 0;
}

int cuDevicePrimaryCtxRelease_v2(int device) { return current == 0 ? 0 : device; }

int cuCtxSetCurrent(void *context) {
	current = context;
	return 0;
}
