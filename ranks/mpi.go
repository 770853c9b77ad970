//go:build (linux || darwin || freebsd) && (amd64 || arm64)

package ranks

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// mpi calls one MPI library. All calls run on one thread of the operating system, the one that called MPI_Init_thread,
// as MPI_THREAD_FUNNELED asks for (MPI 4.1, chapter 11).
type mpi struct {
	name string
	path string

	library   uintptr
	functions map[string]uintptr
	handles

	work chan func() error
	done chan error

	results *[2]int32 // where functions write numbers
	request *uintptr  // the sum that runs
	status  *[8]int64 // which nobody reads; at least as long as every library's MPI_Status
}

// handles are the values of MPI's predefined handles and constants, which each binary interface chooses anew.
type handles struct {
	world, float, bytes, sum, errorsReturn, inPlace, funneled uintptr
}

// standardHandles are those of MPI's own binary interface (MPI 5.0, chapter 20).
var standardHandles = handles{world: 0x101, float: 0x210, bytes: 0x247, sum: 0x21, errorsReturn: 0x143, inPlace: 1, funneled: 1024}

// mpichHandles are those of MPICH's mpi.h, which the libraries with its binary interface share.
var mpichHandles = handles{world: 0x44000000, float: 0x4c00040a, bytes: 0x4c00010d, sum: 0x58000003, errorsReturn: 0x54000001, inPlace: ^uintptr(0), funneled: 1}

// mpiFunctions are those that are called.
var mpiFunctions = []string{"MPI_Initialized", "MPI_Init_thread", "MPI_Comm_set_errhandler", "MPI_Comm_rank", "MPI_Comm_size",
	"MPI_Bcast", "MPI_Iallreduce", "MPI_Test", "MPI_Error_string", "MPI_Finalize", "MPI_Get_library_version"}

// yield is the C library's function that gives the processor to whoever waits for it.
const yield = "sched_yield"

// startMPI opens the launcher's library and joins the other ranks by MPI_Init_thread.
func startMPI(ctx context.Context, l launcher, getenv func(string) string) (*mpi, error) {
	if l.mpi == noMPI {
		return nil, noMPIError(l)
	}
	// UCX, which many MPI libraries use, would take the signals over of which Go makes panics.
	if getenv("UCX_ERROR_SIGNALS") == "" {
		if err := os.Setenv("UCX_ERROR_SIGNALS", ""); err != nil {
			return nil, err
		}
	}
	m, err := findMPI(l, getenv)
	if err != nil {
		return nil, err
	}
	m.work, m.done, m.results, m.request, m.status = make(chan func() error, 1), make(chan error, 1), new([2]int32), new(uintptr), new([8]int64)
	go func() {
		runtime.LockOSThread() // and never unlocked
		for f := range m.work {
			m.done <- f()
		}
	}()
	if err := m.do(ctx, "MPI_Init_thread", func() error { return m.initialize(l) }); err != nil {
		return nil, err
	}
	return m, nil
}

// openMPILibrary opens one library, if it belongs to the family.
func openMPILibrary(path string, family mpiFamily) (*mpi, error) {
	library, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	m := &mpi{path: path, library: library, functions: map[string]uintptr{}}
	for _, name := range mpiFunctions {
		if m.functions[name], err = purego.Dlsym(library, name); err != nil {
			_ = purego.Dlclose(library)
			return nil, fmt.Errorf("%s is no MPI library: it has no %s", path, name)
		}
	}
	if m.functions[yield], err = purego.Dlsym(purego.RTLD_DEFAULT, yield); err != nil {
		return nil, err
	}
	text, n := make([]byte, 8192), new(int32) // MPI_MAX_LIBRARY_VERSION_STRING is at most this
	m.call("MPI_Get_library_version", address(&text[0]), address(n))
	m.name = describe(string(text[:bytes.IndexByte(text, 0)]))
	ours, isOpenMPI := m.setHandles(library)
	if family == openMPI && !isOpenMPI || family == mpich && isOpenMPI {
		_ = purego.Dlclose(library)
		return nil, fmt.Errorf("%s is %s", path, m.name)
	}
	if !ours {
		return nil, fmt.Errorf("%s has no binary interface that this program knows", path)
	}
	// The plugins of Open MPI take its functions from the global scope.
	if _, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL); err != nil {
		return nil, err
	}
	return m, nil
}

// describe shortens a library's version, several lines with MPICH, to its name and number.
func describe(version string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(version), "\n")
	line, _, _ = strings.Cut(line, ",")
	if name, number, found := strings.Cut(line, "Version:"); found { // MPICH's tabs
		line = strings.TrimSpace(name) + " " + strings.TrimSpace(number)
	}
	return line
}

// setHandles finds the handles of a library, and whether it is Open MPI's.
func (m *mpi) setHandles(library uintptr) (found, isOpenMPI bool) {
	symbol := func(name string) uintptr {
		address, _ := purego.Dlsym(library, name)
		return address
	}
	isOpenMPI = strings.Contains(m.name, "Open MPI") || symbol("ompi_mpi_comm_world") != 0
	if version := symbol("MPI_Abi_get_version"); version != 0 { // MPI 5.0, chapter 20
		v := new([2]int32)
		if purego.SyscallN(version, address(&v[0]), address(&v[1])); v[0] == 1 {
			m.handles = standardHandles
			return true, isOpenMPI
		}
	}
	m.handles = mpichHandles
	if isOpenMPI { // its handles are the addresses of objects
		m.handles = handles{world: symbol("ompi_mpi_comm_world"), float: symbol("ompi_mpi_float"), bytes: symbol("ompi_mpi_byte"),
			sum: symbol("ompi_mpi_op_sum"), errorsReturn: symbol("ompi_mpi_errors_return"), inPlace: 1, funneled: 1}
	}
	return m.world != 0 && m.float != 0 && m.bytes != 0 && m.sum != 0 && m.errorsReturn != 0, isOpenMPI
}

// call calls a function of the library and returns its error code. What the addresses point to must be on the heap.
func (m *mpi) call(name string, args ...uintptr) int32 {
	code, _, _ := purego.SyscallN(m.functions[name], args...)
	return int32(code)
}

// address passes memory of the Go heap, which does not move, to C.
func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// check calls a function and returns its error as MPI says it.
func (m *mpi) check(name string, args ...uintptr) error {
	code := m.call(name, args...)
	if code == 0 {
		return nil
	}
	text, n := make([]byte, 1024), new(int32) // MPI_MAX_ERROR_STRING is at most 512
	m.call("MPI_Error_string", uintptr(code), address(&text[0]), address(n))
	return fmt.Errorf("%s of %s failed: %s", name, m.name, bytes.TrimSpace(text[:*n]))
}

// do runs a function on the thread and waits for it until ctx ends.
func (m *mpi) do(ctx context.Context, name string, f func() error) error {
	m.work <- f
	select {
	case err := <-m.done:
		return err
	case <-ctx.Done():
		if err := context.Cause(ctx); err != errLate {
			return err
		}
		return fmt.Errorf("%s of %s has not returned in time: not all ranks have called it", name, m.name)
	}
}

func (m *mpi) initialize(l launcher) error {
	if err := m.check("MPI_Initialized", address(&m.results[0])); err != nil {
		return err
	}
	if m.results[0] != 0 {
		return fmt.Errorf("the ranks have been joined by MPI once, and cannot be a second time in one process")
	}
	if err := m.check("MPI_Init_thread", 0, 0, m.funneled, address(&m.results[0])); err != nil {
		return err
	}
	if m.results[0] < int32(m.funneled) {
		return fmt.Errorf("%s (%s) was built for programs of one thread: one with MPI_THREAD_FUNNELED is needed", m.name, m.path)
	}
	if err := m.check("MPI_Comm_set_errhandler", m.world, m.errorsReturn); err != nil {
		return err
	}
	if err := m.check("MPI_Comm_rank", m.world, address(&m.results[0])); err != nil {
		return err
	}
	if err := m.check("MPI_Comm_size", m.world, address(&m.results[1])); err != nil {
		return err
	}
	if rank, size := int(m.results[0]), int(m.results[1]); rank != l.rank || size != l.size {
		return fmt.Errorf("%s (%s) says that this is rank %d of %d, but %s that it is rank %d of %d: name the library that belongs to it in %s",
			m.name, m.path, rank, size, l.name, l.rank, l.size, mpiVariable)
	}
	return nil
}

// broadcast carries the bytes of rank 0 to all (MPI 4.1, section 6.4).
func (m *mpi) broadcast(ctx context.Context, data []byte) error {
	return m.do(ctx, "MPI_Bcast", func() error {
		return m.check("MPI_Bcast", address(&data[0]), uintptr(len(data)), m.bytes, 0, m.world)
	})
}

// allReduce begins a sum and returns where its error comes.
func (m *mpi) allReduce(x []float32) <-chan error {
	m.work <- func() error { return pieces(x, m.sumOverRanks) }
	return m.done
}

// spinning is how long a sum asks without a pause whether it is done: MPI works on it only when it is asked.
const spinning = 2 * time.Millisecond

// sumOverRanks starts a sum and asks for its end (MPI 4.1, sections 6.12.8 and 3.7.3). MPI_Allreduce itself would
// keep a processor busy until all ranks have come, also one that another rank needs to get there.
func (m *mpi) sumOverRanks(x []float32) error {
	if err := m.check("MPI_Iallreduce", m.inPlace, address(&x[0]), uintptr(len(x)), m.float, m.sum, m.world, address(m.request)); err != nil {
		return err
	}
	for began := time.Now(); ; {
		if err := m.check("MPI_Test", address(m.request), address(&m.results[0]), address(m.status)); err != nil {
			return err
		}
		if m.results[0] != 0 {
			return nil
		}
		if time.Since(began) < spinning {
			m.call(yield) // another rank may need this processor
		} else {
			time.Sleep(spinning / 100)
		}
	}
}

// finalizeLimit is how long MPI_Finalize may take.
const finalizeLimit = 10 * time.Second

// finalize ends MPI. All ranks must call it.
func (m *mpi) finalize() error {
	if m == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), finalizeLimit, errLate)
	defer cancel()
	return m.do(ctx, "MPI_Finalize", func() error {
		if err := m.check("MPI_Finalize"); err != nil {
			return err
		}
		// MPICH takes leave of its launcher in an exit handler of C, which the end of a Go program does not run, and the
		// launcher kills the other ranks then. The handlers of a library also run when it is closed, here as often as opened.
		if strings.HasPrefix(m.name, "MPICH") {
			_ = purego.Dlclose(m.library)
			_ = purego.Dlclose(m.library)
		}
		return nil
	})
}
