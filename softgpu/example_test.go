package softgpu_test

import (
	"errors"
	"fmt"
	"log"

	"mdfa/softgpu"
	"mdfa/softgpu/vm"
)

// PTX as a CUDA compiler writes it, here by hand: x[i] *= s for i < n.
const scale = `
.version 7.0
.target sm_70
.address_size 64
.visible .entry scale(.param .u64 x, .param .f32 s, .param .u32 n)
{
	.reg .pred  %p;
	.reg .b32   %r<5>;
	.reg .f32   %f<3>;
	.reg .b64   %rd<4>;
	ld.param.u64    %rd1, [x];
	ld.param.f32    %f1, [s];
	ld.param.u32    %r1, [n];
	mov.u32         %r2, %ctaid.x;
	mov.u32         %r3, %ntid.x;
	mov.u32         %r4, %tid.x;
	mad.lo.s32      %r4, %r2, %r3, %r4;
	setp.ge.u32     %p, %r4, %r1;
	@%p ret;
	mul.wide.u32    %rd2, %r4, 4;
	add.s64         %rd3, %rd1, %rd2;
	ld.global.f32   %f2, [%rd3];
	mul.f32         %f2, %f2, %f1;
	st.global.f32   [%rd3], %f2;
	ret;
}`

func Example() {
	gpu, err := softgpu.Open(softgpu.DefaultOptions(), scale)
	if err != nil {
		log.Fatal(err)
	}
	x, err := gpu.Upload("x", []float32{1, 2, 3, 4})
	if err != nil {
		log.Fatal(err)
	}
	if err := gpu.Launch("scale", softgpu.Line(1), softgpu.Line(32), x, float32(2), uint32(4)); err != nil {
		log.Fatal(err)
	}
	var got [4]float32
	if err := gpu.Download(x, &got); err != nil {
		log.Fatal(err)
	}
	fmt.Println(got)

	// One element too many.
	err = gpu.Launch("scale", softgpu.Line(1), softgpu.Line(32), x, float32(2), uint32(5))
	fmt.Println(err)
	// Output:
	// [2 4 6 8]
	// softgpu: out-of-bounds access; 4 bytes at global address 0xee0000000100010 (0 bytes past the end of allocation 1 "x" of 16 bytes); kernel scale, ptx line 22 ld.global.f32, block (0,0,0) thread (4,0,0)
}

// reverse reverses the 32 words of a warp through shared memory. The bar.warp.sync between the store and the load is
// missing, which a GPU may forgive for years.
const reverse = `
.version 7.0
.target sm_70
.address_size 64
.visible .entry reverse(.param .u64 x)
{
	.reg .b32   %r<4>;
	.reg .b64   %rd<4>;
	.shared .align 4 .b8 words[128];
	ld.param.u64    %rd1, [x];
	mov.u32         %r1, %tid.x;
	mul.wide.u32    %rd2, %r1, 4;
	add.s64         %rd1, %rd1, %rd2;
	mov.u64         %rd3, words;
	add.s64         %rd2, %rd3, %rd2;
	ld.global.u32   %r2, [%rd1];
	st.shared.u32   [%rd2], %r2;
	sub.s32         %r3, 31, %r1;
	mul.wide.u32    %rd2, %r3, 4;
	add.s64         %rd2, %rd3, %rd2;
	ld.shared.u32   %r2, [%rd2];
	st.global.u32   [%rd1], %r2;
	ret;
}`

func Example_race() {
	gpu, err := softgpu.Open(softgpu.DefaultOptions(), reverse)
	if err != nil {
		log.Fatal(err)
	}
	x, err := gpu.Upload("x", make([]int32, 32))
	if err != nil {
		log.Fatal(err)
	}
	err = gpu.Launch("reverse", softgpu.Line(1), softgpu.Line(32), x)
	var fault *vm.Fault
	if errors.As(err, &fault) {
		fmt.Println(fault.Kind)
		fmt.Println("line", fault.Line, fault.Instr, "block", fault.Block, "thread", fault.Thread)
		fmt.Println(fault.Detail)
	}
	// Output:
	// race on shared memory
	// line 21 ld.shared.u32 block (0,0,0) thread (0,0,0)
	// read against a write by thread (31,0,0), with no barrier between
}
