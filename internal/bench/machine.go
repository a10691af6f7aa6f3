package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine is where and when a run took place. Fields that the system does not
// tell are empty.
type machine struct {
	Date    string  `json:"date"`
	CPU     string  `json:"cpu"`
	Cores   int     `json:"cores"`
	Memory  float64 `json:"memory_gb"`
	OS      string  `json:"os"`
	Kernel  string  `json:"kernel"`
	FS      string  `json:"file_system"` // of the roots
	Go      string  `json:"go"`
	Commit  string  `json:"commit"`
	Load    string  `json:"load_before"` // average over 1, 5 and 15 minutes
	LoadEnd string  `json:"load_after"`
	Took    string  `json:"took"`
}

func thisMachine(ctx context.Context, dir string) machine {
	return machine{
		Date:   time.Now().UTC().Format("2006-01-02 15:04 MST"),
		CPU:    firstField("/proc/cpuinfo", "model name"),
		Cores:  runtime.NumCPU(),
		Memory: kilobytes(firstField("/proc/meminfo", "MemTotal")) / 1e6,
		OS:     runtime.GOOS + "/" + runtime.GOARCH,
		Kernel: readTrimmed("/proc/sys/kernel/osrelease"),
		FS:     output(ctx, "stat", "-f", "-c", "%T", dir),
		Go:     runtime.Version(),
		Commit: output(ctx, "git", "describe", "--always", "--dirty"),
		Load:   load(),
	}
}

func (m machine) String() string {
	return fmt.Sprintf("%s, commit %s, %s\n%s, %d cores, %.0f GB, %s, kernel %s, %s; load %s before, %s after; took %s",
		m.Date, m.Commit, m.Go, m.CPU, m.Cores, m.Memory, m.OS, m.Kernel, m.FS, m.Load, m.LoadEnd, m.Took)
}

func load() string {
	fields := strings.Fields(readTrimmed("/proc/loadavg"))
	return strings.Join(fields[:min(3, len(fields))], " ")
}

func output(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func readTrimmed(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// firstField returns what follows "key:" in a file of /proc.
func firstField(path, key string) string {
	for line := range strings.Lines(readTrimmed(path)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// kilobytes reads "123 kB" as /proc prints it.
func kilobytes(s string) float64 {
	var n float64
	_, _ = fmt.Sscanf(s, "%g kB", &n)
	return n
}
