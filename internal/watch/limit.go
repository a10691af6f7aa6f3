package watch

import "fmt"

// LimitError says that a limit of the system keeps changes from being noticed.
type LimitError struct {
	Setting string // the name of the sysctl
	Need    int    // a value that is enough
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s is too low, %d would be enough", e.Setting, e.Need)
}

// Command is the shell command that raises the limit until the next start of the
// machine.
func (e *LimitError) Command() string {
	return fmt.Sprintf("sudo sysctl -w %s=%d", e.Setting, e.Need)
}

// File is what to put into a file below /etc/sysctl.d, for good.
func (e *LimitError) File() string { return fmt.Sprintf("%s=%d", e.Setting, e.Need) }
