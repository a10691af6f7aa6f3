package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/history"
	"github.com/botsync/botsync/internal/root"
)

// rightClock is a clock that nobody sets.
func rightClock(t *testing.T) *historyClock {
	return openHistoryClock(filepath.Join(t.TempDir(), "clock.json"), slog.New(slog.DiscardHandler), time.Now, uptime, true)
}

const day = 24 * time.Hour

// watch is a wall clock that can be set, and one that cannot.
type watch struct{ wall, up time.Duration }

func (w *watch) start(t *testing.T, d *daemon) {
	t.Helper()
	d.clock = openHistoryClock(d.root.ClockPath(), d.log, w.now, func() time.Duration { return w.up }, true)
}

func (w *watch) now() time.Time { return time.Unix(1_790_000_000, 0).Add(w.wall) }

// run is what a daemon does in that time, but that it does it every hour.
func (w *watch) run(t *testing.T, d *daemon, hours int) {
	t.Helper()
	step := max(hours/50, 1)
	for done := 0; done < hours; done += step {
		passed := time.Duration(min(step, hours-done)) * time.Hour
		w.wall, w.up = w.wall+passed, w.up+passed
		if err := d.clock.settle(t.Context(), d.history.Restamp); err != nil {
			t.Fatal(err)
		}
		if err := d.sweepHistory(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
}

func keptNow(t *testing.T, d *daemon) (names []string) {
	t.Helper()
	versions, err := d.history.Find(t.Context(), history.Query{Folder: "shared"})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		names = append(names, v.Path)
	}
	return names
}

func mustBe(t *testing.T, d *daemon, want string) {
	t.Helper()
	if got := strings.Join(keptNow(t, d), " "); got != want {
		t.Fatalf("there are %q, want %q", got, want)
	}
}

func jumpedProblem(d *daemon) bool {
	p := d.clock.problems()
	return len(p) == 1 && p[0].Code == "clock_jumped"
}

// A clock that jumps, in any direction, while the daemon runs or not, makes no
// version go before it was kept for 30 days, and then it goes.
func TestJumpsDoNotAgeTheHistory(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]func(w *watch, restart func()){
		"none":                     func(*watch, func()) {},
		"ahead":                    func(w *watch, _ func()) { w.wall += 60 * day },
		"ahead, stopped":           func(w *watch, restart func()) { w.wall += 60 * day; restart() },
		"ahead by years":           func(w *watch, _ func()) { w.wall += 20 * 365 * day },
		"back":                     func(w *watch, _ func()) { w.wall -= 60 * day },
		"back by years":            func(w *watch, restart func()) { w.wall -= 40 * 365 * day; restart() },
		"there and back":           func(w *watch, restart func()) { w.wall += 60 * day; restart(); w.wall -= 60 * day; restart() },
		"ahead with every restart": func(w *watch, restart func()) { w.wall += 20 * day; restart(); w.wall += 20 * day; restart() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, w := keeping(t, root.History{}), &watch{}
			w.start(t, d)
			d.lose(t, "before", 1)
			w.run(t, d, 1)
			jump(w, func() { d.clock.save(); w.start(t, d) })
			w.run(t, d, 1)
			d.lose(t, "after", 1)
			w.run(t, d, 23)
			mustBe(t, d, "before after")
			w.run(t, d, 30*24-26)
			mustBe(t, d, "before after")
			w.run(t, d, 3*24) // what is not told apart is kept a little longer
			mustBe(t, d, "")
			if p := d.clock.problems(); len(p) > 0 {
				t.Errorf("%+v", p)
			}
		})
	}
}

// A clock that was years behind when versions were made, and is then right.
func TestAClockThatWasBehindMakesNothingOld(t *testing.T) {
	t.Parallel()
	d, w := keeping(t, root.History{}), &watch{wall: -15 * 365 * day}
	w.start(t, d)
	d.lose(t, "a", 1)
	w.run(t, d, 1)
	w.wall = 0
	w.run(t, d, 1)
	if !jumpedProblem(d) {
		t.Errorf("%+v", d.clock.problems())
	}
	w.run(t, d, 29*24)
	mustBe(t, d, "a")
}

// The size limit holds with a clock that is wrong, and it is the oldest that goes,
// whatever the clock said of it.
func TestTheOldestGoesWhateverTheClockSays(t *testing.T) {
	t.Parallel()
	d, w := keeping(t, root.History{MaxSize: "1MiB"}), &watch{}
	w.start(t, d)
	d.lose(t, "oldest", 500<<10)
	w.wall -= 400 * day
	d.lose(t, "middle", 300<<10)
	if !jumpedProblem(d) {
		t.Errorf("%+v", d.clock.problems())
	}
	w.wall -= 400 * day
	d.lose(t, "latest", 300<<10)
	w.run(t, d, 1)
	mustBe(t, d, "middle latest")
}

// After a day the clock is believed, and versions have the times of the wall clock.
func TestTheClockIsBelievedAfterADay(t *testing.T) {
	t.Parallel()
	d, w := keeping(t, root.History{}), &watch{wall: 400 * day}
	w.start(t, d)
	d.lose(t, "with the wrong clock", 1)
	w.run(t, d, 1)
	w.wall -= 400 * day
	d.lose(t, "set right", 1)
	made := w.now()
	w.run(t, d, 20)
	d.clock.save()
	w.start(t, d)
	w.run(t, d, 3)
	if !jumpedProblem(d) {
		t.Fatalf("%+v", d.clock.problems())
	}
	w.run(t, d, 2)
	if len(d.clock.problems()) > 0 {
		t.Fatalf("%+v", d.clock.problems())
	}
	w.start(t, d) // killed
	versions, err := d.history.Find(t.Context(), history.Query{Folder: "shared"})
	if err != nil || len(versions) != 2 || versions[0].Path != "with the wrong clock" {
		t.Fatalf("%+v, %v", versions, err)
	}
	for i, want := range []time.Time{made.Add(-time.Hour), made} {
		if d := versions[i].Time.Sub(want).Abs(); d > time.Second {
			t.Errorf("%s is of %v, want %v", versions[i].Path, versions[i].Time, want)
		}
	}
}

// What users are told and what they say is of the wall clock as it is: ten minutes
// ago is ten minutes ago, and a time that was shown finds its version.
func TestTimesAreThoseOfTheWall(t *testing.T) {
	t.Parallel()
	for _, wrong := range []time.Duration{0, -400 * day, -5 * time.Hour, 400 * day} {
		t.Run(fmt.Sprint(wrong), func(t *testing.T) {
			t.Parallel()
			d, w := keeping(t, root.History{}), &watch{}
			w.start(t, d)
			pass := func(m time.Duration) { w.wall, w.up = w.wall+m, w.up+m }
			d.lose(t, "long ago", 1)
			pass(time.Hour)
			w.wall += wrong
			d.lose(t, "before", 1)
			pass(11 * time.Minute)
			d.lose(t, "just now", 1)
			pass(9 * time.Minute)
			d.lose(t, "now", 1)
			pass(37 * time.Microsecond) // clocks are never the same
			w.up -= 19 * time.Microsecond
			f, err := d.find(t.Context(), scope{folders: []string{"shared"}}, history.Query{Since: w.now().Add(-10 * time.Minute)}, true, 0)
			if err != nil || len(f.versions) != 2 || f.versions[0].Path != "just now" {
				t.Errorf("%+v, %v", f.versions, err)
			}
			all, err := d.History(t.Context(), api.HistoryRequest{Here: true})
			if err != nil || len(all.Versions) != 4 {
				t.Fatalf("%+v, %v", all, err)
			}
			if ago := w.now().Sub(all.Versions[2].Time); (ago - 9*time.Minute).Abs() > time.Minute {
				t.Errorf("what went 9 minutes ago went %v ago", ago)
			}
			pass(41 * time.Microsecond)
			w.up += 13 * time.Microsecond
			versions, err := d.find(t.Context(), scope{folders: []string{"shared"}}, history.Query{}, true, 0)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range all.Versions {
				if got, ok := history.At(versions.versions, d.clock.said(v.Time)); !ok || "shared/"+got.Path != v.Path {
					t.Errorf("%d: %+v, want %+v", i, got, v)
				}
			}
		})
	}
}

// A clock that was ahead for a while and is right again: what was done before that is
// shown when it was done, and what was done since, too.
func TestTimesOfBeforeTheClockWasAhead(t *testing.T) {
	t.Parallel()
	d, w := keeping(t, root.History{}), &watch{}
	w.start(t, d)
	pass := func(m time.Duration) { w.wall, w.up = w.wall+m, w.up+m }
	began := w.now()
	lose := func(name string) { t.Helper(); d.lose(t, name, 1); pass(time.Hour) }
	lose("a0")
	w.wall += 400 * day
	lose("b1")
	w.wall -= 400*day + 30*time.Second // the battery is not exact
	lose("c2")
	all, err := d.History(t.Context(), api.HistoryRequest{Here: true})
	if err != nil || len(all.Versions) != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	for i, v := range all.Versions {
		if off := v.Time.Sub(began) - time.Duration(i)*time.Hour; off.Abs() > time.Minute {
			t.Errorf("%s is %v off", v.Path, off)
		}
		f, err := d.find(t.Context(), scope{folders: []string{"shared"}}, history.Query{Since: v.Time}, true, 0)
		if err != nil || len(f.versions) != 3-i {
			t.Errorf("since %s: %+v, %v", v.Path, f.versions, err)
		}
	}
}

// What the log says of before the clock was set back has nothing to do with the last
// minutes.
func TestSinceClockWasSet(t *testing.T) {
	t.Parallel()
	now := time.Now()
	events := func(ago ...time.Duration) (out []api.Event) {
		for _, d := range ago {
			out = append(out, api.Event{Time: now.Add(-d)})
		}
		return out
	}
	for _, c := range []struct {
		events []api.Event
		want   int
	}{
		{nil, 0}, {events(5, 4, 3), 3}, {events(-400*day, -399*day, 4, 3), 2}, {events(4, -400*day), 0}, {events(time.Hour, -20*time.Second, 0), 3},
	} {
		if got := sinceClockWasSet(c.events, now); len(got) != c.want {
			t.Errorf("%d of %v", len(got), c.events)
		}
	}
}

// A file that is no clock makes everything new, not old.
func TestADamagedClock(t *testing.T) {
	t.Parallel()
	d, w := keeping(t, root.History{}), &watch{}
	w.start(t, d)
	d.lose(t, "a", 1)
	for _, text := range []string{"", "{", `{"now":"1815-12-10T00:00:00Z","ran":5}`, `{"now":"2026-01-01T00:00:00Z","wall":"2026-01-01T00:00:00Z","ran":5,"marks":[{"at":"2025-01-01T00:00:00Z","ran":-9223372036854775808}]}`} {
		if err := os.WriteFile(d.root.ClockPath(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w.wall += 300 * day
		w.start(t, d)
		w.run(t, d, 1)
		mustBe(t, d, "a")
		d.clock.save()
		if _, err := readClock(d.root.ClockPath()); err != nil {
			t.Error(err)
		}
	}
}

// A restamp that ends anywhere, by a kill or by an error, makes nothing old: neither
// what has another time nor what has not. It is done at the next start, though the
// machine was off for longer than a clock is trusted.
func TestARestampThatEndsPartwayCostsNoVersion(t *testing.T) {
	t.Parallel()
	stopped := errors.New("stopped")
	for _, killed := range []bool{false, true} {
		for _, all := range []bool{false, true} {
			t.Run(fmt.Sprintf("killed=%t,all=%t", killed, all), func(t *testing.T) {
				t.Parallel()
				d, w := keeping(t, root.History{}), &watch{}
				w.start(t, d)
				w.run(t, d, 99*24)
				want := ""
				for i := range 10 {
					name := fmt.Sprintf("f%d", i)
					d.lose(t, name, 1)
					w.run(t, d, 1)
					want += " " + name
				}
				want = want[1:]
				w.wall -= 60 * day
				for !d.clock.look().Due() {
					w.wall, w.up = w.wall+time.Hour, w.up+time.Hour
				}
				err := d.clock.settle(t.Context(), func(ctx context.Context, step history.Step) error {
					if c, err := readClock(d.root.ClockPath()); err != nil || c.Step != step {
						t.Errorf("versions get other times before that is on the disk: %+v, %v", c.Step, err)
					}
					if !all {
						// The earlier half only.
						versions, err := d.history.Find(ctx, history.Query{Folder: "shared"})
						if err != nil {
							return err
						}
						for i, v := range versions[:len(versions)/2] {
							at := v.Time.Add(-step.By)
							if first := step.Floor.Add(time.Duration(i+1) * time.Microsecond); at.Before(first) {
								at = first
							}
							dir := filepath.Dir(filepath.Join(d.history.Dir(), filepath.FromSlash(v.File)))
							if err := os.Rename(filepath.Join(dir, filepath.Base(v.File)), filepath.Join(dir, history.Name(v.Path, at, v.By, v.Deleted))); err != nil {
								t.Error(err)
							}
						}
					} else if err := d.history.Restamp(ctx, step); err != nil {
						return err
					}
					return stopped
				})
				if !errors.Is(err, stopped) {
					t.Fatal(err)
				}
				if killed {
					w.wall += 49 * time.Hour // off meanwhile
					w.start(t, d)
				}
				if err := d.sweepHistory(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
				mustBe(t, d, want)
				w.run(t, d, 1)
				mustBe(t, d, want)
				if c := d.clock.look(); c.Due() || c.Wrong() || c.Step != (history.Step{}) {
					t.Errorf("it was not done again: %+v", c)
				}
				versions, err := d.history.Find(t.Context(), history.Query{Folder: "shared"})
				if err != nil || versions[len(versions)-1].Time.After(w.now()) {
					t.Errorf("%+v, %v", versions, err)
				}
				w.run(t, d, 29*24)
				mustBe(t, d, want)
				w.run(t, d, 4*24)
				mustBe(t, d, "")
			})
		}
	}
}

// believedBehind returns a daemon whose clock was set back for so long that it is believed.
func believedBehind(t *testing.T) (*daemon, *watch) {
	d, w := keeping(t, root.History{}), &watch{}
	w.start(t, d)
	w.run(t, d, 2)
	w.wall -= 60 * day
	for !d.clock.look().Due() {
		w.wall, w.up = w.wall+time.Hour, w.up+time.Hour
	}
	return d, w
}

// Where it cannot be written down that the clock goes back, no version gets another
// time.
func TestNoRestampThatIsNotOnTheDisk(t *testing.T) {
	t.Parallel()
	d, _ := believedBehind(t)
	d.clock.file = filepath.Join(t.TempDir(), "gone", "clock.json")
	err := d.clock.settle(t.Context(), func(context.Context, history.Step) error {
		t.Error("versions get other times")
		return nil
	})
	if err == nil || !d.clock.look().Due() {
		t.Errorf("%v", err)
	}
}

// While versions get other times none is removed, whoever wants to make room.
func TestNothingIsSweptDuringARestamp(t *testing.T) {
	t.Parallel()
	d, _ := believedBehind(t)
	err := d.clock.settle(t.Context(), func(ctx context.Context, _ history.Step) error {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if err := d.sweepHistory(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.sweepHistory(t.Context(), 0); err != nil {
		t.Error(err)
	}
}

// A clock that is set back while no daemon runs, one that was killed, makes nothing
// that is kept then earlier than what was kept before.
func TestVersionsAfterAKillAreNotEarlier(t *testing.T) {
	t.Parallel()
	for _, back := range []time.Duration{0, 10 * time.Minute, time.Hour, 3 * day} {
		t.Run(back.String(), func(t *testing.T) {
			t.Parallel()
			d, w := keeping(t, root.History{}), &watch{}
			w.start(t, d)
			want := ""
			for i := range 4 {
				for j := range 3 {
					name := fmt.Sprintf("f%d.%d", i, j)
					d.lose(t, name, 1)
					want += " " + name
					w.wall, w.up = w.wall+19*time.Minute, w.up+19*time.Minute
				}
				w.wall -= back
				w.start(t, d) // as after a kill: nothing was written down at the end
			}
			mustBe(t, d, want[1:])
			if back == 0 && d.clock.look().Ahead != 0 {
				t.Error("the clock is ahead, and was never set")
			}
		})
	}
}

// countedLog counts what is logged.
type countedLog struct {
	slog.Handler
	count *int
}

func (l countedLog) Enabled(context.Context, slog.Level) bool { return true }

func (l countedLog) Handle(context.Context, slog.Record) error {
	*l.count++
	return nil
}

// Where the clock cannot be written down, that is tried and told once a minute, and
// versions are kept.
func TestAClockThatCannotBeWrittenIsNoHindrance(t *testing.T) {
	t.Parallel()
	d, w := keeping(t, root.History{}), &watch{}
	w.start(t, d)
	told := 0
	d.clock.log, d.clock.file = slog.New(countedLog{slog.DiscardHandler, &told}), filepath.Join(t.TempDir(), "gone", "clock.json")
	for i := range 60 {
		d.lose(t, fmt.Sprintf("f%d", i), 1)
		w.wall, w.up = w.wall+4*time.Second, w.up+4*time.Second
	}
	if got := len(keptNow(t, d)); got != 60 {
		t.Errorf("%d of 60 versions", got)
	}
	if told == 0 || told > 4 {
		t.Errorf("told %d times in 4 minutes", told)
	}
}

// While versions get other times, others are made, which get the times that they have by
// the clock as it is then: nobody waits for a large history.
func TestVersionsAreMadeDuringARestamp(t *testing.T) {
	t.Parallel()
	d, w := believedBehind(t)
	d.lose(t, "before", 1)
	at := map[string]time.Time{"before": w.now()}
	passes := 0
	meanwhile := func(name string) {
		w.wall, w.up = w.wall+time.Hour, w.up+time.Hour
		d.lose(t, name, 1)
		at[name] = w.now()
	}
	settle := func(failing bool) error {
		return d.clock.settle(t.Context(), func(ctx context.Context, step history.Step) error {
			if passes++; passes%2 == 1 {
				meanwhile(fmt.Sprint("before pass ", passes))
			}
			err := d.history.Restamp(ctx, step)
			if passes%2 == 1 && err == nil {
				meanwhile(fmt.Sprint("after pass ", passes))
			}
			if failing && err == nil {
				return history.ErrInUse
			}
			return err
		})
	}
	if err := settle(true); !errors.Is(err, history.ErrInUse) {
		t.Fatal(err)
	}
	passes = 2
	w.start(t, d) // killed
	if err := settle(false); err != nil {
		t.Fatal(err)
	}
	versions, err := d.history.Find(t.Context(), history.Query{Folder: "shared"})
	if err != nil || len(versions) != 5 {
		t.Fatalf("%+v, %v", versions, err)
	}
	for _, v := range versions {
		if off := v.Time.Sub(at[v.Path]).Abs(); off > 2*time.Minute {
			t.Errorf("%s has a time that is %v off: %v instead of %v", v.Path, off, v.Time, at[v.Path])
		}
	}
}
