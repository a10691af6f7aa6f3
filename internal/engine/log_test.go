package engine

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestEverydayWarningsAreNotLogged(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	l := slog.New(LogHandler(slog.NewTextHandler(&b, nil))).With("a", 1).WithGroup("g")
	for _, m := range everyday {
		l.Warn(m)
	}
	if b.Len() > 0 {
		t.Errorf("logged: %s", &b)
	}
	l.Warn("Disk is full")
	l.Error(everyday[0])
	if got := b.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "a=1") {
		t.Errorf("logged: %s", got)
	}
}
