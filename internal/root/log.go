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

// Tail returns the last lines of a file, at most n and 16 KiB of them; nothing
// if it cannot be read.
func Tail(path string, n int) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	const window = 16 << 10
	if info, err := f.Stat(); err == nil && info.Size() > window {
		if _, err := f.Seek(-window, io.SeekEnd); err != nil {
			return nil
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, window))
	if err != nil {
		return nil
	}
	text := strings.TrimRight(string(data), "\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	return lines[max(0, len(lines)-n):]
}
