package term

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/botsync/botsync/internal/api"
)

// doctorWidth is how wide the lines of an examination are at most, on a terminal.
const doctorWidth = 80

// Doctor writes what an examination found for a person to standard output: the
// verdict, and what to do. What is in order, and what could not be looked at, is
// only there if all is wanted.
func (t *Terminal) Doctor(d *api.Doctor, all bool) error {
	_, err := io.WriteString(t.out, t.renderDoctor(d, all))
	return err
}

func (t *Terminal) renderDoctor(d *api.Doctor, all bool) string {
	width := t.out.room()
	if t.out.file != nil {
		width = min(width, doctorWidth)
	}
	var b strings.Builder
	b.WriteString(t.verdict(d.Summary) + "\n")
	group := ""
	for _, c := range d.Checks {
		if !all && c.Status != api.CheckFail && c.Status != api.CheckWarn {
			continue
		}
		if c.Group != group {
			group = c.Group
			fmt.Fprintf(&b, "\n%s\n", styleStrong.Render(Sentence(group)))
		}
		b.WriteString(t.checkLines(c, width))
	}
	if rest := d.Summary.OK + d.Summary.Skipped; !all && rest > 0 && d.Summary.Fail+d.Summary.Warn > 0 {
		b.WriteString("\n" + styleFaint.Render(others(d.Summary)+" -v shows them.") + "\n")
	}
	return b.String()
}

func (t *Terminal) verdict(s api.DoctorSummary) string {
	switch {
	case s.Fail > 0:
		text := Count(s.Fail, "check failed", "checks failed")
		if s.Warn > 0 {
			text += ", " + Count(s.Warn, "warning", "warnings")
		}
		return styleBad.Render(t.glyph("✗", "!")) + " " + styleStrong.Render(text+".")
	case s.Warn > 0:
		return styleWarn.Render(t.glyph("▲", "!")) + " " + styleStrong.Render(Count(s.Warn, "warning.", "warnings.")) + " Nothing is broken here."
	}
	return styleGood.Render(t.glyph("✓", "*")) + " " + styleStrong.Render("Nothing is wrong.") + " " + styleFaint.Render(others(s)+" -v shows them.")
}

// others says how many checks have nothing to tell.
func others(s api.DoctorSummary) string {
	text := Count(s.OK, "check is in order", "checks are in order")
	if s.Skipped > 0 {
		text += fmt.Sprintf(", %s not made", Count(s.Skipped, "was", "were"))
	}
	return text + "."
}

// checkLines is a check: what it is, what it found, and below that what to do.
func (t *Terminal) checkLines(c api.DoctorCheck, width int) string {
	mark := styleGood.Render(t.glyph("✓", "*"))
	switch c.Status {
	case api.CheckFail:
		mark = styleBad.Render(t.glyph("✗", "!"))
	case api.CheckWarn:
		mark = styleWarn.Render(t.glyph("▲", "!"))
	case api.CheckSkipped:
		mark = styleFaint.Render("-")
	}
	title := c.Code
	if c.Subject != "" {
		title += " " + Clean(c.Subject)
	}
	text := styleStrong.Render(title+":") + " " + Clean(c.Message)
	out := "  " + mark + " " + indented(text, width) + "\n"
	if c.Fix != "" && c.Status != api.CheckOK {
		out += "    " + indented(styleCode.Render("fix:")+" "+Clean(c.Fix), width) + "\n"
	}
	return out
}

// indented breaks a text into lines that begin below its first word, four columns
// from the left.
func indented(s string, width int) string {
	const indent = 4
	if width > 1<<20 {
		return s // for a program, a line each
	}
	return strings.ReplaceAll(ansi.Wrap(s, max(width-indent, 20), ""), "\n", "\n"+strings.Repeat(" ", indent))
}
