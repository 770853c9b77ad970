//go:build cuda

package cuext

import (
	"fmt"
	"runtime"
)

// Executor runs functions on one thread of the operating system. CUDA keeps the current
// context for each thread, and Go moves goroutines between threads: so all calls of CUDA go
// through an Executor. Like the device, it serves one goroutine at a time.
type Executor struct {
	work chan func() error
	done chan error
}

// NewExecutor starts the thread.
func NewExecutor() *Executor {
	e := &Executor{work: make(chan func() error), done: make(chan error)}
	go e.loop()
	return e
}

func (e *Executor) loop() {
	// Never unlocked: the thread ends with the goroutine, and with it the state that the
	// driver keeps for the thread.
	runtime.LockOSThread()
	for f := range e.work {
		e.done <- shielded(f)
	}
}

// shielded turns a panic of gorgonia.org/cu, which panics on some mistakes, into an error.
func shielded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	return f()
}

// Do runs f on the thread and waits for it. It allocates nothing.
func (e *Executor) Do(f func() error) error {
	e.work <- f
	return <-e.done
}

// Stop ends the thread.
func (e *Executor) Stop() { close(e.work) }
