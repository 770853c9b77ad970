//go:build cuda

package cuda

import (
	"fmt"
	"runtime"
)

// executor runs functions on one thread of the system. CUDA keeps the current context
// for each thread, and Go moves goroutines between threads: so all calls go through here.
// It is used by one goroutine at a time, like the device.
type executor struct {
	work chan func() error
	done chan error
}

func newExecutor() *executor {
	e := &executor{work: make(chan func() error), done: make(chan error)}
	go e.loop()
	return e
}

func (e *executor) loop() {
	// Never unlocked: the thread ends with the goroutine, and with it whatever the
	// driver keeps of the thread.
	runtime.LockOSThread()
	for f := range e.work {
		e.done <- shielded(f)
	}
}

// shielded turns a panic of gorgonia.org/cu, which panics on some mistakes, into an error.
func shielded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("gpu: internal error: %v", p)
		}
	}()
	return f()
}

// do runs f on the thread and waits for it. It allocates nothing.
func (e *executor) do(f func() error) error {
	e.work <- f
	return <-e.done
}

// stop ends the thread.
func (e *executor) stop() { close(e.work) }
