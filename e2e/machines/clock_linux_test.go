package machines

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

// Clocks that are wrong by hours, on both sides and in both directions: codes and
// tickets are good for as long as the host's clock runs, whatever the guest's
// shows, and so are certificates.
func TestClocksAreWrong(t *testing.T) {
	t.Parallel()
	list := lan(t, "host", "early", "late")
	host, early, late := list[0].node("host"), list[1].node("early"), list[2].node("late")
	for n, wrong := range map[node]time.Duration{host: -3 * time.Hour, early: -40 * time.Hour, late: 6 * time.Hour} {
		n.Init()
		setClock(t, n, wrong)
	}
	code, ticket := host.Invite(), host.Invite("--ticket")
	early.Join(code.Code)
	mustHaveEachOther(t, host, early)
	late.Join(ticket.Code)
	mustHaveEachOther(t, host, early, late)
	exchange(t, host, late, "first")
}

// setClock is skewClock for a daemon that is then asked for the time.
func setClock(t *testing.T, n node, wrong time.Duration) {
	t.Helper()
	skewClock(t, n, wrong)
	ten := time.Until(n.Invite().ExpiresAt) - wrong
	if ten < 9*time.Minute || ten > 11*time.Minute {
		t.Fatalf("an invite of %s ends in %v by its clock, which is off by %v", n.Name, ten, wrong)
	}
}

// skewClock makes the clock of a daemon go wrong until the daemon ends, and that
// of nobody else. The kernel lends every process its own copy of the code that
// reads the clock (see vdso(7)), and in that of the daemon it is exchanged.
func skewClock(t *testing.T, n node, wrong time.Duration) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		needs.Skip(t, "the clock of one process can be set on amd64 only")
	}
	// clock_gettime(CLOCK_REALTIME) of the kernel, and so many seconds to it.
	code := []byte{
		0xb8, 228, 0, 0, 0, // mov eax, SYS_clock_gettime
		0x0f, 0x05, // syscall
		0x85, 0xff, // test edi, edi
		0x75, 13, // jnz to ret
		0x48, 0xb9, // mov rcx, …
	}
	code = binary.LittleEndian.AppendUint64(code, uint64(int64(wrong/time.Second)))
	code = append(code, 0x48, 0x01, 0x0e, 0xc3) // add [rsi], rcx; ret

	pid := n.PID()
	process := fmt.Sprintf("/proc/%d", pid)
	start, end := vdso(t, process)
	mem, err := os.OpenFile(process+"/mem", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	image := make([]byte, end-start)
	if _, err := mem.ReadAt(image, int64(start)); err != nil {
		t.Fatal(err)
	}
	at := start + clockFunction(t, image, len(code))
	// While it is exchanged nobody must be in it.
	botsynctest.Await(t, n.Name+" to leave its clock alone", func() bool {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
		if !stoppedOutside(process, start, end) {
			return false
		}
		if _, err := mem.WriteAt(code, int64(at)); err != nil {
			needs.Skip(t, "this test has to write to the memory of a process: %v", err)
		}
		return true
	})
}

// vdso is where the code that the kernel lends is mapped.
func vdso(t *testing.T, process string) (start, end uint64) {
	t.Helper()
	for line := range strings.Lines(readFile(t, process+"/maps")) {
		if strings.HasSuffix(line, "[vdso]\n") {
			if _, err := fmt.Sscanf(line, "%x-%x", &start, &end); err != nil {
				t.Fatal(err)
			}
			return start, end
		}
	}
	needs.Skip(t, "this test needs a kernel with a vDSO")
	return 0, 0
}

// clockFunction is where in the image the clock is read.
func clockFunction(t *testing.T, image []byte, room int) uint64 {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" && s.Size >= uint64(room) {
			return s.Value
		}
	}
	t.Fatal("the vDSO has no function to read the clock")
	return 0
}

// stoppedOutside reports whether all threads of a process have stopped, and none
// in the given range.
func stoppedOutside(process string, start, end uint64) bool {
	threads, _ := filepath.Glob(process + "/task/*")
	for _, thread := range threads {
		stat, err := os.ReadFile(thread + "/stat")
		_, rest, _ := strings.Cut(string(stat), ") ")
		if err != nil || !strings.HasPrefix(rest, "T") {
			return false
		}
		// proc(5): the last field is the program counter.
		at, err := os.ReadFile(thread + "/syscall")
		fields := strings.Fields(string(at))
		if err != nil || len(fields) < 3 {
			return false
		}
		pc, err := strconv.ParseUint(fields[len(fields)-1], 0, 64)
		if err != nil || pc >= start && pc < end {
			return false
		}
	}
	return len(threads) > 0
}
