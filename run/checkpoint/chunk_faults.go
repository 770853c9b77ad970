//go:build faults

package checkpoint

// chunk is small in tests that make writes fail, so that they reach the files of the history.
const chunk = 1
