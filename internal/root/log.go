package root

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/natefinch/lumberjack.v2"
)

// The daemon's log takes at most twice this much, in megabytes.
const maxLogMB = 5

// LogPath is the daemon's log.
func (r *Root) LogPath() string { return filepath.Join(r.LogsDir(), "daemon.log") }

// StderrPath takes what a background daemon prints outside of its log: the
// stack of a crash. Each start begins it anew.
func (r *Root) StderrPath() string { return filepath.Join(r.LogsDir(), "stderr.log") }

// OpenLog opens the daemon's log for appending. It is rotated by size, and one
// older file is kept. Only the daemon may do so.
func (r *Root) OpenLog() io.WriteCloser {
	return &lumberjack.Logger{Filename: r.LogPath(), MaxSize: maxLogMB, MaxBackups: 1}
}

// Head returns the first lines of a file, at most n and 16 KiB of them; nothing
// if it cannot be read.
func Head(path string, n int) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	lines := readLines(f, window)
	return lines[:min(n, len(lines))]
}

// Tail is [End] of 16 KiB, and at most n lines.
func Tail(path string, n int) []string {
	lines := End(path, window)
	return lines[max(0, len(lines)-n):]
}

// End returns the lines at the end of a file, at most so many bytes of them; nothing
// if it cannot be read. Of one that would be cut there is nothing, unless it is the only one.
func End(path string, size int64) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	cut := false
	if info, err := f.Stat(); err == nil && info.Size() > size {
		if _, err := f.Seek(-size, io.SeekEnd); err != nil {
			return nil
		}
		cut = true
	}
	lines := readLines(f, size)
	if cut && len(lines) > 1 {
		lines = lines[1:]
	}
	return lines
}

// window bounds what Head and Tail look at, in bytes.
const window = 16 << 10

func readLines(f *os.File, size int64) []string {
	data, err := io.ReadAll(io.LimitReader(f, size))
	text := strings.TrimRight(string(data), "\n")
	if err != nil || text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
