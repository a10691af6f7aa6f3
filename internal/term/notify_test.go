package term

import (
	"testing"
	"time"
)

func TestSoon(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Minute: "now", 0: "now", 400 * time.Millisecond: "now", 4 * time.Second: "in 4 s",
		59 * time.Second: "in 59 s", 125 * time.Second: "in 2:05",
	} {
		if got := soon(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
