package term

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// columns aligns rows: each column is as wide as its widest cell on the screen,
// whatever bytes that takes. No line is wider than width.
func columns(rows [][]string, indent string, width int) []string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], ansi.StringWidth(cell))
		}
	}
	lines := make([]string, len(rows))
	for n, row := range rows {
		var b strings.Builder
		b.WriteString(indent)
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-ansi.StringWidth(cell)+2))
			}
		}
		lines[n] = ansi.Truncate(strings.TrimRight(b.String(), " "), width, "…")
	}
	return lines
}
