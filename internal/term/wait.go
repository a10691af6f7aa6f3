package term

import (
	"fmt"
	"strings"

	"github.com/botsync/botsync/internal/api"
)

// Lack says in a line what a device lacks.
func Lack(l api.Lack) string {
	who := Device(l.Device)
	var parts []string
	if l.Files > 0 {
		names := make([]string, len(l.Names))
		for i, n := range l.Names {
			names[i] = Clean(n)
		}
		if more := l.Files - len(names); more > 0 && len(names) > 0 {
			names = append(names, fmt.Sprintf("and %d more", more))
		}
		what := who + " lacks " + Count(l.Files, "file", "files")
		if l.Bytes > 0 {
			what += ", " + Bytes(l.Bytes)
		}
		if len(names) > 0 {
			what += ": " + strings.Join(names, ", ")
		}
		parts = append(parts, what)
	}
	if l.Why != "" {
		why := Clean(l.Why)
		if len(parts) == 0 {
			why = who + ": " + why
		}
		parts = append(parts, why)
	}
	if len(parts) == 0 {
		return who + " has everything"
	}
	return strings.Join(parts, "; ")
}

// Syncing is the text of a spinner that waits for peers.
func Syncing(line api.SyncedLine) string {
	var parts []string
	for _, l := range line.Peers {
		if !l.Nothing() {
			parts = append(parts, short(l))
		}
	}
	if line.Here != nil {
		parts = append(parts, short(*line.Here))
	}
	if len(parts) == 0 {
		return "Waiting for a peer to connect"
	}
	return "Waiting: " + strings.Join(parts, "; ")
}

// short is Lack without names of files.
func short(l api.Lack) string {
	l.Names = nil
	return Lack(l)
}

// Devices names several devices.
func Devices(devices []api.Device) string {
	names := make([]string, len(devices))
	for i, d := range devices {
		names[i] = Device(d)
	}
	return strings.Join(names, ", ")
}

// errorDetails shows what an error carries beside its words.
func (t *Terminal) errorDetails(e *api.Error) {
	for _, l := range e.Missing {
		fmt.Fprintf(t.err, "  %s\n", Lack(l))
	}
	if e.Cursor > 0 {
		fmt.Fprintf(t.err, "  cursor: %d\n", e.Cursor)
	}
}
