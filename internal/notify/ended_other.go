//go:build !linux

package notify

import "os/exec"

// ended returns when a command has ended. Waiting for it again does no harm.
func ended(cmd *exec.Cmd) { _ = cmd.Wait() }
