package term

import "strings"

// Large letters are five points high and drawn two points to a character cell,
// so that each takes three lines, the last point staying free.
const (
	letterPoints = 5
	largeHeight  = 3
)

// letters are drawn with anything but a space.
var letters = map[rune][letterPoints]string{
	'A': {" ## ", "#  #", "####", "#  #", "#  #"},
	'B': {"### ", "#  #", "### ", "#  #", "### "},
	'C': {" ###", "#   ", "#   ", "#   ", " ###"},
	'D': {"### ", "#  #", "#  #", "#  #", "### "},
	'E': {"####", "#   ", "### ", "#   ", "####"},
	'F': {"####", "#   ", "### ", "#   ", "#   "},
	'G': {" ###", "#   ", "# ##", "#  #", " ###"},
	'H': {"#  #", "#  #", "####", "#  #", "#  #"},
	'I': {"###", " # ", " # ", " # ", "###"},
	'J': {"  ##", "   #", "   #", "#  #", " ## "},
	'K': {"#  #", "# # ", "##  ", "# # ", "#  #"},
	'L': {"#   ", "#   ", "#   ", "#   ", "####"},
	'M': {"#   #", "## ##", "# # #", "#   #", "#   #"},
	'N': {"#   #", "##  #", "# # #", "#  ##", "#   #"},
	'O': {" ## ", "#  #", "#  #", "#  #", " ## "},
	'P': {"### ", "#  #", "### ", "#   ", "#   "},
	'Q': {" ## ", "#  #", "#  #", "# ##", " ###"},
	'R': {"### ", "#  #", "### ", "# # ", "#  #"},
	'S': {" ###", "#   ", " ## ", "   #", "### "},
	'T': {"#####", "  #  ", "  #  ", "  #  ", "  #  "},
	'U': {"#  #", "#  #", "#  #", "#  #", " ## "},
	'V': {"#   #", "#   #", " # # ", " # # ", "  #  "},
	'W': {"#   #", "#   #", "# # #", "## ##", "#   #"},
	'X': {"#   #", " # # ", "  #  ", " # # ", "#   #"},
	'Y': {"#   #", " # # ", "  #  ", "  #  ", "  #  "},
	'Z': {"####", "   #", " ## ", "#   ", "####"},
}

// large draws a word in block characters, three lines high. What is no letter
// is left out.
func large(word string) string {
	var points [letterPoints + 1]strings.Builder
	for _, r := range strings.ToUpper(word) {
		letter, ok := letters[r]
		if !ok {
			continue
		}
		for y, row := range letter {
			points[y].WriteString(row + " ")
		}
		points[letterPoints].WriteString(strings.Repeat(" ", len(letter[0])+1))
	}
	lines := make([]string, largeHeight)
	for i := range lines {
		upper, lower := points[2*i].String(), points[2*i+1].String()
		var b strings.Builder
		for x := range upper {
			switch {
			case upper[x] != ' ' && lower[x] != ' ':
				b.WriteRune('█')
			case upper[x] != ' ':
				b.WriteRune('▀')
			case lower[x] != ' ':
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		lines[i] = strings.TrimRight(b.String(), " ")
	}
	return strings.Join(lines, "\n")
}
