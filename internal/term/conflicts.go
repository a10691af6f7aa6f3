package term

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/botsync/botsync/internal/api"
)

// Conflicts writes the files of which there are several versions for a person to
// standard output. now is what "ago" counts from.
func (t *Terminal) Conflicts(list *api.Conflicts, now time.Time) error {
	var b strings.Builder
	for _, c := range list.Conflicts {
		fmt.Fprintf(&b, "%s\n", styleStrong.Render(Clean(c.Path)))
		var rows [][]string
		for _, v := range c.Versions {
			rows = append(rows, t.versionRow(v, now))
		}
		for _, line := range columns(rows, "  ", t.out.room()) {
			b.WriteString(line + "\n")
		}
		if c.Doubt != "" {
			fmt.Fprintf(&b, "  %s\n", styleFaint.Render("Perhaps no conflict: "+Clean(c.Doubt)+"."))
		}
	}
	if _, err := io.WriteString(t.out, b.String()); err != nil {
		return err
	}
	if list.More > 0 {
		t.Say("And %s more.", Count(list.More, "conflict", "conflicts"))
	}
	if len(list.Conflicts) == 0 {
		t.Done("There are no conflicts.")
		return nil
	}
	t.Say("\"botsync conflicts diff\" compares them, \"botsync conflicts keep\" resolves them.")
	return nil
}

func (t *Terminal) versionRow(v api.ConflictVersion, now time.Time) []string {
	who := "unknown device"
	switch {
	case v.Mine:
		who = "mine"
	case v.Device != nil:
		who = Device(*v.Device)
	}
	what := Bytes(v.Size)
	if v.Deleted {
		what = "deleted"
	} else if v.Kind != api.KindFile {
		what = Clean(v.Kind)
	}
	where := "current"
	if !v.Current {
		where = Clean(v.Path)
		if i := strings.LastIndexByte(where, '/'); i >= 0 {
			where = where[i+1:]
		}
	}
	when := ""
	if v.Modified.Unix() > 0 {
		when = Ago(v.Modified, now)
	}
	return []string{who, what, when, styleFaint.Render(where)}
}

// ConflictDiffs writes how versions differ. What is in files is as foreign as their
// names.
func (t *Terminal) ConflictDiffs(diffs *api.ConflictDiffs) error {
	var b strings.Builder
	for _, d := range diffs.Files {
		if d.Diff != "" {
			for line := range strings.Lines(d.Diff) {
				b.WriteString(diffLine(strings.TrimSuffix(line, "\n")) + "\n")
			}
			continue
		}
		current, copied := Clean(d.Current.Path), Clean(d.Copy.Path)
		switch {
		case d.Same:
			fmt.Fprintf(&b, "%s and %s are the same.\n", current, copied)
			continue
		case d.Current.Deleted:
			fmt.Fprintf(&b, "%s was deleted; %s has %s.\n", current, copied, Bytes(d.Copy.Size))
			continue
		case d.Why == "unreadable":
			fmt.Fprintf(&b, "%s and %s cannot be read.\n", current, copied)
			continue
		}
		switch d.Why {
		case "large":
			fmt.Fprintf(&b, "%s and %s are not compared: one of them has more than 1 MiB.\n", current, copied)
		case "limit":
			fmt.Fprintf(&b, "%s and %s are not compared: it is enough for one answer. Name fewer files.\n", current, copied)
		default:
			fmt.Fprintf(&b, "%s and %s differ (%s)\n", current, copied, Clean(d.Why))
		}
		for _, v := range []struct {
			version api.ConflictVersion
			hash    string
		}{{d.Current, d.CurrentSHA256}, {d.Copy, d.CopySHA256}} {
			fmt.Fprintf(&b, "  %s  %s  %s\n", Bytes(v.version.Size), cmp.Or(Clean(v.hash), v.version.Modified.Format(time.RFC3339)), Clean(v.version.Path))
		}
	}
	_, err := io.WriteString(t.out, b.String())
	if err == nil && len(diffs.Files) == 0 {
		t.Done("There are no conflicts.")
	}
	return err
}

// diffLine makes a line of a diff harmless. Tabs stay: they are in every second
// program text.
func diffLine(line string) string {
	line = CleanText(line)
	switch {
	case strings.HasPrefix(line, "+"):
		return styleGood.TabWidth(lipgloss.NoTabConversion).Render(line)
	case strings.HasPrefix(line, "-"):
		return styleBad.TabWidth(lipgloss.NoTabConversion).Render(line)
	case strings.HasPrefix(line, "@@"), strings.HasPrefix(line, "diff "):
		return styleFaint.TabWidth(lipgloss.NoTabConversion).Render(line)
	}
	return line
}

// Resolved writes which conflicts were resolved.
func (t *Terminal) Resolved(line *api.ResolvedLine) error {
	for _, r := range line.Resolved {
		what := Clean(r.Path) + ": "
		switch {
		case len(r.Placed) > 0:
			names := make([]string, len(r.Placed))
			for i, p := range r.Placed {
				names[i] = Clean(p)
			}
			what += "both, also " + strings.Join(names, ", ")
		case r.Kept.Mine:
			what += "mine"
		case r.Kept.Device != nil:
			what += "the version of " + Device(*r.Kept.Device)
		default:
			what += "the version of an unknown device"
		}
		if r.Kept.Deleted && len(r.Placed) == 0 {
			what += ", which is deleted"
		}
		if err := t.Data(what); err != nil {
			return err
		}
	}
	n := Count(len(line.Resolved), "conflict", "conflicts")
	switch {
	case len(line.Resolved) == 0 && len(line.Skipped) == 0:
		t.Done("There is nothing to resolve.")
	case line.DryRun:
		t.Say("%s would be resolved.", n)
	case len(line.Resolved) > 0:
		t.Done("Resolved %s. What was not kept is in the history.", n)
	}
	for _, s := range line.Skipped {
		t.Warn("%s", Clean(s.Reason))
		if n := len(s.Replaced); n > 0 {
			t.Warn("Before that %s of %s went to the history.", Count(n, "version", "versions"), Clean(s.Path))
		}
		for _, p := range s.Placed {
			t.Warn("Before that one got the name %s.", Clean(p))
		}
	}
	if line.Untold != nil && len(line.Skipped) > 0 {
		t.Warn("%s", Clean(line.Untold.Message))
	}
	return nil
}

// conflictHint says what to do about conflicts; nothing if there are none.
func conflictHint(st *api.Status) string {
	n := 0
	for _, f := range st.Folders {
		n += f.Conflicts
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("\n%s\n  \"botsync conflicts\" lists them, and says how to resolve them. Nothing is lost.\n",
		styleStrong.Render(Count(n, "conflict", "conflicts")))
}
