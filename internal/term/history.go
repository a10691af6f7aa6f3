package term

import (
	"io"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// History writes old versions for a person to standard output, a line each. now is
// what "ago" counts from.
func (t *Terminal) History(list *api.History, now time.Time) error {
	var rows [][]string
	for _, v := range list.Versions {
		rows = append(rows, []string{
			v.Time.Local().Format("2006-01-02 15:04:05"), Clean(v.Change), whoDid(v.Device),
			sizeOf(v), Strong(Clean(v.Path)), Faint(whereOf(v)),
		})
	}
	var b strings.Builder
	for _, line := range columns(rows, "", t.out.room()) {
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(t.out, b.String())
	return err
}

func whoDid(d *api.Device) string {
	switch {
	case d == nil:
		return "-"
	case d.Name == "":
		id, _, _ := strings.Cut(Clean(d.ID), "-")
		return id
	}
	return Clean(d.Name)
}

func sizeOf(v api.OldVersion) string {
	if v.Kind == api.KindSymlink {
		return "link"
	}
	return Bytes(v.Size)
}

// whereOf says who has a version.
func whereOf(v api.OldVersion) string {
	var who []string
	if v.Here {
		who = append(who, "here")
	}
	for _, d := range v.Peers {
		who = append(who, Clean(d.Name))
	}
	return strings.Join(who, ", ")
}
