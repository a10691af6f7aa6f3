//go:build unix

package daemon

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// deviceOf names the file system that holds a directory.
func deviceOf(dir string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "", err
	}
	return fmt.Sprint(st.Dev), nil // of another type on other systems
}
