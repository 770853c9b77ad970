package devicetest

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"mdfa/gpu"
)

// defects are the ways in which the naive device can be wrong, and the room of the
// suite that must notice.
var defects = map[string]string{
	"alloc is not zeroed":                   "Memory",
	"a bound that is NaN counts all":        "Compare",
	"an empty batch does not raise step":    "Loss",
	"a feed forgets its last part":          "Feed",
	"a feed loses the last byte":            "Feed",
	"a feed outlives its device":            "Feed",
	"a feed runs before it has sent":        "Feed",
	"a feed sends each slot once":           "Feed",
	"a feed's buffers can be freed":         "Feed",
	"a feed's slots are one":                "Feed",
	"a feed's slots start dirty":            "Feed",
	"a freed feed goes on":                  "Feed",
	"a recording stops no feed":             "Feed",
	"an open slot runs its last batch":      "Feed",
	"adam counts from zero":                 "Optimize",
	"adam's 0.001 is float32":               "Optimize",
	"adam's second state is not kept":       "Optimize",
	"all layers draw the same":              "Feedback",
	"all logits draw the same":              "Feedback",
	"bp and fa are swapped":                 "DenseBackward",
	"clamp ignores the floor":               "Optimize",
	"clamp misses its last element":         "Optimize",
	"clamp precedes the update":             "Optimize",
	"clamp starts at zero":                  "Optimize",
	"clamp takes one element too many":      "Optimize",
	"clamp turns NaN into the floor":        "Optimize",
	"clamped entries are a bit above":       "Optimize",
	"close is forgotten":                    "Close",
	"col2im is off by one":                  "ConvBackward",
	"compare looks at subnormals as zero":   "Compare",
	"compare overwrites":                    "Compare",
	"compare takes no transpose":            "Compare",
	"compare takes zero for a sign":         "Compare",
	"compare's bounds are open":             "Compare",
	"compared sums are float32":             "Compare",
	"copy rounds down to words":             "Memory",
	"dense changes its input":               "Dense",
	"dense forgets the bias":                "Dense",
	"double free is ignored":                "Misuse",
	"drawn feedback is rounded":             "Feedback",
	"empty sums keep the old contents":      "Gemm",
	"errors inside step are lost":           "Record",
	"every layer takes the first columns":   "Feedback",
	"f' comes from the output":              "DenseBackward",
	"feedback is forced positive":           "Feedback",
	"filter gradients add to the old":       "ConvGrad",
	"filters are flipped":                   "Conv",
	"foreign buffers are taken":             "Misuse",
	"forgets the last element of 33":        "Gemm",
	"freed buffers are taken":               "Misuse",
	"gemm forgets the last product":         "Gemm",
	"gemm stops NaN":                        "Gemm",
	"host calls run inside step":            "Record",
	"info is empty":                         "Info",
	"l2 is forgotten":                       "Optimize",
	"labels outside become class 0":         "Loss",
	"logits are not written back":           "Loss",
	"metrics are float32 sums":              "Loss",
	"metrics are overwritten":               "Loss",
	"never the same bits twice":             "Dense",
	"one logit at zero is class one":        "Loss",
	"past the order comes the data":         "Gather",
	"pixels are divided by 256":             "Gather",
	"pl clips at two":                       "Activation",
	"pl' is for an open interval":           "Feedback",
	"programs share the caller's slice":     "Record",
	"recording runs the step":               "Record",
	"relu stops NaN":                        "Activation",
	"relu' flushes subnormals":              "Feedback",
	"relu'(-0) is 0":                        "DenseBackward",
	"relu'(0) is 0":                         "Feedback",
	"replay forgets the last operation":     "Record",
	"rmsprop's epsilon is outside the root": "Optimize",
	"rounds to bfloat16":                    "Gemm",
	"rows outside get label 0":              "Gather",
	"mistakes are passed over in silence":   "Misuse",
	"softmax overflows":                     "Loss",
	"step is not raised":                    "Loss",
	"only one step is raised":               "Loss",
	"tanh cancels near zero":                "Activation",
	"tanh overflows":                        "Activation",
	"tanh' is 1-h":                          "Feedback",
	"the bias gradient forgets an example":  "Loss",
	"the bias gradient misses positions":    "ConvBackward",
	"the cursor is ignored":                 "Gather",
	"the cursor wraps":                      "Gather",
	"the gradient becomes g + l2·w":         "Optimize",
	"the preactivation is not kept":         "Dense",
	"the rate is doubled":                   "Optimize",
	"the scale is forgotten":                "Loss",
	"ties go to the true class":             "Loss",
	"top five is top six":                   "Loss",
	"transposes are swapped":                "Gemm",
	"uncovered pixels keep old contents":    "ConvBackward",
	"wants aligned spans":                   "Gemm",
	"writes one element too early":          "Gemm",
	"writes one element too far":            "Gemm",
	"zero forgets the last byte":            "Memory",
}

func TestSuitePassesOnTheDefinitions(t *testing.T) {
	Run(t, func(*testing.T) gpu.Device { return &naive{} }, Slow())
}

func TestSuiteFailsOnEveryDefect(t *testing.T) {
	for _, defect := range slices.Sorted(maps.Keys(defects)) {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			failures := checkRoom(defects[defect], func(testingT) gpu.Device { return &naive{defect: defect} })
			assert.NotEmpty(t, failures, "room %s does not notice", defects[defect])
			for _, f := range failures {
				assert.NotContains(t, f, "panic", "the suite must fail with a message of its own")
			}
		})
	}
}

func TestSuiteFailsWhenThreadsChangeTheBits(t *testing.T) {
	failures := checkRoom("Threads", func(testingT) gpu.Device {
		return &naive{defect: "never the same bits twice", calls: runtime.GOMAXPROCS(0)}
	})
	assert.NotEmpty(t, failures)
}

// checkRoom runs one room of the suite until its first failure.
func checkRoom(room string, open func(testingT) gpu.Device) []string {
	r := &recorder{log: &failureLog{}}
	s := newSuite(open, Slow())
	for _, candidate := range rooms {
		if candidate.name == room {
			r.Run(room, func(t testingT) { candidate.check(s, t) })
		}
	}
	return r.log.failures
}

// recorder is a testingT that remembers failures. After the first it runs no more subtests.
type recorder struct {
	name     string
	log      *failureLog
	failed   bool
	cleanups []func()
}

type failureLog struct {
	sync.Mutex
	failures []string
}

func (r *recorder) Helper()          {}
func (r *recorder) Failed() bool     { return r.failed }
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Errorf(format string, args ...any) {
	r.failed = true
	r.log.Lock()
	defer r.log.Unlock()
	r.log.failures = append(r.log.failures, r.name+": "+strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// FailNow ends the goroutine that Run started.
func (r *recorder) FailNow() {
	r.failed = true
	runtime.Goexit()
}

func (r *recorder) Run(name string, f func(testingT)) bool {
	if r.failed {
		return false
	}
	sub := &recorder{name: strings.TrimPrefix(r.name+"/"+name, "/"), log: r.log}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, cleanup := range slices.Backward(sub.cleanups) {
				cleanup()
			}
		}()
		defer func() {
			if p := recover(); p != nil {
				sub.Errorf("panic: %v", p)
			}
		}()
		f(sub)
	}()
	<-done
	r.failed = r.failed || sub.failed
	return !sub.failed
}
