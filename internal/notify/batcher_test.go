package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// quiet is a target that exists only in the outbox: its command is never found,
// so that nothing leaves.
var quiet = api.NotifyTarget{Name: "quiet", Kind: api.NotifyExec, Command: []string{"/nonexistent/command"}}

// batches are those in the outbox, and how long after start each was put there.
func (m *memStore) batches(t *testing.T, start time.Time) (out []api.NotifyBatch, after []time.Duration) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		var b api.NotifyBatch
		if err := json.Unmarshal(r.Body, &b); err != nil {
			t.Fatal(err)
		}
		if b.ID != r.Key {
			t.Errorf("the key is %s, and the batch says %s", r.Key, b.ID)
		}
		out, after = append(out, b), append(after, r.At.Sub(start))
	}
	return out, after
}

func TestWhenABatchLeaves(t *testing.T) {
	t.Parallel()
	s := time.Second
	file := received("a", api.ActionNew, 1)
	peer := api.Event{Type: api.EventPeerAdded, Device: &laptop}
	for name, tc := range map[string]struct {
		change func(*Options)
		events map[time.Duration][]api.Event
		want   []time.Duration
		files  []int
	}{
		"two seconds after the last": {nil, map[time.Duration][]api.Event{0: {file}, s: {received("b", "new", 1)}}, []time.Duration{3 * s}, []int{2}},
		"ten seconds after the first": {nil, map[time.Duration][]api.Event{0: {file}, 2*s - 1: {file}, 3 * s: {file}, 4 * s: {file}, 5 * s: {file}, 6 * s: {file},
			7 * s: {file}, 8 * s: {file}, 9 * s: {file}, 10 * s: {file}, 11 * s: {received("b", "new", 1)}}, []time.Duration{10 * s, 13 * s}, nil},
		"a new device at once, with what was gathered": {nil, map[time.Duration][]api.Event{0: {file}, s: {peer}}, []time.Duration{s}, []int{1}},
		"at once": {func(o *Options) { o.Debounce = 0 }, map[time.Duration][]api.Event{0: {file}, s: {file}}, []time.Duration{0, s}, []int{1, 1}},
		"not for what does not match": {nil, map[time.Duration][]api.Event{0: {{Type: api.EventPeerConnected, Device: &laptop}, received("a", api.ActionTouched, 1)}},
			nil, nil},
		"no more than the limit": {func(o *Options) { o.Debounce, o.MaxPerHour = 0, 2 },
			map[time.Duration][]api.Event{0: {file}, s: {file}, 2 * s: {file}, 3 * s: {received("b", "new", 1)}, 4 * s: {peer}},
			[]time.Duration{0, s, time.Hour}, []int{1, 1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, log := newMemStore(), newMemLog()
				o := options(store, log)
				if tc.change != nil {
					tc.change(&o)
				}
				_, end := begin(t, o, quiet)
				start := time.Now()
				var at []time.Duration
				for d := range tc.events {
					at = append(at, d)
				}
				slices.Sort(at)
				for _, d := range at {
					time.Sleep(d - time.Since(start))
					log.add(tc.events[d]...)
					synctest.Wait()
				}
				time.Sleep(2 * time.Hour)
				got, after := store.batches(t, start)
				if !slices.Equal(after, tc.want) {
					t.Errorf("after %v, want %v", after, tc.want)
				}
				for i, n := range tc.files {
					if i < len(got) && got[i].Totals.Files != n {
						t.Errorf("batch %d tells of %d files, want %d", i, got[i].Totals.Files, n)
					}
				}
				end()
			})
		})
	}
}

// However often the daemon is restarted, each event is in one batch, the cap
// holds, and nobody waits for the debounce a second time.
func TestRestartsKeepTheBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, log := newMemStore(), newMemLog()
		start := time.Now()
		for i := range 100 {
			_, end := begin(t, options(store, log), quiet)
			synctest.Wait()
			log.add(received(fmt.Sprint(i), "new", 1))
			time.Sleep(700 * time.Millisecond)
			end()
		}
		_, end := begin(t, options(store, log), quiet)
		time.Sleep(3 * time.Second)
		got, _ := store.batches(t, start)
		next := int64(1)
		for _, b := range got {
			if b.FirstEvent != next || b.Totals.Files != int(b.LastEvent-b.FirstEvent+1) {
				t.Errorf("a batch of %d files from %d to %d, want one from %d", b.Totals.Files, b.FirstEvent, b.LastEvent, next)
			}
			next = b.LastEvent + 1
		}
		if next != 101 || len(got) < 7 {
			t.Errorf("%d batches up to event %d", len(got), next-1)
		}
		end()
	})
}

// A target is told of what happens from its addition on, a batch that is open for
// another one notwithstanding; a change of it loses nothing, and its removal all.
func TestTargetsComeAndGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, log := newMemStore(), newMemLog()
		n, end := begin(t, options(store, log))
		saved := func() error { return nil }
		other := quiet
		other.Name = "other"
		for _, step := range []func() error{
			func() error { log.add(received("before", "new", 1)); return nil },
			func() error { return n.Set(t.Context(), quiet, saved) },
			func() error { log.add(received("a", "new", 1)); return nil },
			func() error { return n.Set(t.Context(), other, saved) },
			func() error { log.add(received("b", "new", 1)); return nil },
			func() error { return n.Set(t.Context(), quiet, saved) }, // again
		} {
			if err := step(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		got, _ := store.batches(t, time.Now())
		seen := map[string]int{}
		for _, b := range got {
			seen[fmt.Sprint(b.FirstEvent, "-", b.LastEvent)]++
		}
		if len(got) != 2 || seen["2-3"] != 1 || seen["3-3"] != 1 {
			t.Errorf("batches %v", seen)
		}
		hook := api.NotifyTarget{Name: "quiet", Kind: api.NotifyWebhook, URL: "http://127.0.0.1:1/", Secret: NewSecret()}
		if err := n.Set(t.Context(), hook, saved); err == nil {
			t.Error("a target became one of another kind, with what was rendered for the first")
		}
		if dropped, err := n.Off(t.Context(), "quiet", saved); err != nil || dropped != 1 {
			t.Errorf("%d dropped, %v", dropped, err)
		}
		if _, err := n.Off(t.Context(), "quiet", saved); err == nil {
			t.Error("a target was removed twice")
		}
		if got, _ := store.batches(t, time.Now()); len(got) != 1 {
			t.Errorf("%d batches are left", len(got))
		}
		end()
		// One whose removal was not finished goes with the next start.
		_, end = begin(t, options(store, log))
		if kept, _ := store.OutboxTargets(t.Context()); len(kept) != 0 {
			t.Errorf("left: %v", kept)
		}
		end()
	})
}

// scripted is a sender that answers as it is told, the last answer for ever.
type scripted struct {
	mu      sync.Mutex
	answers []answer
	got     []string // key and body of each attempt
	at      []time.Time
}

func (s *scripted) send(_ context.Context, key string, body []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got, s.at = append(s.got, key+" "+string(body)), append(s.at, time.Now())
	a := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	return a
}

func (s *scripted) close() {}

func (s *scripted) attempts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func (s *scripted) answer(answers ...answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = answers
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, log := newMemStore(), newMemLog()
		hour := time.Hour
		s := &scripted{answers: []answer{{verdict: retry, text: "503"}, {verdict: retry, after: hour}, {verdict: retry}, {}}}
		o := options(store, log)
		o.Debounce, o.MaxPerHour, o.newSender = 0, 0, func(api.NotifyTarget) (sender, error) { return s, nil }
		n, end := begin(t, o, quiet)
		log.add(received("a", "new", 1))
		synctest.Wait()
		log.add(received("b", "new", 1))
		time.Sleep(3 * hour)
		got := s.attempts()
		if len(got) != 5 || got[0] != got[1] || got[1] != got[2] || got[2] != got[3] || !strings.Contains(got[4], `"path":"b"`) {
			t.Fatalf("attempts: %q", got)
		}
		if wait := s.at[2].Sub(s.at[1]); wait != hour {
			t.Errorf("Retry-After of an hour was waited for %v", wait)
		}
		status := func() api.NotifyTargetStatus {
			t.Helper()
			synctest.Wait()
			st, err := n.Status(t.Context())
			if err != nil || len(st) != 1 {
				t.Fatalf("%v, %v", st, err)
			}
			return st[0]
		}
		problems := func() (codes string) {
			t.Helper()
			list, err := n.Problems(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range list {
				codes += p.Code + " "
				if !strings.Contains(p.Message, "quiet") || p.Hint == "" {
					t.Errorf("%+v", p)
				}
			}
			return codes
		}
		if st := status(); st.State != api.NotifyIdle || st.Queued != 0 || st.Delivered == nil || problems() != "" {
			t.Errorf("all is delivered, and the status is %+v", st)
		}

		// A refusal of one is no refusal of the next.
		s.answer(answer{verdict: park, text: "413"}, answer{})
		log.add(received("c", "new", 1))
		synctest.Wait()
		log.add(received("d", "new", 1))
		if st := status(); st.Parked != 1 || st.Queued != 0 || st.Error != "413" || problems() != "notify_parked " {
			t.Errorf("one is parked, and the status is %+v, %s", st, problems())
		}
		if queued, err := n.Retry(t.Context(), "quiet"); err != nil || queued != 1 {
			t.Errorf("%d, %v", queued, err)
		}
		if st := status(); st.Parked != 0 || st.Queued != 0 || problems() != "" {
			t.Errorf("after a retry: %+v", st)
		}

		// What may be at fault itself is not tried for ever, also not if the daemon
		// is killed between.
		before := len(s.attempts())
		s.answer(answer{verdict: retryFew, text: "exit 1"})
		log.add(received("e", "new", 1))
		time.Sleep(2 * hour)
		if tried := len(s.attempts()) - before; tried != maxAttempts || status().Parked != 1 {
			t.Errorf("tried %d times, %+v", tried, status())
		}

		// A target that refuses everything gets nothing more until it is asked to.
		if _, err := n.Retry(t.Context(), "quiet"); err != nil {
			t.Fatal(err)
		}
		s.answer(answer{verdict: pause, text: "401"})
		synctest.Wait()
		if _, err := n.Retry(t.Context(), "quiet"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		before = len(s.attempts())
		log.add(received("f", "new", 1))
		time.Sleep(24 * hour)
		if tried := len(s.attempts()) - before; tried != 0 {
			t.Errorf("%d attempts after a refusal", tried)
		}
		if st := status(); st.State != api.NotifyPaused || st.Queued != 2 || st.Error != "401" || problems() != "notify_refused " {
			t.Errorf("%+v, %s", st, problems())
		}
		end()
		n, end = begin(t, o, quiet) // and not by a restart either
		if status(); len(s.attempts()) != before {
			t.Error("a restart tried again")
		}
		s.answer(answer{})
		if _, err := n.Test(t.Context(), "quiet"); err != nil {
			t.Error(err)
		}
		if st := status(); st.State != api.NotifyIdle || st.Queued != 0 {
			t.Errorf("after a test that was accepted: %+v", st)
		}

		// Failing is a problem only when it lasts.
		s.answer(answer{verdict: retry, text: "503"})
		log.add(received("g", "new", 1))
		if st := status(); st.State != api.NotifyFailing || st.NextTry == nil || problems() != "" {
			t.Errorf("%+v, %s", st, problems())
		}
		time.Sleep(2 * problemAfter)
		if problems() != "notify_failing " {
			t.Errorf("problems: %s", problems())
		}
		end()
	})
}

// What is accepted quickly shares writes to disk.
func TestAcceptedOnesAreRemovedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemStore()
		_ = store.AddOutboxTarget(t.Context(), "quiet", 0)
		for i := range 1000 {
			_ = store.Enqueue(t.Context(), "quiet", api.Outgoing{Key: fmt.Sprint(i), At: time.Now()}, 0)
		}
		s := &scripted{answers: []answer{{}}}
		o := options(store, newMemLog())
		o.newSender = func(api.NotifyTarget) (sender, error) { return s, nil }
		_, end := begin(t, o, quiet)
		synctest.Wait()
		for i, got := range s.attempts() {
			if got != fmt.Sprint(i)+" " {
				t.Fatalf("attempt %d was %q", i, got)
			}
		}
		if len(s.attempts()) != 1000 || len(store.rows) != 0 || store.commits > 20 {
			t.Errorf("%d attempts, %d left, %d commits", len(s.attempts()), len(store.rows), store.commits)
		}
		end()
	})
}

func TestPausesAreBounded(t *testing.T) {
	t.Parallel()
	b := newBackOff()
	var longest time.Duration
	for range 1000 {
		p := b.NextBackOff()
		if p < 0 || p > longestPause+time.Second {
			t.Fatalf("a pause of %v", p)
		}
		longest = max(longest, p)
	}
	if longest < longestPause*3/4 {
		t.Errorf("the longest of 1000 pauses is %v", longest)
	}
}
