//go:build !faults

package checkpoint

// chunk is the number of epochs in one file of the history.
const chunk = 512
