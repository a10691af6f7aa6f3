package term

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/ticket"
)

// Invite shows a person a new invite: the code, and what to type elsewhere.
// Where standard output is not the same screen the code also goes there, as its
// only line.
func (t *Terminal) Invite(line *api.InviteLine) error {
	if t.Live() {
		width, height := t.err.size()
		if line.Ticket {
			t.showTicket(line.Code, width, height)
		} else {
			fmt.Fprintf(t.err, "\n%s\n\n", t.codeFrame(line.Code, width, height))
		}
	}
	if !t.OneScreen() {
		if err := t.Data(line.Code); err != nil {
			return err
		}
	}
	t.Say("On the other machine, before %s:\n\n    %s\n", Clock(line.ExpiresAt), Command(Clean(line.Command)))
	t.ways(line.Ways)
	return nil
}

// The room that the QR code of a usual ticket takes.
const (
	qrWidth  = 70
	qrHeight = 36
)

// showTicket draws a ticket for a camera if there is room. The text is in the
// command that follows.
func (t *Terminal) showTicket(text string, width, height int) {
	if !t.utf8 || width < qrWidth || height < qrHeight {
		return
	}
	var qr bytes.Buffer
	if ticket.QR(&qr, text) == nil {
		fmt.Fprintf(t.err, "\n%s\n", &qr)
	}
}

// codeFrame shows the words one a line: as large letters if there is room, else
// as spaced capitals, else as they are.
func (t *Terminal) codeFrame(code string, width, height int) string {
	words := strings.Split(Clean(code), "-")
	border := lipgloss.RoundedBorder()
	if !t.utf8 {
		border = lipgloss.ASCIIBorder()
	}
	frame := lipgloss.NewStyle().Border(border).BorderForeground(lipgloss.Cyan).Padding(0, 2)
	const around = 6 // border and padding, in columns
	if t.utf8 && height >= largeHeight*len(words)+8 {
		lines := make([]string, len(words))
		for i, word := range words {
			lines[i] = large(word)
		}
		all := styleStrong.Render(strings.Join(lines, "\n")) + "\n" + styleCode.Render(code)
		if lipgloss.Width(all)+around <= width {
			return frame.Render(all)
		}
	}
	spaced := make([]string, len(words))
	for i, word := range words {
		spaced[i] = strings.Join(strings.Split(strings.ToUpper(word), ""), " ")
	}
	if all := strings.Join(spaced, "\n"); lipgloss.Width(all)+around <= width {
		return frame.Padding(1, 2).Render(styleStrong.Render(all))
	}
	return styleCode.Render(strings.Join(words, "\n"))
}

// Waiting is the text of a spinner that waits for a guest until the given time.
func Waiting(until time.Time) func() string {
	return func() string {
		return "Waiting, " + styleStrong.Render(Left(time.Until(until))) + " left. " +
			styleFaint.Render("Ctrl-C ends the waiting; the invite stays open.")
	}
}
