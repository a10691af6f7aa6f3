package notify

import (
	"errors"
	"os/exec"

	"golang.org/x/sys/unix"
)

// ended returns when a command has ended, and leaves it to be waited for: until
// then no other process or group can get its number.
func ended(cmd *exec.Cmd) {
	for {
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
