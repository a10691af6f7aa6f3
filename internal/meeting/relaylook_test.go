package meeting

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/relay/relaytest"
)

func TestLookRelay(t *testing.T) {
	t.Parallel()
	r := relaytest.New(t)
	if err := LookRelay(t.Context(), r.URL); err != nil {
		t.Errorf("a relay: %v", err)
	}
	if s := r.Stats(); s.Hosts+s.Guests != 0 || s.Meetings != 0 {
		t.Errorf("it opened a meeting: %+v", s)
	}
	r.Close()
	if err := LookRelay(t.Context(), r.URL); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("a relay that is down: %v", err)
	}
	if err := LookRelay(t.Context(), "ftp://x"); err == nil {
		t.Error("no relay's URL is one")
	}
	for _, b := range relaytest.NotRelays {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if err := LookRelay(ctx, relaytest.Hostile(t, b).URL); err == nil {
			t.Errorf("%v is taken for a relay", b)
		}
		cancel()
	}
}
