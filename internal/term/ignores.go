package term

import (
	"fmt"
	"io"
	"strings"

	"github.com/botsync/botsync/internal/api"
)

// Ignores writes what is kept out for a person to standard output.
func (t *Terminal) Ignores(list *api.Ignores) error {
	_, err := io.WriteString(t.out, renderIgnores(list, t.out.room()))
	return err
}

func renderIgnores(list *api.Ignores, width int) string {
	var b strings.Builder
	if e := list.Explained; e != nil {
		b.WriteString(explained(list.Path, e) + "\n")
		if e.Ignored {
			return b.String()
		}
	}
	rows := make([][]string, 0, len(list.Entries))
	for _, e := range list.Entries {
		name, size := Clean(e.Path), Bytes(e.Size)
		if e.Directory {
			name, size = name+"/", ""
		}
		rows = append(rows, []string{name, size, Clean(e.Pattern), Clean(source(e.IgnoreReason)), Clean(e.Why)})
	}
	for _, line := range columns(rows, "", width) {
		b.WriteString(line + "\n")
	}
	switch more := list.Total - len(list.Entries); {
	case more > 0:
		fmt.Fprintf(&b, "and %s; --limit 0 lists all\n", Count(more, "more", "more"))
	case list.Total == 0 && list.Explained == nil:
		b.WriteString("Nothing is kept out.\n")
	}
	return b.String()
}

func explained(path string, e *api.Explained) string {
	path = Clean(path)
	synced := "is synced"
	if e.Missing {
		synced = "would be synced"
	}
	switch {
	case e.Ignored:
		return fmt.Sprintf("%s is kept out by %s (%s): %s.", path, Clean(e.Pattern), Clean(source(e.IgnoreReason)), Clean(e.Why))
	case e.Pattern != "":
		return fmt.Sprintf("%s %s, by %s (%s).", path, synced, Clean(e.Pattern), Clean(source(e.IgnoreReason)))
	}
	return path + " " + synced + ": no pattern matches it."
}

func source(r api.IgnoreReason) string {
	if r.Line == 0 {
		return "default"
	}
	return fmt.Sprintf("%s:%d", r.From, r.Line)
}

// keptDirs are the lines of status about directories that stay for what they hold.
func keptDirs(st *api.Status) string {
	var b strings.Builder
	for _, f := range st.Folders {
		for _, k := range f.Kept {
			fmt.Fprintf(&b, "  %s was deleted by a peer and stays here: it holds %s (%s)\n", Clean(k.Path), Clean(k.Holds), Clean(k.Why))
		}
		if more := f.KeptTotal - len(f.Kept); more > 0 {
			fmt.Fprintf(&b, "  and %s in %s\n", Count(more, "more directory", "more directories"), Clean(f.Name))
		}
	}
	return b.String()
}
