package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"mdfa/algo/feed"
	"mdfa/internal/figures"
	"mdfa/internal/imageprep"
	"mdfa/internal/shards"
)

const (
	// dataWindows is the number of windows of each figure, which is their median.
	dataWindows = 9
	// mnistImages is the number of MNIST's training images.
	mnistImages = 60_000
)

// dataPath measures the path of images to a device, without a device: preparing
// photographs, and assembling batches of prepared images.
type dataPath struct {
	images string // folder of photographs; "" for made-up ones
	size   int    // height and width of prepared images
	batch  int
	total  time.Duration // for each line of the table

	made   int // made-up photographs
	bytes  int // about the size of the prepared set
	digits int // images of MNIST's size

	photos []photograph
	next   atomic.Int64 // photograph
}

// rates holds the images per second of each window.
type rates []float64

func (r rates) median() float64 { return quantile(r, 0.5) }

// run measures and prints. It removes its files before it returns.
func (d *dataPath) run(ctx context.Context, out io.Writer) (err error) {
	origin := fmt.Sprintf("made-up JPEGs of %dx%d", photoWidth, photoHeight)
	if d.images != "" {
		origin = "of " + d.images
		d.photos, err = readPhotographs(ctx, d.images)
	} else {
		d.photos, err = madeUpPhotographs(d.made)
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "mdfa-bench-")
	if err != nil {
		return fmt.Errorf("a folder for prepared images: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := writePrepared(ctx, dir, d.photos, d.size, d.bytes); err != nil {
		return err
	}
	set, err := shards.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer set.Close()

	workers := runtime.GOMAXPROCS(0)
	fmt.Fprintf(out, "machine   %d threads · %s · %s/%s\n", workers, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(out, "photos    %d %s, %s each on average\n", len(d.photos), origin, humanize.Bytes(uint64(d.meanBytes())))
	fmt.Fprintf(out, "prepared  %s images of %dx%d, %s, in the system's page cache\n",
		figures.Count(set.Train.Len()), d.size, d.size, humanize.Bytes(uint64(set.Train.Len()*set.Train.RecordBytes())))
	fmt.Fprintf(out, "windows   %d of %v on all threads\n\n", dataWindows, (d.total / dataWindows).Round(time.Millisecond))

	decoded, made, share, err := d.photographs(ctx, workers)
	if err != nil {
		return err
	}
	streamed, err := d.assemble(ctx, prepared(set), set.Train.RecordBytes(), workers)
	if err != nil {
		return err
	}
	digit := mnist.input
	digits, err := d.assemble(ctx, mnist.madeUp(d.digits), digit.Size(), workers)
	if err != nil {
		return err
	}
	side := fmt.Sprintf("%dx%d", d.size, d.size)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "images/s: median, slowest and fastest window\t\t\t\t")
	d.row(table, "decode photographs", decoded, "")
	d.row(table, "prepare: decode, cut, resize to "+side, made, fmt.Sprintf("decoding takes %.0f%% of it", 100*share))
	d.row(table, fmt.Sprintf("read ahead %s, shuffled, batch %d", side, d.batch), streamed, traffic(streamed, set.Train.RecordBytes()))
	d.row(table, fmt.Sprintf("read ahead %dx%d, shuffled, batch %d", digit.H, digit.W, d.batch), digits, traffic(digits, digit.Size()))
	return table.Flush()
}

func (d *dataPath) meanBytes() int {
	sum := 0
	for _, p := range d.photos {
		sum += len(p.file)
	}
	return sum / len(d.photos)
}

func (d *dataPath) row(table io.Writer, label string, r rates, remark string) {
	number := func(v float64) string { return humanize.Comma(int64(v)) }
	fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", label, number(r.median()), number(slices.Min(r)), number(slices.Max(r)), remark)
}

func traffic(r rates, imageBytes int) string {
	return humanize.Bytes(uint64(r.median()*float64(imageBytes))) + "/s"
}

// photographs measures decoding alone and the whole preparation, on all threads. Each
// photograph is prepared and then decoded, so that both times are of the same pictures and the
// same state of the machine. share is the median of decoding's share of the preparation.
func (d *dataPath) photographs(ctx context.Context, workers int) (decoded, made rates, share float64, err error) {
	var shares rates
	for range dataWindows {
		w, err := d.photoWindow(ctx, workers)
		if err != nil {
			return nil, nil, 0, err
		}
		decoded = append(decoded, float64(workers)*float64(w.n)/w.decode.Seconds())
		made = append(made, float64(workers)*float64(w.n)/w.prepare.Seconds())
		shares = append(shares, w.decode.Seconds()/w.prepare.Seconds())
	}
	return decoded, made, shares.median(), nil
}

// photoWindow is the work of a window: photographs, and time over all threads.
type photoWindow struct {
	n               int
	decode, prepare time.Duration
}

func (d *dataPath) photoWindow(ctx context.Context, workers int) (photoWindow, error) {
	parts, failed := make([]photoWindow, workers), make([]error, workers)
	deadline := time.Now().Add(d.total / dataWindows)
	var running sync.WaitGroup
	for k := range workers {
		running.Go(func() { parts[k], failed[k] = d.photoWorker(ctx, deadline) })
	}
	running.Wait()
	var sum photoWindow
	for _, w := range parts {
		sum.n += w.n
		sum.decode += w.decode
		sum.prepare += w.prepare
	}
	return sum, errors.Join(failed...)
}

// photoWorker prepares and decodes photographs until the deadline, at least one.
func (d *dataPath) photoWorker(ctx context.Context, deadline time.Time) (w photoWindow, err error) {
	dst := make([]byte, imageprep.Bytes(d.size))
	for w.n == 0 || time.Now().Before(deadline) {
		if err := ctx.Err(); err != nil {
			return w, err
		}
		p := d.photos[(d.next.Add(1)-1)%int64(len(d.photos))]
		start := time.Now()
		if err := p.prepare(ctx, d.size, dst); err != nil { // it refuses images that decode has no memory for
			return w, err
		}
		between := time.Now()
		if err := p.decode(); err != nil {
			return w, err
		}
		w.n++
		w.prepare += between.Sub(start)
		w.decode += time.Since(between)
	}
	return w, nil
}

// assemble measures how fast shuffled batches are read ahead if no device slows
// them. A first round, which does not count, finds the number of batches that fill a window.
func (d *dataPath) assemble(ctx context.Context, e feed.Examples, features, workers int) (rates, error) {
	window := (d.total / dataWindows).Seconds()
	batches := max(1, e.Len()/d.batch)
	var measured rates
	for round := range 1 + dataWindows {
		rate, err := feed.AssembleBatches(ctx, e, features, d.batch, batches, workers)
		if err != nil {
			return nil, err
		}
		if round > 0 {
			measured = append(measured, rate)
		}
		batches = max(1, int(window*rate/float64(d.batch)))
	}
	return measured, nil
}
