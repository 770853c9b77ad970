// A stand-in for libcublas.so. MAJOR and CREATE, the answer of cublasCreate, come from the compiler's command line.
#ifndef CREATE
#define CREATE 0
#endif

int cublasGetProperty(int which, int *value) {
	static const int version[] = {MAJOR, 4, 2};
	*value = version[which];
	return 0;
}

int cublasCreate_v2(void **handle) {
	*handle = &cublasGetProperty;
	return CREATE;
}

int cublasDestroy_v2(void *handle) { return handle != &cublasGetProperty; }
