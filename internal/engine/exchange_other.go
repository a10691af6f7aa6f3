//go:build !linux

package engine

import "errors"

// exchange swaps two files in one step, where the system can.
func exchange(_, _ string) error { return errors.ErrUnsupported }
