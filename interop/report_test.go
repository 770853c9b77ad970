//go:build interop

package interop

import (
	"bytes"
	"context"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// picturesEnv names a folder for the pages' pictures, for people to look at.
const picturesEnv = "MDFA_INTEROP_PICTURES"

// pageTimeout is far longer than a page takes on a busy machine.
const pageTimeout = 90 * time.Second

// makePages trains short runs and returns the pages that come of them, by name.
func makePages(t *testing.T) map[string]string {
	t.Helper()
	list := map[string]string{}
	for name, args := range map[string]string{
		"mdfa fc":   "-model mdfa -max_steps 120 -alignment 20",
		"mdfa conv": "-model mdfa -convnet -classes 3 -filters 24:5:2,16:3:2 -max_steps 60 -alignment 20",
		"bp linear": "-model bp -layers none -classes 2 -max_epochs 2",
	} {
		list[name] = filepath.Join(trainRun(t, strings.Fields(args)...), "report.html")
	}
	dir := t.TempDir()
	for _, args := range []string{"bp -seed 0 -classes 2", "bp -seed 1 -classes 2", "dfa -seed 0 -classes 2", "dfa -seed 1 -classes 2", "fa -classes 2", "bp -classes 3", "dfa -classes 3"} {
		program(t, dir, "train", append([]string{"-device", "cpu", "-max_epochs", "3", "-layers", "16", "-alignment", "100", "-model"}, strings.Fields(args)...)...)
	}
	list["comparison"] = filepath.Join(dir, "compare.html")
	program(t, dir, "report", filepath.Join(dir, "results"), "-o", list["comparison"])
	return list
}

// browser starts headless Chromium. Errors of pages, in the console or on the way to the
// network, are kept.
func browser(t *testing.T) (context.Context, func() []string) {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.WindowSize(1280, 900))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium has no sandbox for root
	}
	allocator, end := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(end)
	ctx, stop := chromedp.NewContext(allocator)
	t.Cleanup(stop)
	var mutex sync.Mutex
	var faults []string
	keep := func(text string) {
		mutex.Lock()
		defer mutex.Unlock()
		faults = append(faults, text)
	}
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			keep("exception: " + e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			text := "console: " + string(e.Type)
			for _, a := range e.Args {
				text += fmt.Sprintf(" %s%s", a.Value, a.Description)
			}
			keep(text)
		case *log.EventEntryAdded:
			keep("log: " + e.Entry.Text)
		case *network.EventRequestWillBeSent:
			if url := e.Request.URL; !strings.HasPrefix(url, "file:") && !strings.HasPrefix(url, "data:") {
				keep("request: " + url)
			}
		}
	}), "is Chromium installed? `make test-interop` does that where it can")
	require.NoError(t, chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{})
		return err
	})))
	return ctx, func() []string {
		mutex.Lock()
		defer mutex.Unlock()
		return faults
	}
}

// scheme has the page light or dark.
func scheme(name string) chromedp.Action[chromedp.Void] {
	return media("", "prefers-color-scheme", name)
}

func media(kind, feature, value string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media: kind, Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
		})
		return err
	})
}

// ask evaluates an expression in the page.
func ask[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(t, err, expression)
	return v
}

// TestPagesReadWellInABrowser opens the pages as people do: on a phone and on a desk, light
// and dark.
func TestPagesReadWellInABrowser(t *testing.T) {
	list := makePages(t)
	ctx, faults := browser(t)
	for name, path := range list {
		t.Run(name, func(t *testing.T) {
			ctx, end := context.WithTimeout(ctx, pageTimeout)
			defer end()
			for _, width := range []int64{360, 390, 1280} {
				for _, colours := range []string{"light", "dark"} {
					require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 844), scheme(colours), chromedp.Navigate("file://"+path)))
					assert.Equal(t, width, ask[int64](ctx, t, "document.documentElement.scrollWidth"), "nothing is wider than the screen")
					charts := ask[int](ctx, t, `document.querySelectorAll("figure.chart").length`)
					assert.Positive(t, charts)
					assert.Equal(t, charts, ask[int](ctx, t, `document.querySelectorAll("figure.chart canvas").length`))
					dead := ask[string](ctx, t, `[...document.querySelectorAll("a")].filter((a) => !a.href.startsWith("file:") || !a.href.endsWith("/report.html")).map((a) => a.href).join()`)
					assert.Empty(t, dead)
					ask[bool](ctx, t, `document.querySelectorAll("details.facets").forEach((d) => { d.open = true; }), true`)
					_, err := chromedp.Run(ctx, chromedp.Poll[bool](`[...document.querySelectorAll("figure.chart canvas")].every((c) => c.clientWidth > 100)`))
					require.NoError(t, err, "charts that were hidden are drawn when they are shown")
					picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
					require.NoError(t, err)
					assertPicture(t, picture, int(width), colours == "dark")
					keepPicture(t, fmt.Sprintf("%s-%d-%s.png", name, width, colours), picture)
				}
			}
		})
	}
	assert.Empty(t, faults(), "errors and requests of the pages")
}

// assertPicture checks that a page is of the width and the brightness asked for, and that
// there is something on it.
func assertPicture(t *testing.T, file []byte, width int, dark bool) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(file))
	require.NoError(t, err)
	assert.Equal(t, width, img.Bounds().Dx())
	assert.Greater(t, img.Bounds().Dy(), 844)
	sum, colours := uint64(0), map[[3]uint32]bool{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 3 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 3 {
			r, g, b, _ := img.At(x, y).RGBA()
			sum += uint64(r+g+b) / 3
			colours[[3]uint32{r >> 11, g >> 11, b >> 11}] = true
		}
	}
	mean := float64(sum) / float64((img.Bounds().Dx()/3+1)*(img.Bounds().Dy()/3+1)) / 0xffff
	if dark {
		assert.Less(t, mean, 0.3)
	} else {
		assert.Greater(t, mean, 0.7)
	}
	const fewest = 100 // of 32768; text alone has a few shades of grey
	assert.Greater(t, len(colours), fewest)
}

func keepPicture(t *testing.T, name string, file []byte) {
	t.Helper()
	if dir := os.Getenv(picturesEnv); dir != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, " ", "-")), file, 0o666))
	}
}

// TestPagesAreUsableByKeyboard presses Tab until all that one can use was reached, and uses
// it.
func TestPagesAreUsableByKeyboard(t *testing.T) {
	list := makePages(t)
	ctx, faults := browser(t)
	for name, path := range list {
		t.Run(name, func(t *testing.T) {
			ctx, end := context.WithTimeout(ctx, pageTimeout)
			defer end()
			require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 900), scheme("light"), chromedp.Navigate("file://"+path)))
			missing := `[...document.querySelectorAll("a, button, summary, .plot, [tabindex='0']")].filter((e) => !e.dataset.reached && e.checkVisibility()).length`
			all := ask[int](ctx, t, missing)
			require.Positive(t, all)
			for range all + 5 {
				require.NoError(t, chromedp.Do(ctx, chromedp.KeyEvent(kb.Tab)))
				ask[string](ctx, t, `document.activeElement.dataset.reached = "yes"`)
			}
			assert.Zero(t, ask[int](ctx, t, missing), "of %d", all)
			unnamed := `[...document.querySelectorAll("a, button, [tabindex='0'], img, [role]")].filter((e) => !(e.ariaLabel || e.alt || e.textContent.trim())).length`
			assert.Zero(t, ask[int](ctx, t, unnamed), "everything has a name that can be read out")

			ask[bool](ctx, t, `document.querySelector(".plot").focus(), true`)
			require.NoError(t, chromedp.Do(ctx, chromedp.KeyEvent(kb.End)))
			readout := `document.querySelector(".readout").textContent`
			last := ask[string](ctx, t, readout)
			assert.Regexp(t, `^(epoch|classes) \d+: `, last)
			require.NoError(t, chromedp.Do(ctx, chromedp.KeyEvent(kb.Home)))
			if name != "mdfa fc" && name != "mdfa conv" { // those have one epoch
				assert.NotEqual(t, last, ask[string](ctx, t, readout))
			}

			ask[bool](ctx, t, `document.querySelector(".toggles button").focus(), true`)
			require.NoError(t, chromedp.Do(ctx, chromedp.KeyEvent(" ")))
			assert.Equal(t, "false", ask[string](ctx, t, `document.querySelector(".toggles button").getAttribute("aria-pressed")`))
			ask[bool](ctx, t, `document.querySelector("figure.chart summary").focus(), true`)
			require.NoError(t, chromedp.Do(ctx, chromedp.KeyEvent(kb.Enter)))
			_, err := chromedp.Run(ctx, chromedp.Poll[bool](`document.querySelectorAll("details table tbody tr").length > 0`))
			assert.NoError(t, err, "the numbers of a chart are a table")
		})
	}
	assert.Empty(t, faults(), "errors and requests of the pages")
}

// TestPagesPrint has pages on paper: light, whatever the screen, without what only a screen can do, and
// with tables that are no wider than the paper.
func TestPagesPrint(t *testing.T) {
	list := makePages(t)
	ctx, faults := browser(t)
	ctx, end := context.WithTimeout(ctx, pageTimeout)
	defer end()
	const wide = 720 // of A4 within its margins
	for name, path := range list {
		require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(wide, 900), chromedp.Navigate("file://"+path), media("print", "prefers-color-scheme", "dark")))
		assert.Equal(t, "rgb(255, 255, 255)", ask[string](ctx, t, `getComputedStyle(document.body).backgroundColor`), name)
		assert.Zero(t, ask[int](ctx, t, `[...document.querySelectorAll(".command button")].filter((e) => e.checkVisibility()).length`), name)
		assert.Zero(t, ask[int](ctx, t, fmt.Sprintf(`[...document.querySelectorAll("table, svg")].filter((e) => e.getBoundingClientRect().right > %d).length`, wide)), name)
		paper, err := chromedp.Run(ctx, chromedp.PrintToPDF())
		require.NoError(t, err)
		assert.True(t, bytes.HasPrefix(paper, []byte("%PDF-")))
		keepPicture(t, name+".pdf", paper)
	}
	assert.Empty(t, faults())
}
