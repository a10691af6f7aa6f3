package machines

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// resetPeak makes the kernel forget the peak of a process's memory (proc(5),
// /proc/pid/clear_refs): the Argon2id of a code alone takes 64 MiB.
func resetPeak(t *testing.T, pid int) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

// peakMemory resets the peak and returns it, which is then what is resident, in
// KiB.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	resetPeak(t, pid)
	return memory(t, pid)
}

// memory is the peak of resident memory since the last reset, in KiB.
func memory(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib
		}
	}
	t.Fatalf("no VmHWM of process %d", pid)
	return 0
}

// growth is by how much an attack may make a process grow, in KiB: the buffers of
// the connections that are held at once, and what the collector has not yet
// noticed.
const growth = 40 << 10

// mustStayBelow fails if the peak is higher than before, and more than growth.
func mustStayBelow(t *testing.T, pid, before int, what string) {
	t.Helper()
	now := memory(t, pid)
	t.Logf("%s: %d MiB before, at most %d MiB", what, before>>10, now>>10)
	if now > before+growth {
		t.Errorf("%s: the process grew by %d MiB, more than %d MiB", what, (now-before)>>10, growth>>10)
	}
}
