package softgpu

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

// askDevice reads something of a device, after cuInit.
func askDevice[V any](m *Machine, call string, dev int, f func(d *device) V) (v V, r Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, r := m.known(call, dev)
	if r == Success {
		v = f(d)
	}
	return v, r
}

// DeviceName is cuDeviceGetName.
func (m *Machine) DeviceName(_ Thread, dev int) (string, Result) {
	return askDevice(m, "cuDeviceGetName", dev, func(*device) string { return "software GPU" })
}

// DeviceTotalMem is cuDeviceTotalMem, in bytes.
func (m *Machine) DeviceTotalMem(_ Thread, dev int) (uint64, Result) {
	return askDevice(m, "cuDeviceTotalMem", dev, func(d *device) uint64 { return d.memory.Limit() })
}

// DeviceUUID is cuDeviceGetUuid.
func (m *Machine) DeviceUUID(_ Thread, dev int) ([16]byte, Result) {
	return askDevice(m, "cuDeviceGetUuid", dev, func(*device) [16]byte {
		return [16]byte{'s', 'o', 'f', 't', 'w', 'a', 'r', 'e', ' ', 'G', 'P', 'U', ' ', ' ', ' ', byte('0' + dev)}
	})
}

// DeviceCanAccessPeer is cuDeviceCanAccessPeer: software GPUs never can.
func (m *Machine) DeviceCanAccessPeer(_ Thread, dev, peer int) (bool, Result) {
	const call = "cuDeviceCanAccessPeer"
	if _, r := askDevice(m, call, dev, func(*device) bool { return false }); r != Success {
		return false, r
	}
	return askDevice(m, call, peer, func(*device) bool { return false })
}

// The attributes of a device that do not follow from its options: those of a card of
// compute capability 7.0, as the CUDA programming guide's table of technical
// specifications has them.
const (
	clockKHz         = 1_380_000
	memoryClockKHz   = 877_000
	memoryBusBits    = 4096
	threadsPerMP     = 2048
	registersPerMP   = 65536
	blocksPerMP      = 32
	l2Bytes          = 6 << 20
	maxPitch         = 1<<31 - 1
	textureAlignment = 512
	texturePitch     = 32
	textureWidth     = 131072
)

// DeviceAttribute is cuDeviceGetAttribute. An attribute that a software GPU lacks is 0, "no".
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
	return d.attributes()[attribute], Success
}

// attributes lists the device's attributes by CUdevice_attribute.
func (d *device) attributes() map[int32]int {
	lim := d.limits
	return map[int32]int{
		1: lim.ThreadsPerBlock,
		2: int(lim.MaxBlock.X), 3: int(lim.MaxBlock.Y), 4: int(lim.MaxBlock.Z),
		5: int(lim.MaxGrid.X), 6: int(lim.MaxGrid.Y), 7: int(lim.MaxGrid.Z),
		8: lim.SharedDefault, 9: int(lim.ConstBytes),
		10: 32, // threads of a warp
		11: maxPitch, 12: lim.Registers, 13: clockKHz,
		14: textureAlignment, 30: textureAlignment, 51: texturePitch, 21: textureWidth,
		15: 1, 31: 1, 40: 1, 41: 1, 78: 1, // overlap, concurrent kernels, async engines, unified addressing, priorities
		16: lim.Multiprocessors,
		33: d.ordinal + 1, // PCI bus
		36: memoryClockKHz, 37: memoryBusBits, 38: l2Bytes, 39: threadsPerMP,
		75: lim.SM / 10, 76: lim.SM % 10,
		81: lim.SharedOptIn, 97: lim.SharedOptIn, // of a multiprocessor, and of a block that opted in
		82:  registersPerMP,
		87:  2, // single to double precision
		106: blocksPerMP,
	}
}
