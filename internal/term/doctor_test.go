package term

import (
	"math"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/botsync/botsync/internal/api"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	d := &api.Doctor{Summary: api.DoctorSummary{OK: 1, Warn: 1, Fail: 1, Skipped: 2}, Checks: []api.DoctorCheck{
		{Code: "daemon", Group: "daemon", Status: api.CheckOK, Message: "It answers.", Fix: "never shown"},
		{Code: "clock", Group: "device", Status: api.CheckSkipped, Message: "Nobody knows."},
		{Code: "folder", Group: "folders", Subject: "inbox", Status: api.CheckFail, Message: strings.Repeat("It is missing. ", 20), Fix: "Put it back."},
		{Code: "peer", Group: "devices", Subject: "lap\x1b[31mtop", Status: api.CheckWarn, Message: "Off\n.", Fix: "Look."},
	}}
	got := ansi.Strip(screen().renderDoctor(d, false))
	for _, want := range []string{"1 check failed, 1 warning.", "\nFolders\n", "folder inbox: It is missing.", "fix: Put it back.",
		"peer lap\ufffd[31mtop: Off\ufffd.", "1 check is in order, 2 were not made. -v shows them."} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "It answers") || strings.Contains(got, "Nobody knows") || strings.Contains(got, "\x1b") {
		t.Errorf("there is too much:\n%s", got)
	}
	all := ansi.Strip(screen().renderDoctor(d, true))
	if !strings.Contains(all, "daemon: It answers.\n") || !strings.Contains(all, "clock: Nobody knows.\n") || strings.Contains(all, "never shown") {
		t.Errorf("all is\n%s", all)
	}
}

// On a terminal nothing is wider than it, and what goes on stands below its
// beginning; for a program a check is one line.
func TestDoctorFitsTheTerminal(t *testing.T) {
	t.Parallel()
	c := api.DoctorCheck{Code: "folder", Subject: "inbox", Status: api.CheckFail, Message: strings.Repeat("words ", 50), Fix: strings.Repeat("steps ", 50)}
	lines := strings.Split(strings.TrimSuffix(ansi.Strip(screen().checkLines(c, doctorWidth)), "\n"), "\n")
	for i, line := range lines {
		if ansi.StringWidth(line) > doctorWidth || i > 0 && !strings.HasPrefix(line, "    ") {
			t.Errorf("%q", line)
		}
	}
	if len(lines) < 8 {
		t.Errorf("only %d lines", len(lines))
	}
	if n := strings.Count(screen().checkLines(c, math.MaxInt), "\n"); n != 2 {
		t.Errorf("%d lines for a program", n)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]api.DoctorSummary{
		"Nothing is wrong. 30 checks are in order. -v shows them.": {OK: 30},
		"2 warnings. Nothing is broken here.":                      {OK: 3, Warn: 2},
		"3 checks failed.":                                         {OK: 3, Fail: 3},
	} {
		if got := ansi.Strip(screen().verdict(s)); !strings.Contains(got, want) {
			t.Errorf("%q is not %q", got, want)
		}
	}
}
