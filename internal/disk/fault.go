//go:build !faults

package disk

// inject makes an operation fail in builds with the tag "faults".
func inject(string, string) error { return nil }
