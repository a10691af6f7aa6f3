package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// errNoProc says that the system tells nothing about processes in /proc; rows
// that need it are left out.
var errNoProc = fmt.Errorf("no /proc")

// ticksPerSecond is the unit of /proc/PID/stat, USER_HZ of proc(5): 100 on every
// architecture that Go has.
const ticksPerSecond = 100

// cpuTime is what a process and its children that have ended have used, user and
// system, in steps of 10 ms.
func cpuTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, errNoProc
	}
	// The second field is the name, in parentheses; it may contain any other sign.
	_, rest, _ := strings.Cut(string(data[strings.LastIndexByte(string(data), ')'):]), " ")
	fields := strings.Fields(rest)
	const utime, stime, cutime, cstime = 14 - 3, 15 - 3, 16 - 3, 17 - 3 // numbered from 1 in proc(5), and the first two are gone
	if len(fields) <= cstime {
		return 0, fmt.Errorf("reading /proc/%d/stat: too short", pid)
	}
	var ticks int64
	for _, i := range []int{utime, stime, cutime, cstime} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading /proc/%d/stat: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// cpuOf is what processes and all their descendants have used.
func cpuOf(pids []int) time.Duration {
	var sum time.Duration
	for _, pid := range family(pids) {
		if t, err := cpuTime(pid); err == nil {
			sum += t
		}
	}
	return sum
}

// memory is what a process keeps in memory.
type memory struct {
	resident, peak float64 // megabytes
	private        float64 // the part of resident that is not from a file, such as the program itself
}

func memoryOf(pid int) (memory, error) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	if _, err := os.Stat(path); err != nil {
		return memory{}, errNoProc
	}
	mb := func(key string) float64 { return kilobytes(firstField(path, key)) * 1024 / 1e6 }
	return memory{resident: mb("VmRSS"), peak: mb("VmHWM"), private: mb("RssAnon")}, nil
}
