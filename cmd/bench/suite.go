package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"mdfa/algo"
	"mdfa/cmd/internal/cli"
	"mdfa/gpu"
	"mdfa/internal/wording"
	"mdfa/run/device"
)

// optimizer is the paper's optimizer.
const optimizer = gpu.RMSProp

// suite is a run of cells on one device.
type suite struct {
	options
	dev      gpu.Device
	info     gpu.Info
	progress io.Writer          // gets a line for each cell
	speeds   map[string]float64 // PyTorch's images per second, by network and batch
}

// runSuite measures cells or computes bounds, and prints and writes the report.
func runSuite(ctx context.Context, o options, out, progress io.Writer) (err error) {
	var old *report
	if o.compare != "" { // read it first: an unreadable file must not cost a measurement
		if old, err = readReport(o.compare); err != nil {
			return fmt.Errorf("-compare: %w", err)
		}
	}
	for flag, name := range map[string]string{"-json": o.json, "-markdown": o.markdown} {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
	}
	start := time.Now()
	dev, passed, err := device.Open(o.device, device.Options{TF32: o.tf32})
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, dev.Close()) }() // the first error explains more
	s := &suite{options: o, dev: dev, info: dev.Info(), progress: progress, speeds: map[string]float64{}}
	if err := s.settle(); err != nil {
		return err
	}
	r := newReport(o, s.info, time.Since(start))
	if passed != "" {
		fmt.Fprintf(progress, "-device auto: %s\n", passed)
	}
	failed := s.fill(ctx, r, func() error {
		r.Device.Card = readCard(s.info)
		if o.json == "" {
			return nil
		}
		return r.write(o.json) // a killed run leaves the cells so far
	})
	if errors.Is(failed, context.Canceled) {
		failed = errInterrupted
	}
	return errors.Join(failed, r.publish(o, old, out)) // also publishes the cells so far
}

// errInterrupted ends a run after Ctrl-C.
var errInterrupted = fmt.Errorf("%w: the cells so far are written", cli.ErrInterrupted)

// publish prints the report and writes the file of -markdown. The file of -json is already written.
func (r *report) publish(o options, old *report, out io.Writer) error {
	r.print(out)
	if old != nil {
		compare(old, r).print(out, o.compare)
	}
	if o.markdown == "" {
		return nil
	}
	return r.writeMarkdown(o.markdown, old)
}

// settle sets the defaults that depend on the device, and refuses options that the
// device does not support.
func (s *suite) settle() error {
	kind := s.info.Kind
	switch {
	case s.peers != "" && kind != "cpu":
		return fmt.Errorf("-peers times PyTorch on the processor, and the device is %s: add -device cpu", kind)
	case len(s.predict) > 0 && !device.OnGPU(kind):
		return fmt.Errorf("-predict counts kernels, and %s has none: add -device emu (make cuda builds a program with it)", kind)
	case s.tf32 && !device.OnGPU(kind):
		return fmt.Errorf("-tf32 goes with -device cuda and emu only, and the device is %s", kind)
	}
	if len(s.datasets) == 0 {
		s.datasets = datasets
		switch {
		case s.quick:
			s.datasets = datasets[:1]
		case kind != "cuda":
			s.datasets = datasets[:2]
		}
	}
	if len(s.nets) == 0 {
		s.nets = nets
	}
	if len(s.rules) == 0 {
		s.rules = algo.Rules()
		if s.quick {
			s.rules = []*algo.Rule{algo.BP, algo.MDFA}
		}
	}
	if len(s.batches) == 0 {
		s.batches = []int{usualBatch}
		if kind == "cuda" && !s.quick {
			s.batches = []int{usualBatch, 4 * usualBatch}
		}
	}
	return nil
}

// workloads lists the cells in the order of the table.
func (s *suite) workloads() (list []workload) {
	for _, data := range s.datasets {
		for _, net := range s.nets {
			for _, batch := range s.batches {
				for _, rule := range s.rules {
					list = append(list, workload{data, net, rule, batch})
				}
			}
		}
	}
	return list
}

// fill adds a result, or bounds, for each cell to the report, and calls keep after each cell.
func (s *suite) fill(ctx context.Context, r *report, keep func() error) error {
	list := s.workloads()
	start := time.Now()
	r.CellsToCome = len(list)
	for done, w := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		fmt.Fprintf(s.progress, "cell %d of %d: %v%s\n", done+1, len(list), w, timeLeft(time.Since(start), done, len(list)))
		if err := s.add(ctx, r, w); err != nil {
			return fmt.Errorf("%s %v, batches of %d: %w", w.network(), w.rule, w.batch, err)
		}
		r.CellsToCome--
		if err := keep(); err != nil {
			return err
		}
	}
	return nil
}

// timeLeft writes the estimated time for the remaining cells; "" before the first cell.
func timeLeft(spent time.Duration, done, all int) string {
	if done == 0 {
		return ""
	}
	left := spent / time.Duration(done) * time.Duration(all-done)
	return fmt.Sprintf(" (about %v left)", max(time.Second, left.Round(time.Second)))
}

// add adds a cell's figures, or its bounds, to the report.
func (s *suite) add(ctx context.Context, r *report, w workload) (err error) {
	c, err := newCell(s.dev, w, s.stream)
	if errors.Is(err, gpu.ErrOutOfMemory) {
		r.Cells = append(r.Cells, result{key: w.key(), Skipped: "does not fit: " + wording.Clause(err)})
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, c.free()) }()
	if len(s.predict) > 0 {
		bounds, err := c.bounds(s.predict, s.tf32)
		r.Bounds = append(r.Bounds, bounds...)
		return err
	}
	cell, err := s.measure(ctx, c)
	if err == nil {
		r.Cells = append(r.Cells, cell)
	}
	return err
}

// measure returns a cell's figures.
func (s *suite) measure(ctx context.Context, c *cell) (result, error) {
	r := result{key: c.key()}
	// On the cpu other programs allocate and free memory meanwhile.
	if s.info.Kind != "cpu" && s.info.MemoryFree > 0 {
		r.DeviceMemoryBytes = max(0, s.info.MemoryFree-s.dev.Info().MemoryFree)
	}
	if err := c.addProducts(); err != nil {
		return r, err
	}
	if mode := c.biotorchMode(); s.peers != "" && mode != "" {
		var err error
		if c.peer, err = startPeer(ctx, s.peers, c.workload, mode); err != nil {
			return r, err
		}
	}
	step, products, biotorch, err := c.measure(ctx, s.duration, s.windows())
	if err != nil {
		return r, err
	}
	r.Step, r.Products = step, products
	r.ImagesPerSecond = float64(c.batch) / step.Median
	r.ProductFLOPs = planProducts(c.net, c.rule, c.batch).flops()
	r.FLOPsPerSecond = r.ProductFLOPs / step.Median
	if biotorch > 0 {
		r.BioTorch = float64(c.batch) / biotorch
	}
	if c.products != nil {
		r.StepOverProducts = step.Median / products.Median
	}
	wait := 0.0 // no step waits for resident images
	if s.stream {
		if wait, err = c.dataWait(ctx); err != nil {
			return r, err
		}
	}
	r.DataWaitShare = &wait
	if r.Profile, err = c.profile(step.Median, s.info.Kind == "cuda"); err != nil {
		return r, err
	}
	if s.peers != "" && c.torchKnows() {
		r.PyTorch, err = s.pytorch(ctx, c.workload)
	}
	return r, err
}

// profile sums up the device's counts of a step; zero on a device that counts nothing. Rates
// are left out if the times mean nothing, as on the software GPU.
func (c *cell) profile(seconds float64, timed bool) (f profileFigure, err error) {
	p, err := c.trainer.Profile(1)
	if errors.Is(err, algo.ErrConfig) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	for _, k := range p.Kernels {
		f.Launches += k.Launches
		f.FloorBytes += k.FloorRead + k.FloorWritten
		f.FLOPs += k.FLOPs
	}
	if timed {
		f.FloorBytesPerSecond = float64(f.FloorBytes) / seconds
		if p.PeakBytesPerSecond > 0 {
			f.BandwidthShare = f.FloorBytesPerSecond / p.PeakBytesPerSecond
		}
		if p.PeakFLOPS > 0 {
			f.ArithmeticShare = float64(f.FLOPs) / seconds / p.PeakFLOPS
		}
	}
	return f, nil
}

// pytorch returns the images per second of PyTorch's BP, measured once for each network and batch.
func (s *suite) pytorch(ctx context.Context, w workload) (float64, error) {
	name := fmt.Sprint(w.network(), " ", w.batch)
	if speed, known := s.speeds[name]; known {
		return speed, nil
	}
	p, err := startPeer(ctx, s.peers, w, "")
	if err != nil {
		return 0, err
	}
	defer p.close()
	seconds, err := p.window(s.duration)
	if err != nil {
		return 0, err
	}
	s.speeds[name] = float64(w.batch) / seconds
	return s.speeds[name], nil
}
