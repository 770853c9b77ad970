package softgpu

// Ledger counts what a machine was asked to do since it started.
type Ledger struct {
	Kernels       map[string]Kernel // by kernel; the products of cuBLAS are "sgemm"
	Launches      int               // kernels and products that ran
	GraphLaunches int
	Syncs         int // calls that made the host wait: for a stream, an event, a context, a blocking copy
	Allocs, Frees int // of device memory
	HostAllocs    int // of pinned memory

	HostToDevice, DeviceToHost, DeviceToDevice, Memsets                     int
	HostToDeviceBytes, DeviceToHostBytes, DeviceToDeviceBytes, MemsetsBytes uint64
}

// Kernel is what all launches of one kernel did. Bytes are those that its instructions
// named; Sectors are the pieces of 32 bytes that a memory bus would move for them.
type Kernel struct {
	Launches     int
	BytesRead    uint64
	BytesWritten uint64
	Sectors      uint64
	FLOPs        uint64
	Instructions uint64 // of threads
}

func (k Kernel) minus(o Kernel) Kernel {
	return Kernel{
		k.Launches - o.Launches, k.BytesRead - o.BytesRead, k.BytesWritten - o.BytesWritten,
		k.Sectors - o.Sectors, k.FLOPs - o.FLOPs, k.Instructions - o.Instructions,
	}
}

func (l *Ledger) count(name string, k Kernel) {
	sum := l.Kernels[name]
	sum.Launches++
	sum.BytesRead += k.BytesRead
	sum.BytesWritten += k.BytesWritten
	sum.Sectors += k.Sectors
	sum.FLOPs += k.FLOPs
	sum.Instructions += k.Instructions
	l.Kernels[name] = sum
	l.Launches++
}

// Since is what happened after earlier, a copy that the same machine gave before.
// Kernels that did not run in between are left out.
func (l Ledger) Since(earlier Ledger) Ledger {
	d := l
	d.Kernels = map[string]Kernel{}
	for name, k := range l.Kernels {
		if diff := k.minus(earlier.Kernels[name]); diff.Launches > 0 {
			d.Kernels[name] = diff
		}
	}
	for _, f := range []struct {
		to   *int
		from int
	}{
		{&d.Launches, earlier.Launches}, {&d.GraphLaunches, earlier.GraphLaunches}, {&d.Syncs, earlier.Syncs},
		{&d.Allocs, earlier.Allocs}, {&d.Frees, earlier.Frees}, {&d.HostAllocs, earlier.HostAllocs},
		{&d.HostToDevice, earlier.HostToDevice}, {&d.DeviceToHost, earlier.DeviceToHost},
		{&d.DeviceToDevice, earlier.DeviceToDevice}, {&d.Memsets, earlier.Memsets},
	} {
		*f.to -= f.from
	}
	d.HostToDeviceBytes -= earlier.HostToDeviceBytes
	d.DeviceToHostBytes -= earlier.DeviceToHostBytes
	d.DeviceToDeviceBytes -= earlier.DeviceToDeviceBytes
	d.MemsetsBytes -= earlier.MemsetsBytes
	return d
}
