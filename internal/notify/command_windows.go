package notify

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps the command from getting the daemon's Ctrl+C.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// endGroup does nothing: a group is none that could be ended here.
func endGroup(*exec.Cmd) error { return nil }
