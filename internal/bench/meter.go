package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// meter measures what the processes of a tool and their children use between
// its start and its end.
type meter struct {
	pids []int
	cpu  time.Duration
	peak float64
	stop chan struct{}
	done sync.WaitGroup
}

// meterEvery is the time between two looks at the memory. Processes that live
// for less are seen by chance; their processor time is counted all the same.
const meterEvery = 250 * time.Millisecond

// newMeter forgets the highest memory that the processes had until now.
func newMeter(pids []int) *meter {
	m := &meter{pids: pids, stop: make(chan struct{})}
	for _, pid := range family(pids) {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0) // proc(5): resets VmHWM
	}
	m.cpu = cpuOf(pids)
	m.done.Go(func() {
		for {
			m.look()
			select {
			case <-m.stop:
				return
			case <-time.After(meterEvery):
			}
		}
	})
	return m
}

func (m *meter) look() {
	sum := 0.0
	for _, pid := range family(m.pids) {
		if mem, err := memoryOf(pid); err == nil {
			sum += mem.peak
		}
	}
	m.peak = max(m.peak, sum)
}

// end returns processor time in seconds and the highest memory in megabytes; 0
// where the system does not tell.
func (m *meter) end() (cpu, peak float64) {
	close(m.stop)
	m.done.Wait()
	m.look()
	return (cpuOf(m.pids) - m.cpu).Seconds(), m.peak
}

// family is the processes with all their descendants.
func family(pids []int) []int {
	var all []int
	for _, pid := range pids {
		all = append(all, pid)
		var children []int
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // of each thread
		for _, list := range lists {
			for field := range strings.FieldsSeq(readTrimmed(list)) {
				if child, err := strconv.Atoi(field); err == nil {
					children = append(children, child)
				}
			}
		}
		all = append(all, family(children)...)
	}
	return all
}
