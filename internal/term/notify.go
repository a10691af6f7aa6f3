package term

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Notify writes where notifications go for a person to standard output. now is
// what "ago" counts from.
func (t *Terminal) Notify(st *api.NotifyStatus, now time.Time) error {
	width := t.out.room()
	var b strings.Builder
	if len(st.Targets) == 0 {
		b.WriteString("Nothing is notified. \"botsync notify --help\" says how to begin.\n")
		_, err := io.WriteString(t.out, b.String())
		return err
	}
	var rows [][]string
	for _, target := range st.Targets {
		rows = append(rows, t.targetRow(target, now))
	}
	for _, line := range columns(rows, "", width) {
		b.WriteString(line + "\n")
	}
	for _, target := range st.Targets {
		if target.Error != "" {
			fmt.Fprintf(&b, "%s %s: %s\n", styleBad.Render(t.glyph("✗", "!")), Clean(target.Name), Clean(target.Error))
		}
	}
	what := strings.Join(st.Folders, ", ")
	if what == "" {
		what = "no folder"
	}
	limit := "without a limit"
	if st.MaxPerHour > 0 {
		limit = "at most " + Count(st.MaxPerHour, "time", "times") + " an hour"
	}
	fmt.Fprintf(&b, "%s\n", styleFaint.Render("Changes of peers in "+Clean(what)+", "+limit+"; config.toml has the settings."))
	_, err := io.WriteString(t.out, b.String())
	return err
}

func (t *Terminal) targetRow(s api.NotifyTargetStatus, now time.Time) []string {
	state := styleGood.Render("ready")
	switch s.State {
	case api.NotifySending:
		state = styleCode.Render("sending")
	case api.NotifyFailing:
		state = styleWarn.Render("not accepted")
		if s.NextTry != nil {
			state = styleWarn.Render("not accepted, next try " + soon(s.NextTry.Sub(now)))
		}
	case api.NotifyPaused:
		state = styleBad.Render("refused")
	}
	last := "nothing delivered yet"
	if s.Delivered != nil {
		last = "delivered " + Ago(*s.Delivered, now)
	}
	if s.Queued > 0 {
		last += fmt.Sprintf(", %d waiting", s.Queued)
	}
	if s.Parked > 0 {
		last += fmt.Sprintf(", %d refused", s.Parked)
	}
	where := Clean(s.URL)
	if s.Kind == api.NotifyExec {
		where = Clean(strings.Join(s.Command, " "))
	}
	return []string{Clean(s.Name), state, last, where}
}

// soon writes when something is due, such as "in 4 s" or "in 2:05".
func soon(d time.Duration) string {
	switch s := int(d.Round(time.Second) / time.Second); {
	case s <= 0:
		return "now"
	case s < 60:
		return fmt.Sprintf("in %d s", s)
	}
	return "in " + Left(d)
}
