//go:build unix

package daemon

import "syscall"

// nonblock keeps a named pipe that takes the place of a file from stopping whoever
// opens it.
const nonblock = syscall.O_NONBLOCK
