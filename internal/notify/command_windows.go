package notify

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps the command from getting the daemon's Ctrl+C.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
