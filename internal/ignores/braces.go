package ignores

import (
	"fmt"
	"strings"
)

// maxExpanded is how many lines one with braces comes to at most.
const maxExpanded = 8

// expand writes a line with braces as lines without. The library that Syncthing
// matches with panics on "{}" when it matches, which would end the daemon.
func expand(line string) ([]string, error) {
	open, class := -1, false
	choices := []int{}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '{' && open >= 0:
			return nil, fmt.Errorf("%q has braces within braces", line)
		case c == '{':
			open = i
		case c == ',' && open >= 0:
			choices = append(choices, i)
		case c == '}' && open < 0:
			return nil, fmt.Errorf("%q has braces that do not match", line)
		case c == '}':
			var out []string
			from := open + 1
			for _, to := range append(choices, i) {
				rest, err := expand(line[i+1:])
				if err != nil {
					return nil, err
				}
				for _, r := range rest {
					if out = append(out, line[:open]+line[from:to]+r); len(out) > maxExpanded {
						return nil, fmt.Errorf("%q has more than %d choices", line, maxExpanded)
					}
				}
				from = to + 1
			}
			return out, nil
		}
	}
	if open >= 0 {
		return nil, fmt.Errorf("%q has braces that do not match", line)
	}
	if strings.HasSuffix(line, `\`) && !strings.HasSuffix(line, `\\`) {
		return nil, fmt.Errorf("%q ends with what escapes the next character", line)
	}
	return []string{line}, nil
}
