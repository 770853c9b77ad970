package vm

import "mdfa/softgpu/ptx"

// special emits the reading of a special register.
func (l *lowerer) special(d int32, name string, t ptx.Type) {
	read, ok := specialRegs[name]
	if !ok {
		panic(l.errorf("special register %s is not supported", name))
	}
	want := 32
	if name == "%clock64" || name == "%globaltimer" || name == "%gridid" {
		want = 64
	}
	// Old code reads %tid and its kin as 16 bits, and %gridid as 32.
	short := want == 32 && t.Bits() == 16 || name == "%gridid" && t.Bits() == 32
	if t.Float() || t.Bits() != want && !short {
		panic(l.errorf("%s does not fit .%s", name, t))
	}
	in := blank(kSpecial)
	in.d = d
	n := t.Bits()
	in.ex = func(w *warp, in *inst, m uint32) {
		if n >= want && m == allLanes {
			read(w, w.v(in.d))
			return
		}
		var out vec
		read(w, &out)
		for i := range out {
			out[i] &= maskBits(n)
		}
		w.blend(w.v(in.d), &out, m)
	}
	l.emit(in)
}

func uniform(f func(w *warp) uint64) func(w *warp, d *vec) {
	return func(w *warp, d *vec) { splat(d, f(w)) }
}

func perLane(f func(lane int) uint64) func(w *warp, d *vec) {
	return func(_ *warp, d *vec) {
		for i := range d {
			d[i] = f(i)
		}
	}
}

// specialRegs read the special registers. Clocks count the warp's instructions
// so that a run can be repeated exactly.
var specialRegs = map[string]func(w *warp, d *vec){
	"%tid.x": func(w *warp, d *vec) { *d = w.tid[0] }, "%tid.y": func(w *warp, d *vec) { *d = w.tid[1] }, "%tid.z": func(w *warp, d *vec) { *d = w.tid[2] },
	"%ntid.x":   uniform(func(w *warp) uint64 { return uint64(w.blk.run.block.X) }),
	"%ntid.y":   uniform(func(w *warp) uint64 { return uint64(w.blk.run.block.Y) }),
	"%ntid.z":   uniform(func(w *warp) uint64 { return uint64(w.blk.run.block.Z) }),
	"%ctaid.x":  uniform(func(w *warp) uint64 { return uint64(w.blk.id.X) }),
	"%ctaid.y":  uniform(func(w *warp) uint64 { return uint64(w.blk.id.Y) }),
	"%ctaid.z":  uniform(func(w *warp) uint64 { return uint64(w.blk.id.Z) }),
	"%nctaid.x": uniform(func(w *warp) uint64 { return uint64(w.blk.run.grid.X) }),
	"%nctaid.y": uniform(func(w *warp) uint64 { return uint64(w.blk.run.grid.Y) }),
	"%nctaid.z": uniform(func(w *warp) uint64 { return uint64(w.blk.run.grid.Z) }),
	"%warpid":   uniform(func(w *warp) uint64 { return uint64(w.index) }),
	"%nwarpid":  uniform(func(w *warp) uint64 { return 32 }),
	"%smid":     uniform(func(w *warp) uint64 { return w.blk.linear % uint64(w.blk.run.k.mod.limits.Multiprocessors) }),
	"%nsmid":    uniform(func(w *warp) uint64 { return uint64(w.blk.run.k.mod.limits.Multiprocessors) }),
	"%gridid":   uniform(func(w *warp) uint64 { return w.blk.run.epoch }),
	"%laneid":   perLane(func(i int) uint64 { return uint64(i) }),

	"%lanemask_eq": perLane(func(i int) uint64 { return 1 << i }),
	"%lanemask_lt": perLane(func(i int) uint64 { return 1<<i - 1 }),
	"%lanemask_le": perLane(func(i int) uint64 { return 2<<i - 1 }),
	"%lanemask_gt": perLane(func(i int) uint64 { return uint64(uint32(^uint64(0) << (i + 1))) }),
	"%lanemask_ge": perLane(func(i int) uint64 { return uint64(uint32(^uint64(0) << i)) }),

	"%clock":          uniform(func(w *warp) uint64 { return w.issued & 0xffffffff }),
	"%clock_hi":       uniform(func(w *warp) uint64 { return w.issued >> 32 }),
	"%clock64":        uniform(func(w *warp) uint64 { return w.issued }),
	"%globaltimer":    uniform(func(w *warp) uint64 { return w.issued }),
	"%globaltimer_lo": uniform(func(w *warp) uint64 { return w.issued & 0xffffffff }),
	"%globaltimer_hi": uniform(func(w *warp) uint64 { return w.issued >> 32 }),

	"%dynamic_smem_size": uniform(func(w *warp) uint64 { return w.blk.run.dynShared }),
	"%total_smem_size":   uniform(func(w *warp) uint64 { return w.blk.run.k.shared.size + w.blk.run.dynShared }),
}
