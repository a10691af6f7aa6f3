package daemon

import (
	"testing"
	"time"

	"github.com/botsync/botsync/internal/network"
)

// Two devices, of which one asks and one answers, whose clock is an hour ahead.
func TestClocksAreCompared(t *testing.T) {
	t.Parallel()
	const ahead = time.Hour
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	mine, theirs := newClocks(), newClocks()
	mine.take(nil, "A", now)
	theirs.take(nil, "B", now.Add(ahead))

	question := mine.say("A", "v1.2.3", true, now)
	if !theirs.take(map[string]network.Clock{"A": question}, "B", now.Add(ahead+time.Second)) {
		t.Fatal("the question is none")
	}
	if theirs.take(map[string]network.Clock{"A": question}, "B", now.Add(ahead+2*time.Second)) {
		t.Error("it is asked twice")
	}
	answer := theirs.say("B", "v1.2.4", false, now.Add(ahead+time.Second))
	if answer.Asks {
		t.Error("the answer is a question")
	}
	if mine.take(map[string]network.Clock{"A": question, "B": answer}, "A", now.Add(2*time.Second)) {
		t.Error("the answer is taken for a question")
	}
	o, ok := mine.offset("B", time.Time{})
	if !ok || o.Low > ahead || o.High < ahead || o.High-o.Low != 2*time.Second || o.version != "v1.2.4" {
		t.Errorf("%+v, %v", o, ok)
	}
	if _, ok := mine.offset("B", time.Now().Add(time.Hour)); ok {
		t.Error("it counts for ever")
	}
	mine.take(map[string]network.Clock{}, "A", now)
	if _, ok := mine.offset("B", time.Time{}); ok || len(mine.heard) > 0 {
		t.Error("of one that has gone it is remembered")
	}
}

// What was asked before this daemon ran needs no answer. While a device waits for
// answers its own ones repeat the question, which they replace.
func TestQuestionsAreNeitherStaleNorLost(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := newClocks()
	old := map[string]network.Clock{"B": {ID: "B", At: now.Add(-time.Hour), Asks: true}}
	if c.take(old, "A", now) {
		t.Error("a question from before the start is answered")
	}
	first := c.say("A", "", true, now)
	second := c.say("A", "", false, now.Add(time.Second))
	if !second.Asks {
		t.Error("the question is gone")
	}
	for _, said := range []network.Clock{first, second} {
		c.take(map[string]network.Clock{"B": {ID: "B", At: said.At, Heard: map[string]network.Heard{"A": {At: said.At, Seen: now}}}}, "A", now)
		if _, ok := c.offset("B", time.Time{}); !ok {
			t.Error("an answer is not recognised")
		}
	}
	for i := range 100 {
		c.say("A", "", true, now.Add(time.Duration(i)*time.Minute))
	}
	if len(c.said) != clockSaid {
		t.Errorf("%d questions are kept", len(c.said))
	}
	if c.say("A", "", false, now.Add(200*time.Minute)).Asks {
		t.Error("an answer asks")
	}
}
