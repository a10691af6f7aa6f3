//go:build !linux

package daemon

// portTaker does not know.
func portTaker(int) string { return "" }
