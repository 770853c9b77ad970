//go:build cuda && linux && (amd64 || arm64)

#include "call.h"

#define NULLS \
	CALL(cuDriverGetVersion(NULL)) \
	CALL(cuGetErrorName(0, NULL)) \
	CALL(cuGetErrorString(0, NULL)) \
	CALL(cuDeviceGet(NULL, 0)) \
	CALL(cuDeviceGetAttribute(NULL, 1, 0)) \
	CALL(cuDeviceGetCount(NULL)) \
	CALL(cuDeviceGetName(NULL, 9, 0)) \
	CALL(cuDeviceGetPCIBusId(NULL, 9, 0)) \
	CALL(cuDeviceGetUuid(NULL, 0)) \
	CALL(cuDeviceTotalMem(NULL, 0)) \
	CALL(cuDeviceCanAccessPeer(NULL, 0, 0)) \
	CALL(cuDevicePrimaryCtxRetain(NULL, 0)) \
	CALL(cuDevicePrimaryCtxGetState(0, NULL, NULL)) \
	CALL(cuCtxCreate(NULL, 0, 0)) \
	CALL(cuCtxGetCurrent(NULL)) \
	CALL(cuCtxGetDevice(NULL)) \
	CALL(cuCtxGetFlags(NULL)) \
	CALL(cuCtxGetApiVersion(NULL, NULL)) \
	CALL(cuCtxGetLimit(NULL, 0)) \
	CALL(cuCtxGetCacheConfig(NULL)) \
	CALL(cuCtxGetSharedMemConfig(NULL)) \
	CALL(cuModuleLoad(NULL, "file")) \
	CALL(cuModuleLoadData(NULL, "text")) \
	CALL(cuModuleLoadDataEx(NULL, "text", 0, NULL, NULL)) \
	CALL(cuModuleGetFunction(NULL, NULL, "name")) \
	CALL(cuModuleGetGlobal(NULL, NULL, NULL, NULL)) \
	CALL(cuLinkCreate(0, NULL, NULL, NULL)) \
	CALL(cuLinkAddData(NULL, CU_JIT_INPUT_PTX, NULL, 0, NULL, 0, NULL, NULL)) \
	CALL(cuLinkAddFile(NULL, CU_JIT_INPUT_PTX, NULL, 0, NULL, NULL)) \
	CALL(cuLinkComplete(NULL, NULL, NULL)) \
	CALL(cuFuncGetAttribute(NULL, 0, NULL)) \
	CALL(cuOccupancyMaxActiveBlocksPerMultiprocessor(NULL, NULL, 32, 0)) \
	CALL(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(NULL, NULL, 32, 0, 0)) \
	CALL(cuMemAlloc(NULL, 4)) \
	CALL(cuMemAllocPitch(NULL, NULL, 4, 4, 4)) \
	CALL(cuMemGetInfo(NULL, NULL)) \
	CALL(cuMemHostAlloc(NULL, 4, 0)) \
	CALL(cuMemAllocHost(NULL, 4)) \
	CALL(cuMemFreeHost(NULL)) \
	CALL(cuMemcpyHtoD(0, NULL, 4)) \
	CALL(cuMemcpyDtoH(NULL, 0, 4)) \
	CALL(cuArrayCreate(NULL, NULL)) \
	CALL(cuArray3DCreate(NULL, NULL)) \
	CALL(cuArrayGetDescriptor(NULL, NULL)) \
	CALL(cuArray3DGetDescriptor(NULL, NULL)) \
	CALL(cuStreamCreate(NULL, 0)) \
	CALL(cuStreamCreateWithPriority(NULL, 0, 0)) \
	CALL(cuStreamGetFlags(NULL, NULL)) \
	CALL(cuStreamGetPriority(NULL, NULL)) \
	CALL(cuStreamEndCapture(NULL, NULL)) \
	CALL(cuStreamIsCapturing(NULL, NULL)) \
	CALL(cuThreadExchangeStreamCaptureMode(NULL)) \
	CALL(cuEventCreate(NULL, 0)) \
	CALL(cuEventElapsedTime(NULL, NULL, NULL)) \
	CALL(cuGraphCreate(NULL, 0)) \
	CALL(cuGraphClone(NULL, NULL)) \
	CALL(cuGraphAddDependencies(NULL, NULL, NULL, 1)) \
	CALL(cuGraphGetNodes(NULL, NULL, NULL)) \
	CALL(cuGraphGetEdges(NULL, NULL, NULL, NULL)) \
	CALL(cuGraphNodeGetType(NULL, NULL)) \
	CALL(cuGraphInstantiateWithFlags(NULL, NULL, 0)) \
	CALL(cuGraphAddEmptyNode(NULL, NULL, NULL, 0)) \
	CALL(cuGraphAddChildGraphNode(NULL, NULL, NULL, 0, NULL)) \
	CALL(cuGraphAddHostNode(NULL, NULL, NULL, 0, NULL)) \
	CALL(cuGraphAddKernelNode(NULL, NULL, NULL, 0, NULL)) \
	CALL(cuGraphAddMemsetNode(NULL, NULL, NULL, 0, NULL, NULL)) \
	CALL(cuGraphAddMemcpyNode(NULL, NULL, NULL, 0, NULL, NULL)) \
	CALL(cublasCreate(NULL)) \
	CALL(cublasGetVersion(NULL, NULL)) \
	CALL(cublasGetStream(NULL, NULL)) \
	CALL(cublasGetMathMode(NULL, NULL)) \
	CALL(cublasGetPointerMode(NULL, NULL)) \
	CALL(cublasGetAtomicsMode(NULL, NULL))

int call_nulls(const char **names, int *results) {
	int n = 0;
#define CALL(c) names[n] = #c; results[n++] = (int)(c);
	NULLS
#undef CALL
	return n;
}

int call_begin(uintptr_t stream, int mode) { return cuStreamBeginCapture((CUstream)stream, mode); }
int call_end(uintptr_t stream, uintptr_t *graph) { return cuStreamEndCapture((CUstream)stream, (CUgraph *)graph); }

int call_status(uintptr_t stream, int *status) {
	return cuStreamIsCapturing((CUstream)stream, (CUstreamCaptureStatus *)status);
}

int call_exchange(int *mode) { return cuThreadExchangeStreamCaptureMode((CUstreamCaptureMode *)mode); }

int call_graph(uintptr_t *graph) { return cuGraphCreate((CUgraph *)graph, 0); }
int call_destroy(uintptr_t graph) { return cuGraphDestroy((CUgraph)graph); }
int call_clone(uintptr_t *clone, uintptr_t graph) { return cuGraphClone((CUgraph *)clone, (CUgraph)graph); }

// A node has one other before it, or none if that is 0.
#define NODE (CUgraphNode *)node, (CUgraph)graph, (CUgraphNode *)&after, after != 0

int call_memset_node(uintptr_t *node, uintptr_t graph, uintptr_t after, CUdeviceptr dst, unsigned value, size_t n) {
	CUDA_MEMSET_NODE_PARAMS params = {.dst = dst, .value = value, .elementSize = 4, .width = n, .height = 1};
	return cuGraphAddMemsetNode(NODE, &params, NULL);
}

int call_memcpy_node(uintptr_t *node, uintptr_t graph, uintptr_t after, CUdeviceptr dst, CUdeviceptr src, size_t n,
    size_t rows) {
	// One element further on, told through the offsets.
	CUDA_MEMCPY3D copy = {
	    .srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcDevice = src - 4, .srcXInBytes = 4,
	    .dstMemoryType = CU_MEMORYTYPE_UNIFIED, .dstDevice = dst - 8, .dstY = 1, .dstPitch = 8,
	    .WidthInBytes = n, .Height = rows, .Depth = 1};
	return cuGraphAddMemcpyNode(NODE, &copy, NULL);
}

int call_upload_node(uintptr_t *node, uintptr_t graph, uintptr_t after, CUdeviceptr dst, void *src, size_t n) {
	CUDA_MEMCPY3D copy = {
	    .srcMemoryType = CU_MEMORYTYPE_HOST, .srcHost = src, .dstMemoryType = CU_MEMORYTYPE_DEVICE, .dstDevice = dst,
	    .WidthInBytes = n, .Height = 1, .Depth = 1};
	return cuGraphAddMemcpyNode(NODE, &copy, NULL);
}

int call_kernel_node(uintptr_t *node, uintptr_t graph, uintptr_t after, uintptr_t function, void **params, uintptr_t ctx) {
	CUDA_KERNEL_NODE_PARAMS kernel = {
	    .func = (CUfunction)function, .gridDimX = 2, .gridDimY = 1, .gridDimZ = 1, .blockDimX = 64, .blockDimY = 1,
	    .blockDimZ = 1, .kernelParams = params, .ctx = (CUcontext)ctx};
	return cuGraphAddKernelNode(NODE, &kernel);
}

static void count(void *counter) { ++*(int *)counter; }

int call_host_node(uintptr_t *node, uintptr_t graph, uintptr_t after, int *counter) {
	CUDA_HOST_NODE_PARAMS host = {.fn = count, .userData = counter};
	return cuGraphAddHostNode(NODE, &host);
}

int call_empty_node(uintptr_t *node, uintptr_t graph, const uintptr_t *after, size_t n) {
	return cuGraphAddEmptyNode((CUgraphNode *)node, (CUgraph)graph, (const CUgraphNode *)after, n);
}

int call_child_node(uintptr_t *node, uintptr_t graph, uintptr_t after, uintptr_t child) {
	return cuGraphAddChildGraphNode(NODE, (CUgraph)child);
}

int call_depend(uintptr_t graph, uintptr_t from, uintptr_t to) {
	return cuGraphAddDependencies((CUgraph)graph, (CUgraphNode *)&from, (CUgraphNode *)&to, 1);
}

int call_nodes(uintptr_t graph, uintptr_t *nodes, size_t *n) {
	return cuGraphGetNodes((CUgraph)graph, (CUgraphNode *)nodes, n);
}

int call_edges(uintptr_t graph, uintptr_t *from, uintptr_t *to, size_t *n) {
	return cuGraphGetEdges((CUgraph)graph, (CUgraphNode *)from, (CUgraphNode *)to, n);
}

int call_type(uintptr_t node, int *type) { return cuGraphNodeGetType((CUgraphNode)node, (CUgraphNodeType *)type); }
int call_drop(uintptr_t node) { return cuGraphDestroyNode((CUgraphNode)node); }

int call_instantiate(uintptr_t *exec, uintptr_t graph) {
	return cuGraphInstantiateWithFlags((CUgraphExec *)exec, (CUgraph)graph, 0);
}

int call_upload(uintptr_t exec, uintptr_t stream) { return cuGraphUpload((CUgraphExec)exec, (CUstream)stream); }
int call_run(uintptr_t exec, uintptr_t stream) { return cuGraphLaunch((CUgraphExec)exec, (CUstream)stream); }
int call_end_exec(uintptr_t exec) { return cuGraphExecDestroy((CUgraphExec)exec); }

int call_launch(uintptr_t function, unsigned threads, uintptr_t stream, void **params, void **extra) {
	return cuLaunchKernel((CUfunction)function, 1, 1, 1, threads, 1, 1, 0, (CUstream)stream, params, extra);
}

// The keys of NVIDIA's cuda.h: CU_LAUNCH_PARAM_BUFFER_POINTER, _BUFFER_SIZE and _END.
int call_launch_block(uintptr_t function, unsigned threads, void *block, size_t size) {
	void *extra[] = {(void *)1, block, (void *)2, &size, (void *)0};
	return call_launch(function, threads, 0, NULL, extra);
}

int call_launch_endless(uintptr_t function) {
	size_t size = 0;
	void *extra[] = {(void *)2, &size, (void *)2, &size, (void *)2, &size};
	return call_launch(function, 1, 0, NULL, extra);
}

int call_host_alloc(void **host, size_t n, unsigned flags) { return cuMemHostAlloc(host, n, flags); }
int call_alloc_host(void **host, size_t n) { return cuMemAllocHost(host, n); }

int call_name(int code, const char **text) { return cuGetErrorName(code, text); }
int call_words(int code, const char **text) { return cuGetErrorString(code, text); }
int call_device_name(char *name, int length) { return cuDeviceGetName(name, length, 0); }
int call_pci(char *id, int length) { return cuDeviceGetPCIBusId(id, length, 0); }

int call_function_attribute(uintptr_t function, int attribute, int *value) {
	return cuFuncGetAttribute(value, attribute, (CUfunction)function);
}

int call_set_function_attribute(uintptr_t function, int attribute, int value) {
	return cuFuncSetAttribute((CUfunction)function, attribute, value);
}

int call_occupancy(uintptr_t function, int threads, int *blocks, int *with_flags) {
	int r = cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, (CUfunction)function, threads, 0);
	return r ? r : (int)cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(with_flags, (CUfunction)function, threads, 0, 1);
}

// The time that is asked for lies in the place of the value, as a float (CUDA driver API, CUjit_option).
static CUjit_option options[] = {CU_JIT_WALL_TIME, CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};

static void take(void **values, float *milliseconds, size_t *log_bytes) {
	*milliseconds = *(float *)&values[0];
	*log_bytes = (size_t)values[2];
}

int call_link_create(uintptr_t *state, float *milliseconds, char *log, size_t *log_bytes) {
	void *values[] = {(void *)-1, log, (void *)*log_bytes};
	int r = cuLinkCreate(3, options, values, (CUlinkState *)state);
	take(values, milliseconds, log_bytes);
	return r;
}

int call_load(uintptr_t *module, const char *image, float *milliseconds, char *log, size_t *log_bytes) {
	void *values[] = {(void *)-1, log, (void *)*log_bytes};
	int r = cuModuleLoadDataEx((CUmodule *)module, image, 3, options, values);
	take(values, milliseconds, log_bytes);
	return r;
}

int call_blas(uintptr_t *h) { return cublasCreate((cublasHandle_t *)h); }
int call_blas_destroy(uintptr_t h) { return cublasDestroy((cublasHandle_t)h); }

int call_set_modes(uintptr_t handle, struct call_modes modes, CUdeviceptr workspace, size_t bytes) {
	cublasHandle_t h = (cublasHandle_t)handle;
	int answers[] = {
	    cublasSetStream(h, (CUstream)modes.stream), cublasSetWorkspace(h, (void *)workspace, bytes),
	    cublasSetMathMode(h, modes.math), cublasSetPointerMode(h, modes.pointers), cublasSetAtomicsMode(h, modes.atomics)};
	for (int i = 0; i < 5; i++) {
		if (answers[i]) {
			return answers[i];
		}
	}
	return 0;
}

int call_get_modes(uintptr_t handle, struct call_modes *modes) {
	cublasHandle_t h = (cublasHandle_t)handle;
	int answers[] = {
	    cublasGetStream(h, (CUstream *)&modes->stream), cublasGetMathMode(h, (cublasMath_t *)&modes->math),
	    cublasGetPointerMode(h, (cublasPointerMode_t *)&modes->pointers),
	    cublasGetAtomicsMode(h, (cublasAtomicsMode_t *)&modes->atomics), cublasGetVersion(h, &modes->version)};
	for (int i = 0; i < 5; i++) {
		if (answers[i]) {
			return answers[i];
		}
	}
	return 0;
}

int call_sgemm(uintptr_t h, int m, int n, int k, const float *alpha, CUdeviceptr a, CUdeviceptr b, const float *beta,
    CUdeviceptr c, int batch) {
	if (batch == 1) {
		return cublasSgemm((cublasHandle_t)h, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, alpha, (const float *)a, m, (const float *)b,
		    k, beta, (float *)c, m);
	}
	return cublasSgemmStridedBatched((cublasHandle_t)h, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, alpha, (const float *)a, m,
	    (long long)m * k, (const float *)b, k, (long long)k * n, beta, (float *)c, m, (long long)m * n, batch);
}
