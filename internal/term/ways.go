package term

import (
	"strings"

	"github.com/botsync/botsync/internal/api"
)

// way says in a few words how a way of meeting is doing.
func (t *Terminal) way(w api.Way) string {
	name := wayName(w)
	switch {
	case w.OK && w.Error == "":
		return name + ": works"
	case w.OK:
		return name + ": works, but " + CleanLines(w.Error)
	case w.Trying:
		return name + ": trying"
	}
	return styleWarn.Render(name + ": " + CleanLines(w.Error))
}

// wayName names a way as a person would.
func wayName(w api.Way) string {
	target := Clean(w.Target)
	switch w.Name {
	case "lan":
		return "same network"
	case "global", "relay", "ticket":
		if target != "" {
			return target
		}
	}
	return Clean(w.Name)
}

// ways says by which ways an invite can be redeemed, and by which not and why.
func (t *Terminal) ways(ways []api.Way) {
	var open, trying []string
	for _, w := range ways {
		switch {
		case w.OK:
			open = append(open, wayName(w))
		case w.Trying:
			trying = append(trying, wayName(w))
		}
	}
	if len(open) > 0 {
		t.Say("Open ways to it: %s.", strings.Join(open, ", "))
	}
	if len(trying) > 0 {
		t.Say("Still trying: %s.", strings.Join(trying, ", "))
	}
	for _, w := range ways {
		if !w.OK && !w.Trying {
			t.Say("%s", t.way(w))
		}
	}
}
