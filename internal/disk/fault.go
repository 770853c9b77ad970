//go:build !faults

package disk

// fault makes an operation fail in builds with the tag "faults".
func fault(string, string) error { return nil }
