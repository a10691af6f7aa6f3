package brake_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/botsync/botsync/internal/brake"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// files makes losses of n files, each with contents of its own.
func files(from, n int) []brake.Loss {
	out := make([]brake.Loss, n)
	for i := range out {
		out[i] = brake.Loss{Name: fmt.Sprint("f", from+i), Content: brake.Content(from + i + 1)}
	}
	return out
}

func count(pass []bool) int {
	n := 0
	for _, p := range pass {
		if p {
			n++
		}
	}
	return n
}

func TestOver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		lost, of int
		want     bool
	}{
		{50, 50, false},    // not more than 50 files
		{51, 51, true},     // all of them
		{51, 1000, false},  // not more than a third
		{51, 153, false},   //
		{52, 153, true},    //
		{334, 1000, true},  //
		{333, 1000, false}, //
		{1000, 1000, true}, //
		{0, 0, false},      //
	} {
		if got := brake.Default().Over(tt.lost, tt.of); got != tt.want {
			t.Errorf("Over(%d, %d) = %v", tt.lost, tt.of, got)
		}
	}
	if (brake.Limits{Off: true}).Over(1000, 1000) {
		t.Error("too much is lost where the brake is off")
	}
}

func TestOfferAndJudge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		losses []brake.Loss
		files  int
		passes int  // at once
		held   bool // when it is quiet
	}{
		{name: "one", losses: files(0, 1), files: 300, passes: 1},
		{name: "few", losses: files(0, brake.Few), files: 300, passes: brake.Few},
		{name: "more than a few", losses: files(0, brake.Few+1), files: 300},
		{name: "200 of 300", losses: files(0, 200), files: 300, held: true},
		{name: "51 of 1,000", losses: files(0, 51), files: 1000},
		{name: "all of a small folder", losses: files(0, 40), files: 40},
		{name: "directories", losses: dirs(100), files: 10, passes: 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := brake.Folder{Limits: brake.Default()}
			if got := count(f.Offer(start, tt.losses, tt.files, 0)); got != tt.passes {
				t.Fatalf("%d pass at once, want %d", got, tt.passes)
			}
			if due, waits := f.Due(); waits != (tt.passes == 0) || waits && !due.Equal(start.Add(brake.Quiet)) {
				t.Errorf("due %v, %v", due, waits)
			}
			if got := f.TooMuch(start.Add(brake.Quiet), tt.files, nil); got != tt.held {
				t.Errorf("held: %v, want %v", got, tt.held)
			}
		})
	}
}

// One of many that are gone already does not leave before they are seen.
func TestMoreIsComing(t *testing.T) {
	t.Parallel()
	for coming, passes := range map[int]int{0: 1, brake.Few - 1: 1, brake.Few: 0, 1000: 0} {
		f := brake.Folder{Limits: brake.Default()}
		if got := count(f.Offer(start, files(0, 1), 300, coming)); got != passes {
			t.Errorf("%d pass while %d are coming", got, coming)
		}
	}
}

func dirs(n int) []brake.Loss {
	out := make([]brake.Loss, n)
	for i := range out {
		out[i] = brake.Loss{Name: fmt.Sprint("d", i), Directory: true}
	}
	return out
}

// What belongs to a burst waits as long as it goes on, but not for ever.
func TestQuiet(t *testing.T) {
	t.Parallel()
	f := brake.Folder{Limits: brake.Default()}
	now := start
	for i := range 100 {
		f.Offer(now, files(10*i, 10), 100_000, 0)
		due, ok := f.Due()
		if want := min(now.Add(brake.Quiet).Sub(start), brake.Patience); !ok || due.Sub(start) != want {
			t.Fatalf("after %s due after %s, want %s", now.Sub(start), due.Sub(start), want)
		}
		f.Offer(now.Add(50*time.Millisecond), files(0, 10), 100_000, 0) // the same again
		now = now.Add(brake.Quiet / 2)
	}
}

// A slow deletion adds up, and one that is slow enough does not.
func TestSlowly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pause time.Duration
		held  bool
	}{{time.Second, true}, {5 * time.Second, true}, {brake.Span / 40, false}} {
		f := brake.Folder{Limits: brake.Default()}
		now, passed, held := start, 0, false
		for i := range 150 {
			now = now.Add(tt.pause)
			if count(f.Offer(now, files(i, 1), 150-passed, 0)) == 1 {
				passed++
				continue
			}
			if held = f.TooMuch(now.Add(brake.Quiet), 150-passed, nil); held {
				break
			}
			t.Fatalf("%s: file %d waits for nothing", tt.pause, i)
		}
		if held != tt.held || held && passed != 50 {
			t.Errorf("one each %s: held: %v, after %d", tt.pause, held, passed)
		}
	}
}

func TestHeldHoldsAll(t *testing.T) {
	t.Parallel()
	f := brake.Folder{Limits: brake.Default()}
	f.Offer(start, files(0, 200), 300, 0)
	f.Hold()
	if n := count(f.Offer(start.Add(time.Hour), append(files(200, 1), dirs(1)...), 300, 0)); n > 0 {
		t.Errorf("%d pass in a held folder", n)
	}
	if !f.Lost("f7") || !f.Lost("f200") || f.Lost("f201") {
		t.Error("the wrong files are lost")
	}
	if _, due := f.Due(); due {
		t.Error("a held folder is judged again")
	}
	f.Allow([]string{"f7"})
	if n := count(f.Offer(start, files(0, 200), 300, 0)); n != 1 {
		t.Errorf("%d pass where one is allowed", n)
	}
	f.Disallow(start, []string{"f7"})
	f.Resume(start)
	if f.Held() || len(f.Waiting()) != 201 { // f7 is told, one directory and f200 came later
		t.Errorf("held: %v, %d wait", f.Held(), len(f.Waiting()))
	}
	if _, due := f.Due(); !due {
		t.Error("what came after the decision is never judged")
	}
}

func TestMovedIsNotLost(t *testing.T) {
	t.Parallel()
	f := brake.Folder{Limits: brake.Default()}
	var a brake.Arrivals
	lost := files(0, 200)
	f.Offer(start, lost, 300, 0)
	for i, l := range lost {
		a.Add(start, "inbox", fmt.Sprint("elsewhere/", i), l.Content)
	}
	if f.TooMuch(start, 300, a.Contents(start)) {
		t.Error("what was moved to another folder is held")
	}
	for i := range 150 {
		a.Remove(start, "inbox", fmt.Sprint("elsewhere/", i))
	}
	if !f.TooMuch(start, 300, a.Contents(start)) {
		t.Error("what was moved and then deleted passes")
	}
	if later := start.Add(brake.Span + 1); len(a.Contents(later)) > 0 {
		t.Error("arrivals are remembered for ever")
	}
}

func TestMovedAfterItWasHeld(t *testing.T) {
	t.Parallel()
	f := brake.Folder{Limits: brake.Default()}
	var a brake.Arrivals
	lost := files(0, 200)
	f.Offer(start, lost, 300, 0)
	f.Hold()
	for i, l := range lost {
		if got, want := f.Moved(a.Contents(start), 20, 300), 200-i+20 <= 100; got != want {
			t.Fatalf("after %d arrived: %v", i, got)
		}
		a.Add(start, "inbox", fmt.Sprint("elsewhere/", i), l.Content)
	}
	if f.Moved(nil, 0, 100_000) {
		t.Error("what is held is let go because the folder has grown")
	}
}

// One copy makes up for one loss, not for all files that are the same.
func TestOneForOne(t *testing.T) {
	t.Parallel()
	f := brake.Folder{Limits: brake.Default()}
	var a brake.Arrivals
	lost := files(0, 100)
	for i := range lost {
		lost[i].Content = 7
	}
	f.Offer(start, lost, 100, 0)
	a.Add(start, "shared", "copy", 7)
	if !f.TooMuch(start, 100, a.Contents(start)) {
		t.Error("one copy makes up for 100 files")
	}
}

// What is moved again and again is counted where it is, and not wherever it was on its
// way there. What disappears from there in the end is lost, once.
func TestMovedMoreThanOnce(t *testing.T) {
	t.Parallel()
	for _, fresh := range []bool{false, true} {
		var a brake.Arrivals
		f := brake.Folder{Limits: brake.Default()}
		now, files := start, files(0, 100)
		if fresh {
			for _, l := range files {
				a.Add(now, "shared", "a"+l.Name, l.Content)
			}
		}
		move := func(from, to string) {
			t.Helper()
			now = now.Add(time.Minute)
			lost, came, names := slices.Clone(files), make([]bool, len(files)), []string{}
			for i := range lost {
				if to != "" {
					a.Add(now, "shared", to+lost[i].Name, lost[i].Content)
				}
				lost[i].Name = from + lost[i].Name
				came[i] = a.Remove(now, "shared", lost[i].Name)
				names = append(names, lost[i].Name)
			}
			again := slices.Clone(lost)
			counts := map[brake.Content]int{}
			f.Losses(counts, nil)
			brake.Mark(lost, came, counts, a.Contents(now))
			if count(f.Offer(now, lost, 220, 0)) != 0 {
				t.Fatal("a burst passes before it is judged")
			}
			if f.TooMuch(now, 220, a.Contents(now)) != (to == "") {
				t.Fatalf("from %s to %q, fresh: %v", from, to, fresh)
			}
			f.Allow(names)
			f.Offer(now, again, 220, 0)
			f.Disallow(now, names)
		}
		move("a", "b")
		move("b", "c")
		move("c", "d")
		move("d", "e")
		move("e", "")
	}
}

// New files that are alike, and of which some are deleted, were on no way.
func TestNewFilesAreLost(t *testing.T) {
	t.Parallel()
	for left := range 40 {
		var a brake.Arrivals
		f := brake.Folder{Limits: brake.Default()}
		lost, came := files(0, 100-left), []bool{}
		for i := range lost {
			lost[i].Content, came = 7, append(came, true)
		}
		for i := range left {
			a.Add(start, "shared", fmt.Sprint("left", i), 7)
		}
		brake.Mark(lost, came, map[brake.Content]int{}, a.Contents(start))
		f.Offer(start, lost, 120, 0)
		if got, want := f.TooMuch(start, 120, a.Contents(start)), len(lost)-left > 50; got != want {
			t.Errorf("%d are left of 100: %v", left, got)
		}
	}
}

func TestBack(t *testing.T) {
	t.Parallel()
	f := brake.Folder{Limits: brake.Default()}
	now := start
	for range 10 { // a build that is cleaned and made again
		for i := range 40 {
			now = now.Add(time.Second)
			if count(f.Offer(now, files(i, 1), 100, 0)) != 1 {
				t.Fatal("what is there again counts as lost")
			}
		}
		for i := range 40 {
			f.Back(fmt.Sprint("f", i))
		}
	}
}

func TestRemember(t *testing.T) {
	t.Parallel()
	f := brake.Folder{Limits: brake.Default()}
	for _, l := range files(0, 50) {
		f.Remember(start, l)
	}
	if n := count(f.Offer(start.Add(time.Minute), files(50, 1), 70, 0)); n != 0 {
		t.Error("what passed before a restart is forgotten")
	}
	if n := count(f.Offer(start.Add(2*brake.Span), files(50, 1), 70, 0)); n != 0 {
		t.Error("what waits passes by itself")
	}
}

// Whatever is offered when, what passes without a decision is never over the
// limits within the span.
func TestNeverOver(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limits := brake.Limits{Files: rapid.IntRange(0, 20).Draw(t, "files"), Share: rapid.Float64Range(0, 1).Draw(t, "share")}
		total := rapid.IntRange(1, 200).Draw(t, "total")
		f := brake.Folder{Limits: limits}
		now, next := start, 0
		gone := map[string]time.Time{}
		take := func(losses []brake.Loss, pass []bool) {
			for i, l := range losses {
				if pass[i] {
					gone[l.Name] = now
				}
			}
		}
		held := false
		for next < total {
			now = now.Add(time.Duration(rapid.IntRange(0, 120_000).Draw(t, "ms")) * time.Millisecond)
			n := min(rapid.IntRange(1, 30).Draw(t, "n"), total-next)
			losses := files(next, n)
			next += n
			pass := f.Offer(now, losses, total-len(gone), 0)
			take(losses, pass)
			if held && count(pass) > 0 {
				t.Fatal("something passed although it is held")
			}
			if due, ok := f.Due(); ok && rapid.Bool().Draw(t, "judge") {
				now = due
				if held = f.TooMuch(now, total-len(gone), nil); held {
					f.Hold()
				} else {
					all := f.Waiting()
					var names []string
					for _, l := range all {
						names = append(names, l.Name)
					}
					f.Allow(names)
					take(all, f.Offer(now, all, total-len(gone), 0))
					f.Disallow(now, names)
				}
			}
			lately := 0
			for _, at := range gone {
				if now.Sub(at) <= brake.Span {
					lately++
				}
			}
			if limits.Over(lately, total-len(gone)+lately) {
				t.Fatalf("%d of %d passed in %s", lately, total-len(gone)+lately, brake.Span)
			}
		}
	})
}
