package softgpu

import "reflect"

// Ledger counts the operations of a machine since it started.
type Ledger struct {
	Kernels       map[string]Kernel // by kernel; the products of cuBLAS are "sgemm"
	Launches      int               // kernels and products that ran
	GraphLaunches int

	// Unordered counts those Launches that a GPU may run at the same time as another: a kernel or product of the same
	// context has run before, in another stream, and neither streams nor events nor a wait of the host order this one
	// behind it. Of each such pair only the one that ran later counts. The launches of one graph launch do not
	// count against each other.
	Unordered int

	Syncs         int // calls that made the host wait: for a stream, an event, a context, a blocking copy
	Allocs, Frees int // of device memory
	HostAllocs    int // of pinned memory

	HostToDevice, DeviceToHost, DeviceToDevice, Memsets                     int
	HostToDeviceBytes, DeviceToHostBytes, DeviceToDeviceBytes, MemsetsBytes uint64
}

// Kernel is the work of all launches of one kernel. Bytes are those that its instructions named.
type Kernel struct {
	Launches     int
	BytesRead    uint64
	BytesWritten uint64
	FLOPs        uint64
}

func (l *Ledger) count(name string, k Kernel) {
	sum := l.Kernels[name]
	sum.Launches++
	sum.BytesRead += k.BytesRead
	sum.BytesWritten += k.BytesWritten
	sum.FLOPs += k.FLOPs
	l.Kernels[name] = sum
	l.Launches++
}

// Since is the work after earlier, a copy that the same machine gave before.
// Kernels that did not run in between are left out.
func (l Ledger) Since(earlier Ledger) Ledger {
	d := minus(l, earlier)
	d.Kernels = map[string]Kernel{}
	for name, k := range l.Kernels {
		if diff := minus(k, earlier.Kernels[name]); diff.Launches > 0 {
			d.Kernels[name] = diff
		}
	}
	return d
}

// minus subtracts each count of b from that of a.
func minus[T any](a, b T) T {
	x, y := reflect.ValueOf(&a).Elem(), reflect.ValueOf(b)
	for i := range x.NumField() {
		switch f := x.Field(i); f.Kind() {
		case reflect.Int:
			f.SetInt(f.Int() - y.Field(i).Int())
		case reflect.Uint64:
			f.SetUint(f.Uint() - y.Field(i).Uint())
		}
	}
	return a
}
