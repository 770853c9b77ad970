//go:build cuda && linux && (amd64 || arm64)

package driver

import "maps"

// OpenNVIDIA makes NVIDIA's driver and cuBLAS the provider of CUDA. The driver is the libcuda.so.1 that the loader
// finds. cuBLAS is libcublas.so.13, 12 or 11, the newest that serves the driver and the oldest of its GPUs: in the
// file or folder that MDFA_CUBLAS names, or else in the first of these places that has one: the program's folder,
// lib/ and .cache/cublas beside that, the active Python environment (VIRTUAL_ENV, CONDA_PREFIX), and the system: the
// loader's folders, lib64 of CUDA_HOME or CUDA_PATH, and /usr/local/cuda. If several are found, one that cannot make a
// handle on the GPU is skipped.
//
// After an error (ErrNoDriver and its neighbours, or [ErrChosen]) nothing has been chosen, and Info still describes the
// libraries that were found. Calling it again after success returns the same Info.
func OpenNVIDIA() (Info, error) {
	chosen.Lock()
	defer chosen.Unlock()
	if chosen.table != nil {
		if chosen.info == nil {
			return Info{}, ErrChosen
		}
		return *chosen.info, nil
	}

	var info Info
	driverTable, driverErr := openDriver(&info)
	var gpu *visibleGPU
	if driverErr == nil {
		gpu = oldestGPU(driverTable)
	}
	cublasTable, cublasErr := openCUBLAS(&info, gpu)
	if driverErr != nil {
		return info, driverErr
	}
	if cublasErr != nil {
		return info, cublasErr
	}
	maps.Copy(driverTable, cublasTable)
	choose(driverTable, &info)
	return info, nil
}
