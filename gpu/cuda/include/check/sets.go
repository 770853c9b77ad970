package main

// A set is one release of NVIDIA's headers to compare with.
type set struct {
	name string
	// wheels are the packages of PyPI that hold the headers: the runtime has cuda.h, cublas its own, nvcc or crt
	// the folder crt and cccl the folder nv, which the others include; nccl has its own.
	wheels []string
	// except lists the names that may be different in this release.
	except []exception
}

// An exception is one name that this release declares differently or not at all, and why that does no harm. An
// exception that is no longer one fails the check, like a difference that is not listed.
type exception struct {
	name, reason string
}

// Reasons that hold for several names. The engine asks for a driver of CUDA 12.0 or newer, which exports all of
// these symbols; 11.8 is compared to show that the rest has been stable.
const (
	newNodes = "CUDA 12.0 added kern and ctx to the parameters of a kernel node, and a symbol that takes them"
	newWaits = "both symbols exist in 11.7 and later; 12.0 made the second the one behind the name"
	newNames = "13.0 put a symbol with other parameters behind the name; drivers still export the one that we declare"
)

var sets = []set{
	{
		name: "13.5",
		wheels: []string{
			"nvidia-cuda-runtime==13.5.37", "nvidia-cublas==13.10.0.20", "nvidia-cuda-crt==13.5.37", "nvidia-cuda-cccl==13.3.5.0.6",
			"nvidia-nccl-cu13==2.31.2",
		},
		except: []exception{
			{"cuCtxCreate", newNames},
			{"cuCtxCreate_v2", newNames + "; the header leaves out its declaration"},
			{"cuGraphAddDependencies", newNames},
			{"cuGraphGetEdges", newNames},
			{"cuMemAdvise", newNames},
			{"cuMemPrefetchAsync", newNames},
		},
	},
	{
		name: "12.9",
		wheels: []string{
			"nvidia-cuda-runtime-cu12==12.9.79", "nvidia-cublas-cu12==12.9.1.4",
			"nvidia-cuda-nvcc-cu12==12.9.86", "nvidia-cuda-cccl-cu12==12.9.27",
			"nvidia-nccl-cu12==2.31.2",
		},
	},
	{
		name: "11.8",
		wheels: []string{
			"nvidia-cuda-runtime-cu11==11.8.89", "nvidia-cublas-cu11==11.11.3.6", "nvidia-cuda-nvcc-cu11==11.8.89",
			"nvidia-nccl-cu11==2.21.5",
		},
		except: []exception{
			{"CUDA_KERNEL_NODE_PARAMS", newNodes},
			{"CUDA_KERNEL_NODE_PARAMS.kern", newNodes},
			{"CUDA_KERNEL_NODE_PARAMS.ctx", newNodes},
			{"CUkernel", newNodes},
			{"cuGraphAddKernelNode", newNodes},
			{"cuGraphAddKernelNode_v2", newNodes},
			{"cuStreamWaitValue32", newWaits},
			{"cuStreamWriteValue32", newWaits},
			{"CU_CTX_FLAGS_MASK", "the mask of all known flags grows with them; a driver looks at the flags"},
		},
	},
}
