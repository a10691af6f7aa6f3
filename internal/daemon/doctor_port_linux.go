package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// portTaker says which program has a TCP or UDP port of this machine, as far as /proc
// tells: of other users' processes it does not. It is empty if nobody has it.
func portTaker(port int) string {
	sockets := map[string]bool{} // by inode
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		data, err := os.ReadFile("/proc/net/" + table)
		if err == nil {
			for _, inode := range socketsAt(string(data), port, strings.HasPrefix(table, "tcp")) {
				sockets["socket:["+inode+"]"] = true
			}
		}
	}
	if len(sockets) == 0 {
		return ""
	}
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, file := range files {
		if to, err := os.Readlink(file); err == nil && sockets[to] {
			pid := strings.Split(file, "/")[2]
			name, _ := os.ReadFile("/proc/" + pid + "/comm")
			return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), pid)
		}
	}
	return "a program of another user"
}

// socketsAt returns the inodes of the sockets at a local port, of TCP those that
// listen, in a table as proc_net_tcp of the kernel's documentation has it.
func socketsAt(table string, port int, listening bool) []string {
	const local, state, inode, listens = 1, 3, 9, "0A"
	var out []string
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) <= inode || listening && fields[state] != listens {
			continue
		}
		_, hex, _ := strings.Cut(fields[local], ":")
		if n, err := strconv.ParseUint(hex, 16, 16); err == nil && int(n) == port {
			out = append(out, fields[inode])
		}
	}
	return out
}
