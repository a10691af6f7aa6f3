package ticket

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/skip2/go-qrcode"
)

// QR writes text, a ticket, as a QR code of block characters for a terminal of any colours: it is drawn in both, black on
// white, with the quiet zone that scanners need. Two rows of the code make one line; a usual ticket takes some 30 lines
// and 57 columns.
func QR(w io.Writer, text string) error {
	// Upper case fits the alphanumeric mode, which takes a third less room.
	code, err := qrcode.New(strings.ToUpper(text), qrcode.Low)
	if err != nil {
		return fmt.Errorf("drawing a QR code: %w", err)
	}
	rows := code.Bitmap() // true is black; the quiet zone is part of it
	out := bufio.NewWriter(w)
	for y := 0; y < len(rows); y += 2 {
		out.WriteString("\x1b[30;107m") // black on bright white
		for x := range rows[y] {
			lower := y+1 < len(rows) && rows[y+1][x]
			out.WriteString(halves[half{rows[y][x], lower}])
		}
		out.WriteString("\x1b[0m\n")
	}
	return out.Flush()
}

type half struct{ upper, lower bool }

var halves = map[half]string{
	{false, false}: " ",
	{true, false}:  "▀",
	{false, true}:  "▄",
	{true, true}:   "█",
}
