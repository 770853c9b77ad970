package softgpu

import (
	"fmt"
	"regexp"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// one is the thread that tests call from, other is a second one.
const (
	one   Thread = 1
	other Thread = 2
)

// host is a program's view of a machine with a context.
type host struct {
	t   *testing.T
	m   *Machine
	ctx Handle
	mod Handle
}

// scale multiplies n floats of p by s; copyWords copies n words from q to p.
const goodKernels = `.version 7.0
.target sm_70
.address_size 64
.visible .entry scale(.param .u64 pp, .param .f32 ps, .param .u32 pn) {
.reg .u32 i, n, c, d; .reg .u64 p, o; .reg .f32 f, s; .reg .pred a;
ld.param.u64 p, [pp]; ld.param.f32 s, [ps]; ld.param.u32 n, [pn];
mov.u32 c, %ctaid.x; mov.u32 d, %ntid.x; mov.u32 i, %tid.x; mad.lo.u32 i, c, d, i;
setp.ge.u32 a, i, n;
@a ret;
mul.wide.u32 o, i, 4; add.u64 p, p, o;
ld.global.f32 f, [p]; mul.f32 f, f, s; st.global.f32 [p], f;
ret;
}
.visible .entry copyWords(.param .u64 pp, .param .u64 pq, .param .u32 pn) {
.reg .u32 i, n, c, d, v; .reg .u64 p, q, o; .reg .pred a;
ld.param.u64 p, [pp]; ld.param.u64 q, [pq]; ld.param.u32 n, [pn];
mov.u32 c, %ctaid.x; mov.u32 d, %ntid.x; mov.u32 i, %tid.x; mad.lo.u32 i, c, d, i;
setp.ge.u32 a, i, n;
@a ret;
mul.wide.u32 o, i, 4; add.u64 p, p, o; add.u64 q, q, o;
ld.global.u32 v, [q]; st.global.u32 [p], v;
ret;
}
`

// start makes a machine with a context that is current on thread one.
func start(t *testing.T, change ...func(*Options)) *host {
	t.Helper()
	o := DefaultOptions()
	o.Memory = 64 << 20
	for _, c := range change {
		c(&o)
	}
	h := &host{t: t, m: New(o)}
	h.ok(h.m.Init(0))
	var r Result
	h.ctx, r = h.m.CtxCreate(one, 0, 0)
	h.ok(r)
	return h
}

func (h *host) ok(r Result) {
	h.t.Helper()
	require.Equal(h.t, Success, r, "%v", h.m.reason)
}

// refused requires an answer, with all the texts in its reason.
func (h *host) refused(want, got Result, texts ...string) {
	h.t.Helper()
	require.Equal(h.t, want, got)
	err := h.m.Explain()
	require.Error(h.t, err)
	for _, text := range texts {
		require.ErrorContains(h.t, err, text)
	}
}

var entries = regexp.MustCompile(`\.entry (\w+)`)

func (h *host) load(source string) {
	h.t.Helper()
	var r Result
	h.mod, r = h.m.ModuleLoadData(one, source)
	h.ok(r)
	for _, entry := range entries.FindAllStringSubmatch(source, -1) { // they cannot be loaded in a capture
		_, r := h.m.ModuleGetFunction(one, h.mod, entry[1])
		h.ok(r)
	}
}

func (h *host) alloc(n uint64) uint64 {
	h.t.Helper()
	p, r := h.m.MemAlloc(one, n)
	h.ok(r)
	return p
}

func (h *host) floats(p uint64, n int) []float32 {
	h.t.Helper()
	out := make([]float32, n)
	h.ok(h.m.MemcpyDtoH(one, unsafe.Pointer(&out[0]), p, uint64(4*n)))
	return out
}

// put allocates floats on the device.
func (h *host) put(values ...float32) uint64 {
	h.t.Helper()
	p := h.alloc(uint64(4 * len(values)))
	h.ok(h.m.MemcpyHtoD(one, p, unsafe.Pointer(&values[0]), uint64(4*len(values))))
	return p
}

// launch starts a kernel of the loaded module.
func (h *host) launch(name string, grid, block int, on Handle, args ...any) Result {
	h.t.Helper()
	f, r := h.m.ModuleGetFunction(one, h.mod, name)
	h.ok(r)
	raw, err := object[*function](h.m, f).kernel.Pack(args...)
	require.NoError(h.t, err)
	return h.m.LaunchKernel(one, f, Line(grid), Line(block), 0, on, raw)
}

func (h *host) stream() Handle {
	h.t.Helper()
	s, r := h.m.StreamCreate(one, streamNonBlocking)
	h.ok(r)
	return s
}

func (h *host) event() Handle {
	h.t.Helper()
	e, r := h.m.EventCreate(one, 0)
	h.ok(r)
	return e
}

// pin allocates pinned host memory.
func (h *host) pin(n int) []float32 {
	h.t.Helper()
	memory := make([]float32, n)
	h.ok(h.m.HostAlloc(one, unsafe.Pointer(&memory[0]), uint64(4*n)))
	return memory
}

// kernel wraps a body into a kernel k(u64 p, u32 n) that knows its thread in t, its
// block in c, its number in i and the address of element i in r. The body's first line
// is bodyLine.
func kernel(body string) string {
	return fmt.Sprintf(`.version 7.0
.target sm_70
.address_size 64
.shared .align 16 .b8 smem[128];
.visible .entry k(.param .u64 pp, .param .u32 pn) {
.reg .u32 t, i, n, c, d, x; .reg .u64 p, r, s; .reg .pred a;
ld.param.u64 p, [pp]; ld.param.u32 n, [pn];
mov.u32 t, %%tid.x; mov.u32 c, %%ctaid.x; mov.u32 d, %%ntid.x; mad.lo.u32 i, c, d, t;
mul.wide.u32 r, i, 4; add.u64 r, r, p;
%s
ret;
}
`, body)
}

const bodyLine = 10
