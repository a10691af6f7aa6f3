package doctor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What is said again and again takes one line of a report, and leaves room for the rest.
func TestRepeatedLinesAreFolded(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	at := func(second int) string {
		return start.Add(time.Duration(second) * time.Second).Format(time.RFC3339Nano)
	}
	of := func(second int, rest string) string { return "time=" + at(second) + " level=" + rest }
	lines := []string{of(0, `INFO msg=starting version=v1.2.3 pid=7`), of(1, `ERROR msg="applying the device records" error="open /home/me/x: no space left on device"`)}
	for i := range 45 {
		lines = append(lines, of(10+i, fmt.Sprintf(`WARN msg="Connection rejected" device=ABCDEF%c error="unknown device"`, 'A'+i%26)), of(10+i, `INFO msg="laptop is connected"`))
	}
	lines = append(lines, "panic: /home/me", of(60, `INFO msg=starting version=v1.2.3 pid=8`), "goroutine 7", "", of(61, `ERROR msg="applying the device records" error="open /home/you/y: no space left on device"`))
	want := []string{
		at(0) + " INFO starting version=v1.2.3 pid=7",
		at(54) + ` WARN Connection rejected error="unknown device" (45 times, the first at ` + at(10) + ")",
		at(54) + " INFO " + hidden + " (45 times, the first at " + at(10) + ")",
		at(60) + " INFO starting version=v1.2.3 pid=8",
		hidden + " (3 times)",
		at(61) + ` ERROR applying the device records error="no space left on device" (2 times, the first at ` + at(1) + ")",
	}
	if d := cmp.Diff(want, foldedLog(lines)); d != "" {
		t.Error(d)
	}

	// The limit is one of what is left.
	var many []string
	for i := range 100 {
		many = append(many, of(2*i, fmt.Sprintf("INFO msg=starting pid=%d", i)), of(2*i+1, "WARN msg=x"))
	}
	got := foldedLog(many)
	if len(got) != logLines || !slices.ContainsFunc(got, func(l string) bool { return strings.HasSuffix(l, "pid=41") }) || strings.HasSuffix(got[0], "pid=40") {
		t.Errorf("%d lines: %q", len(got), got)
	}
	f := healthy()
	f.Log = many
	if report := Examine(f).Report(); strings.Count(report, hidden) != 1 || !strings.Contains(report, "(100 times, the first at "+at(1)+")") {
		t.Errorf("a line that was said 100 times is there more than once:\n%s", report)
	}
	if got := foldedLog(nil); len(got) != 0 {
		t.Errorf("of nothing: %q", got)
	}
}
