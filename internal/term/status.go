package term

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/botsync/botsync/internal/api"
)

// Status writes st for a person to standard output. now is what "ago" counts from.
func (t *Terminal) Status(st *api.Status, now time.Time) error {
	_, err := io.WriteString(t.out, t.renderStatus(st, now))
	return err
}

// RedrawStatus is Status in place of what is on the screen. What does not fit is
// left out: the beginning says most.
func (t *Terminal) RedrawStatus(st *api.Status, now time.Time) error {
	_, height := t.out.size()
	lines := strings.Split(strings.TrimSuffix(t.renderStatus(st, now), "\n"), "\n")
	lines = lines[:min(len(lines), height-1)]
	// Line by line, and the rest at the end: without the flicker of clearing all.
	_, err := io.WriteString(t.out, home+strings.Join(lines, eraseRest+"\n")+eraseRest+"\n"+eraseBelow)
	return err
}

// Clear makes room for [Terminal.RedrawStatus].
func (t *Terminal) Clear() error {
	_, err := io.WriteString(t.out, home+eraseBelow)
	return err
}

const (
	home       = "\x1b[H"
	eraseRest  = "\x1b[K" // of the line
	eraseBelow = "\x1b[J" // the cursor
)

func (t *Terminal) renderStatus(st *api.Status, now time.Time) string {
	width := t.out.room()
	var b strings.Builder
	section := func(title string, rows [][]string) {
		if len(rows) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n", styleStrong.Render(title))
		for _, line := range columns(rows, "  ", width) {
			b.WriteString(line + "\n")
		}
	}
	fmt.Fprintf(&b, "%s\n", t.summary(st))
	fmt.Fprintf(&b, "%s\n", ansi.Truncate(styleFaint.Render(Device(st.Device)+", "+Clean(st.Root)), width, "…"))

	var rows [][]string
	for _, f := range st.Folders {
		rows = append(rows, t.folderRow(st, f))
	}
	section("Folders", rows)
	b.WriteString(t.localChanges(st, width))
	b.WriteString(failedFiles(st))
	b.WriteString(keptDirs(st))
	b.WriteString(conflictHint(st))
	rows = nil
	for _, p := range st.Peers {
		rows = append(rows, t.peerRow(st, p, now))
	}
	section("Devices", rows)
	rows = nil
	for _, in := range st.Invites {
		row := []string{"open until " + Clock(in.ExpiresAt), Left(in.ExpiresAt.Sub(now)) + " left"}
		for _, way := range in.Ways {
			row = append(row, t.way(way))
		}
		rows = append(rows, row)
	}
	section("Invites", rows)
	if len(st.Problems) > 0 {
		fmt.Fprintf(&b, "\n%s\n", styleStrong.Render("Problems"))
	}
	for _, p := range st.Problems {
		fmt.Fprintf(&b, "  %s %s\n", styleBad.Render(t.glyph("✗", "!")), CleanLines(p.Message))
		if p.Hint != "" {
			fmt.Fprintf(&b, "    %s\n", CleanLines(p.Hint))
		}
	}
	return b.String()
}

// summary is the answer at a glance. It says "in sync" only when every device
// is there and has everything.
func (t *Terminal) summary(st *api.Status) string {
	good, busy, bad := styleGood.Render(t.glyph("✓", "*")), styleCode.Render(t.glyph("↻", ">")), styleBad.Render(t.glyph("✗", "!"))
	if st.State != api.StateRunning {
		return bad + " " + styleStrong.Render("Stopped.") + ` Run "botsync start".`
	}
	if n := len(st.Problems); n > 0 {
		return bad + " " + styleStrong.Render(Count(n, "problem.", "problems."))
	}
	if len(st.Peers) == 0 {
		if len(st.Invites) > 0 {
			return busy + " " + styleStrong.Render("Waiting for a device to join.")
		}
		return busy + " " + styleStrong.Render("Alone.") + ` Run "botsync invite" to add a device.`
	}
	in, out, connected, scanning, halted := 0, 0, 0, false, false
	for _, f := range st.Folders {
		in += f.NeedFiles
		scanning = scanning || f.State == api.FolderScanning || f.State == api.FolderSyncing
		halted = halted || f.State == api.FolderPaused || f.State == api.FolderError || f.Error != ""
	}
	for _, p := range st.Peers {
		out += p.NeedFiles
		if p.Connected {
			connected++
		}
	}
	switch {
	case halted:
		return bad + " " + styleStrong.Render("Not every folder is synced.")
	case in > 0 || out > 0:
		return busy + " " + styleStrong.Render("Syncing:") + fmt.Sprintf(" %s to get, %s to give.", Count(in, "file", "files"), Count(out, "file", "files"))
	case connected < len(st.Peers):
		return busy + " " + styleStrong.Render(fmt.Sprintf("%d of %s connected.", connected, Count(len(st.Peers), "device", "devices"))) + " Nothing known is missing."
	case scanning:
		return busy + " " + styleStrong.Render("Looking for changes.")
	}
	if n := changedHere(st); n > 0 {
		return busy + " " + styleStrong.Render("In sync, but for "+Count(n, "change", "changes")+" here only.")
	}
	return good + " " + styleStrong.Render("In sync") + " with " + Count(len(st.Peers), "device.", "devices.")
}

func (t *Terminal) folderRow(st *api.Status, f api.Folder) []string {
	state := Clean(f.State)
	switch {
	case st.State != api.StateRunning:
		state = "not running"
	case f.Held != nil && f.Error == "":
		state = styleBad.Render(fmt.Sprintf("held: %s vanished here", Count(f.Held.Files, "file", "files")))
	case f.Error != "":
		state = styleBad.Render("error: " + Clean(f.Error))
	case f.NeedFiles > 0:
		state = styleCode.Render(fmt.Sprintf("%s to get, %s", Count(f.NeedFiles, "file", "files"), Bytes(f.NeedBytes)))
	case f.State == api.FolderIdle:
		state = styleGood.Render("up to date")
	}
	row := []string{Clean(f.Name) + "/", Count(f.Files, "file", "files"), Bytes(f.Bytes), state}
	if f.ReceiveOnly {
		row = append(row, styleFaint.Render("receive-only"))
	}
	if f.LocalChanges > 0 {
		row = append(row, styleWarn.Render(Count(f.LocalChanges, "change here only", "changes here only")))
	}
	if f.Ignored > 0 {
		row = append(row, styleFaint.Render(fmt.Sprintf("%d kept out", f.Ignored)))
	}
	if f.Conflicts > 0 {
		row = append(row, styleWarn.Render(Count(f.Conflicts, "conflict", "conflicts")))
	}
	return row
}

func (t *Terminal) peerRow(st *api.Status, p api.Peer, now time.Time) []string {
	if !p.Connected || st.State != api.StateRunning {
		seen := "never seen"
		switch {
		case p.LastSeen != nil && !p.LastSeen.IsZero():
			seen = "seen " + Ago(*p.LastSeen, now)
		case st.State != api.StateRunning:
			seen = "" // only the daemon knows
		}
		return []string{Device(p.Device), styleFaint.Render(t.glyph("○ ", "") + "not connected"), seen}
	}
	how := "connected"
	switch p.Via {
	case api.ViaLAN:
		how += ", same network"
	case api.ViaDirect:
		how += ", directly"
	case api.ViaRelay:
		how += ", through a relay"
	}
	has := "has everything"
	if p.NeedFiles > 0 || p.NeedBytes > 0 {
		has = fmt.Sprintf("lacks %s, %s", Count(p.NeedFiles, "file", "files"), Bytes(p.NeedBytes))
	}
	return []string{Device(p.Device), styleGood.Render(t.glyph("● ", "") + how), has}
}
