//go:build !linux && !darwin

package swap

import (
	"errors"
	"os"
)

// Exchange gives each of two files the name of the other, in one step. Here the
// error is always errors.ErrUnsupported.
func Exchange(*os.Root, string, string) error { return errors.ErrUnsupported }
