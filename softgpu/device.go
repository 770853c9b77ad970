package softgpu

import "mdfa/softgpu/vm"

// device is one software GPU.
type device struct {
	ordinal int
	memory  *vm.Memory
	limits  vm.Limits
	owners  map[uint64]*context // of device memory, by address
	lost    error               // why the device does not answer any more

	primary      *context
	primaryRefs  int
	primaryFlags uint32

	epochs map[uint64]place // which work a launch epoch of the memory belongs to
}

func newDevice(ordinal int, o Options) *device {
	return &device{
		ordinal: ordinal, memory: vm.NewMemory(o.Memory), limits: o.limits(),
		owners: map[uint64]*context{}, epochs: map[uint64]place{},
	}
}

// known finds a device by its number, after cuInit.
func (m *Machine) known(call string, dev int) (*device, Result) {
	switch {
	case !m.ready:
		return nil, m.refuse(ErrorNotInitialized, "%s before cuInit", call)
	case dev < 0 || dev >= len(m.devices):
		return nil, m.refuse(ErrorInvalidDevice, "%s: device %d of %d", call, dev, len(m.devices))
	}
	return m.devices[dev], Success
}

// DriverVersion is cuDriverGetVersion; it needs no cuInit.
func (m *Machine) DriverVersion(Thread) (int, Result) { return m.options.Driver, Success }

// DeviceCount is cuDeviceGetCount.
func (m *Machine) DeviceCount(Thread) (int, Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.ready {
		return 0, m.refuse(ErrorNotInitialized, "cuDeviceGetCount before cuInit")
	}
	return len(m.devices), Success
}

// DeviceGet is cuDeviceGet.
func (m *Machine) DeviceGet(_ Thread, ordinal int) (int, Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, r := m.known("cuDeviceGet", ordinal)
	return ordinal, r
}

// DeviceName is cuDeviceGetName.
func (m *Machine) DeviceName(_ Thread, dev int) (string, Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, r := m.known("cuDeviceGetName", dev)
	return "software GPU", r
}

// DeviceTotalMem is cuDeviceTotalMem, in bytes.
func (m *Machine) DeviceTotalMem(_ Thread, dev int) (uint64, Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, r := m.known("cuDeviceTotalMem", dev)
	if r != Success {
		return 0, r
	}
	return d.memory.Limit(), Success
}

// DeviceUUID is cuDeviceGetUuid.
func (m *Machine) DeviceUUID(_ Thread, dev int) ([16]byte, Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, r := m.known("cuDeviceGetUuid", dev)
	return [16]byte{'s', 'o', 'f', 't', 'w', 'a', 'r', 'e', ' ', 'G', 'P', 'U', ' ', ' ', ' ', byte('0' + dev)}, r
}

// DeviceCanAccessPeer is cuDeviceCanAccessPeer: software GPUs never can.
func (m *Machine) DeviceCanAccessPeer(_ Thread, dev, peer int) (bool, Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, r := m.known("cuDeviceCanAccessPeer", dev); r != Success {
		return false, r
	}
	_, r := m.known("cuDeviceCanAccessPeer", peer)
	return false, r
}

// The attributes of a device that do not follow from its options: those of a card of
// compute capability 7.0, as the CUDA programming guide's table of technical
// specifications has them.
const (
	clockKHz            = 1_380_000
	memoryClockKHz      = 877_000
	memoryBusBits       = 4096
	threadsPerMP        = 2048
	registersPerMP      = 65536
	blocksPerMP         = 32
	l2Bytes             = 6 << 20
	maxPitch            = 1<<31 - 1
	textureAlignment    = 512
	texturePitch        = 32
	textureWidth        = 131072
	sharedPerMPReserved = 0
)

// DeviceAttribute is cuDeviceGetAttribute.
func (m *Machine) DeviceAttribute(_ Thread, dev int, attribute int32) (int, Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, r := m.known("cuDeviceGetAttribute", dev)
	if r != Success {
		return 0, r
	}
	if attribute < 1 || attribute > 140 {
		return 0, m.refuse(ErrorInvalidValue, "cuDeviceGetAttribute: there is no attribute %d", attribute)
	}
	return d.attribute(attribute), Success
}

// attribute is 0, "no", for what a software GPU does not have.
func (d *device) attribute(a int32) int {
	lim := d.limits
	switch a {
	case 1:
		return lim.ThreadsPerBlock
	case 2:
		return int(lim.MaxBlock.X)
	case 3:
		return int(lim.MaxBlock.Y)
	case 4:
		return int(lim.MaxBlock.Z)
	case 5:
		return int(lim.MaxGrid.X)
	case 6:
		return int(lim.MaxGrid.Y)
	case 7:
		return int(lim.MaxGrid.Z)
	case 8:
		return lim.SharedDefault
	case 9:
		return int(lim.ConstBytes)
	case 10:
		return 32 // warp size
	case 11:
		return maxPitch
	case 12:
		return lim.Registers
	case 13:
		return clockKHz
	case 14, 30:
		return textureAlignment
	case 15, 31, 40, 41, 78: // overlap, concurrent kernels, async engines, unified addressing, priorities
		return 1
	case 16:
		return lim.Multiprocessors
	case 21:
		return textureWidth
	case 33:
		return d.ordinal + 1 // PCI bus
	case 36:
		return memoryClockKHz
	case 37:
		return memoryBusBits
	case 38:
		return l2Bytes
	case 39:
		return threadsPerMP
	case 51:
		return texturePitch
	case 75:
		return lim.SM / 10
	case 76:
		return lim.SM % 10
	case 81, 97: // shared memory of a multiprocessor, and of a block that opted in
		return lim.SharedOptIn
	case 82:
		return registersPerMP
	case 87:
		return 2 // single to double precision
	case 106:
		return blocksPerMP
	case 111:
		return sharedPerMPReserved
	}
	return 0
}
