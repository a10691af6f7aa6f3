package daemon

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// asked is what devices have put into their directories, and what this one has.
type asked struct {
	files   map[string][]string
	foreign map[string]bool
	away    []string
	removed []string
}

func (a *asked) answering() *answering {
	return &answering{before: map[string]bool{}, known: map[string]*question{}, later: map[string]bool{}, foreign: map[string]bool{}, self: "self",
		members: func() (reachable, away []api.Device) {
			for _, id := range []string{"a", "b", "c"} {
				if slices.Contains(a.away, id) {
					away = append(away, api.Device{ID: id})
				} else {
					reachable = append(reachable, api.Device{ID: id})
				}
			}
			return reachable, away
		},
		list: func(device string, wanted func(string) bool) (out []string) {
			for _, name := range a.files[device] {
				if wanted(name) && len(out) < 256 {
					out = append(out, name)
				}
			}
			return out
		},
		wrote: func(device, name string) bool { return !a.foreign[device+"/"+name] },
		remove: func(name, _ string) {
			a.removed = append(a.removed, name)
			a.files["self"] = slices.DeleteFunc(a.files["self"], func(s string) bool { return s == name })
		},
	}
}

func nthID(n int) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	return fmt.Sprintf("AAAAAAAAAAAAAAAAAAAAAAAA%c%c", digits[n/32], digits[n%32])
}

func nthAsk(n int) string { return askPrefix + nthID(n) + jsonSuffix }

func ids(questions []*question) (out []string) {
	for _, q := range questions {
		out = append(out, q.from.ID+"/"+q.id)
	}
	return out
}

// However much one device asks, and whatever others put into the directory of one,
// the questions of the others are answered.
func TestNobodyIsStarved(t *testing.T) {
	t.Parallel()
	at := time.Now()
	w := &asked{files: map[string][]string{}, foreign: map[string]bool{}}
	for n := range 900 {
		w.files["a"] = append(w.files["a"], nthAsk(n))
		w.files["b"] = append(w.files["b"], nthAsk(n+32))
		w.foreign["b/"+nthAsk(n+32)] = true
	}
	w.files["b"] = append(w.files["b"], nthAsk(990))
	a := w.answering()
	begun := ids(a.look(at))
	if want := []string{"a/" + nthID(0), "a/" + nthID(1), "b/" + nthID(990)}; !slices.Equal(begun, want) {
		t.Fatalf("%q", begun)
	}
	// It asks and asks, and takes nothing back.
	for _, kind := range []bool{true, false} {
		for range 1000 {
			for _, q := range a.known {
				if q.working {
					a.done(answered{id: q.id, restore: kind})
				}
			}
			w.files["a"] = w.files["a"][min(2, len(w.files["a"])-1):]
			a.look(at)
		}
	}
	if n := len(a.known); n > maxAnswered+2 {
		t.Errorf("%d questions are remembered", n)
	}
	w.files["c"] = []string{nthAsk(991)}
	if begun := ids(a.look(at)); !slices.Contains(begun, "c/"+nthID(991)) {
		t.Errorf("the question of c is not answered: %q", begun)
	}
}

// A device that is away for a moment finds its answer when it is back. A question
// that is gone is forgotten with its answer, unless something was restored.
func TestAnswersStay(t *testing.T) {
	t.Parallel()
	at := time.Now()
	w := &asked{files: map[string][]string{"a": {nthAsk(1), nthAsk(2)}}}
	a := w.answering()
	if got := a.look(at); len(got) != 2 {
		t.Fatalf("%q", ids(got))
	}
	if over := a.list("self", func(string) bool { return true }); len(over) > 0 {
		t.Fatal("there is an answer already")
	}
	w.files["self"] = []string{"re-" + nthID(1) + ".json", "re-" + nthID(2) + ".json", "re-" + nthID(9) + ".data"}
	a.done(answered{id: nthID(1)})
	a.done(answered{id: nthID(2), restore: true})
	w.away = []string{"a"}
	if got := a.look(at); len(got) > 0 || !slices.Equal(w.removed, []string{"re-" + nthID(9) + ".data"}) {
		t.Fatalf("%q, %q", ids(got), w.removed)
	}
	w.away = nil
	questions := w.files["a"]
	w.files["a"] = nil
	if a.look(at); len(w.removed) != 3 {
		t.Fatalf("%q", w.removed)
	}
	w.files["a"] = questions
	if got := ids(a.look(at)); !slices.Equal(got, []string{"a/" + nthID(1)}) {
		t.Errorf("%q", got)
	}
}

// What cannot be answered yet is when something was removed.
func TestLaterIsNotNever(t *testing.T) {
	t.Parallel()
	at := time.Now()
	w := &asked{files: map[string][]string{"a": {nthAsk(1), nthAsk(2)}}}
	a := w.answering()
	a.look(at)
	w.files["self"] = []string{"re-" + nthID(1) + ".data", "re-" + nthID(1) + ".json"}
	a.done(answered{id: nthID(1)})
	a.done(answered{id: nthID(2), later: true})
	if got := a.look(at); len(got) > 0 {
		t.Fatalf("%q", ids(got))
	}
	w.files["a"] = []string{nthAsk(2)}
	if got := ids(a.look(at)); !slices.Equal(got, []string{"a/" + nthID(2)}) {
		t.Errorf("%q", got)
	}
}

// One device is handed one answer with contents at a time, and all together only so
// much: it lies on this disk, and is sent to all.
func TestHandingIsBounded(t *testing.T) {
	t.Parallel()
	h := handing{by: map[string]handedOut{}}
	const most = maxHanded / 4
	if h.reserve("1", "a", most) != nil || h.reserve("2", "a", 1) == nil {
		t.Error("of one device")
	}
	for i, to := range []string{"b", "c", "d"} {
		if err := h.reserve(fmt.Sprint("x", i), to, most); err != nil {
			t.Error(err)
		}
	}
	if h.reserve("3", "e", 1) == nil {
		t.Error("of all")
	}
	h.release("1")
	if err := h.reserve("3", "a", most); err != nil {
		t.Error(err)
	}
}
