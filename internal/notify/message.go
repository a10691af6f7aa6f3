package notify

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/botsync/botsync/internal/api"
)

const (
	// maxMessage bounds the text of a message, in bytes. OpenClaw refuses a body
	// of more than 262,144, and an agent pays for every word.
	maxMessage = 12 << 10
	// maxLines bounds the files that a message lists.
	maxLines = 50
)

// hookBody is what OpenClaw's /hooks/agent takes. A channel without a recipient
// is refused, and so is a session key; none of them is needed.
type hookBody struct {
	Message  string `json:"message"`
	Name     string `json:"name"`
	WakeMode string `json:"wakeMode"`
	Deliver  bool   `json:"deliver"`
}

// hookJSON is the body for OpenClaw.
func hookJSON(c content) ([]byte, error) {
	return json.Marshal(hookBody{Message: message(c), Name: "BotSync", WakeMode: "now", Deliver: true})
}

// message states the facts of a batch. What to do with them is the agent's own
// business.
func message(c content) string {
	b := c.NotifyBatch
	var m strings.Builder
	here := fmt.Sprintf("botsync on %s, root %s", quoted(b.Device.Name), quoted(b.Root))
	if b.Type == api.TypeTest {
		return here + ": this is a test, nothing has happened to a file."
	}
	m.WriteString(here + ".\n")
	for _, d := range b.Devices {
		fmt.Fprintf(&m, "New device in the network: %s.\n", device(&d.Device))
	}
	m.WriteString(holdLines(b))
	m.WriteString(conflictLines(b))
	if b.Totals.Files == 0 {
		return strings.TrimSuffix(m.String(), "\n")
	}
	m.WriteString(summary(c))
	listed := 0
	for _, f := range byPath(b.Files[:min(len(b.Files), maxLines)]) {
		line := fileLine(f, c.by == nil)
		if m.Len()+len(line) > maxMessage {
			break
		}
		m.WriteString(line)
		listed++
	}
	if more := b.Totals.Files - listed; more > 0 {
		fmt.Fprintf(&m, "and %s more\n", humanize.Comma(int64(more)))
	}
	fmt.Fprintf(&m, "All of it: botsync events --since %d", b.FirstEvent-1)
	return m.String()
}

// conflictLines tell of conflict copies that are new, and what lists them.
func conflictLines(b api.NotifyBatch) string {
	if b.Totals.Conflicts == 0 {
		return ""
	}
	var m strings.Builder
	m.WriteString("Changed on two devices at the same time; both versions are kept, see: botsync conflicts\n")
	for i, c := range b.Conflicts {
		line := "- conflict " + quoted(c.Folder+"/"+c.Path)
		if c.By != nil {
			line += ", the version of " + device(c.By)
		}
		if m.Len()+len(line) > maxMessage/4 {
			b.Conflicts = b.Conflicts[:i]
			break
		}
		m.WriteString(line + "\n")
	}
	if more := b.Totals.Conflicts - len(b.Conflicts); more > 0 {
		fmt.Fprintf(&m, "and %s more\n", humanize.Comma(int64(more)))
	}
	return m.String()
}

// summary says how many files, from whom, where, and what happened to them.
func summary(c content) string {
	from := "peers"
	if c.by != nil {
		from = device(c.by)
	}
	names := make([]string, len(c.folders))
	for i, name := range c.folders {
		names[i] = quoted(name + "/")
	}
	where := strings.Join(names, ", ")
	t := c.Totals
	var what []string
	for _, part := range []struct {
		n    int
		name string
	}{{t.New, api.ActionNew}, {t.Changed, api.ActionChanged}, {t.Deleted, api.ActionDeleted}} {
		if part.n > 0 {
			what = append(what, humanize.Comma(int64(part.n))+" "+part.name)
		}
	}
	size := ""
	if t.New+t.Changed > 0 {
		size = ", " + size64(t.Bytes)
	}
	if t.Files == 1 {
		return fmt.Sprintf("1 file from %s in %s:\n", from, where)
	}
	return fmt.Sprintf("%s files from %s in %s (%s%s):\n", humanize.Comma(int64(t.Files)), from, where, strings.Join(what, ", "), size)
}

func fileLine(f api.NotifyFile, tellAuthor bool) string {
	line := "- " + f.Action + " " + quoted(f.Folder+"/"+f.Path)
	switch {
	case f.Kind == api.KindSymlink:
		line += ", a symbolic link"
	case f.Action != api.ActionDeleted:
		line += ", " + size64(f.Size)
	}
	if tellAuthor && f.By != nil {
		line += ", by " + device(f.By)
	}
	return line + "\n"
}

func device(d *api.Device) string {
	if d.Name == "" {
		return "a device that has left"
	}
	if d.Role != api.RoleNone {
		return fmt.Sprintf("%s (%s)", quoted(d.Name), harmless(shorten(string(d.Role))))
	}
	return quoted(d.Name)
}

func size64(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }
