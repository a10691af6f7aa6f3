package term

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/botsync/botsync/internal/api"
)

// changedHere counts what was changed in folders that are receive-only here.
func changedHere(st *api.Status) int {
	n := 0
	for _, f := range st.Folders {
		n += f.LocalChanges
	}
	return n
}

// localChanges says what was changed in folders that are receive-only here, and
// how to take it back; nothing if there is nothing.
func (t *Terminal) localChanges(st *api.Status, width int) string {
	all := changedHere(st)
	if all == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", styleStrong.Render("Changed here only"))
	for _, f := range st.Folders {
		for _, c := range f.Changes {
			b.WriteString(ansi.Truncate(fmt.Sprintf("  %-8s %s", Clean(c.Change), Clean(c.Path)), width, "…") + "\n")
			all--
		}
	}
	if all > 0 {
		fmt.Fprintf(&b, "  and %s\n", Count(all, "other", "others"))
	}
	b.WriteString("  They do not travel. \"botsync revert\" takes them back, and keeps what was here.\n")
	return b.String()
}
