package term

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// DeviceList writes who belongs to the network for a person to standard output.
// now is what "ago" counts from.
func (t *Terminal) DeviceList(list *api.Devices, now time.Time) error {
	var rows [][]string
	for _, m := range list.Devices {
		id, _, _ := strings.Cut(Clean(m.ID), "-")
		rows = append(rows, append([]string{Strong(Device(m.Device)), Faint(id)}, t.memberRow(m, now)...))
	}
	var b strings.Builder
	for _, line := range columns(rows, "", t.out.room()) {
		b.WriteString(line + "\n")
	}
	if list.Network == nil {
		b.WriteString("This device is in no network. Run \"botsync invite\" for a code.\n")
	}
	if len(list.Removed) > 0 {
		if slices.ContainsFunc(list.Removed, func(r api.RemovedDevice) bool { return r.ID == list.Devices[0].ID }) {
			b.WriteString("This device was removed from its network. \"botsync join\" with a new code lets it in again.\n")
		}
		rows = nil
		for _, r := range list.Removed {
			how := "left"
			if r.RemovedBy == nil || r.RemovedBy.ID != r.ID {
				how = "removed" + by(r.RemovedBy)
			}
			rows = append(rows, []string{Device(r.Device), Faint(how + ", " + Ago(r.RemovedAt, now))})
		}
		fmt.Fprintf(&b, "\n%s\n", Strong("No longer in the network"))
		for _, line := range columns(rows, "  ", t.out.room()) {
			b.WriteString(line + "\n")
		}
	}
	_, err := io.WriteString(t.out, b.String())
	return err
}

func (t *Terminal) memberRow(m api.Member, now time.Time) []string {
	var row []string
	if m.Self {
		row = append(row, "this device", "")
	} else {
		row = t.peerRow(&api.Status{State: api.StateRunning}, m.Peer, now)[1:]
	}
	switch {
	case m.AddedAt.IsZero():
	case m.AddedBy != nil && m.AddedBy.ID == m.ID:
		row = append(row, Faint("founded the network, "+Ago(m.AddedAt, now)))
	default:
		row = append(row, Faint("let in"+by(m.AddedBy)+", "+Ago(m.AddedAt, now)))
	}
	if m.Stock {
		row = append(row, Faint("Syncthing without botsync"))
	}
	return row
}

func by(d *api.Device) string {
	if d == nil || d.Name == "" {
		return ""
	}
	return " by " + Clean(d.Name)
}

// Added writes to standard output what has to be done on the other side for a
// Syncthing that was added.
func (t *Terminal) Added(line *api.AddedLine) error {
	var b strings.Builder
	table := func(rows [][]string) {
		for _, l := range columns(rows, "     ", 1<<16) { // IDs are whole or of no use
			b.WriteString(l + "\n")
		}
	}
	fmt.Fprintf(&b, "%s belongs to the network. On its side, in Syncthing:\n\n", Strong(Device(line.Device)))
	b.WriteString("  1. Add these devices (\"Add Remote Device\"), the first at least; with all of them\n")
	b.WriteString("     it stays in sync when some are off:\n\n")
	var rows [][]string
	for _, d := range line.Devices {
		rows = append(rows, []string{Device(d), Clean(d.ID)})
	}
	table(rows)
	b.WriteString("\n  2. Accept the folders that they offer, or add them (\"Add Folder\") with exactly these\n")
	b.WriteString("     IDs, and share them with these devices:\n\n")
	rows = nil
	for _, f := range line.Folders {
		rows = append(rows, []string{Clean(f.Name), Clean(f.ID)})
	}
	table(rows)
	_, err := io.WriteString(t.out, b.String())
	return err
}
