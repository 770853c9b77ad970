//go:build faults

package checkpoint

// chunk is small where writes are made to fail: so those of the history are, too.
const chunk = 1
