package history

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const day = 24 * time.Hour

// before is how old times are by a clock that was never wrong.
func before(now time.Time) func(time.Time) time.Duration { return now.Sub }

// A machine has a wall clock that anybody can set, and runs a daemon from time to
// time.
type machine struct {
	real  time.Duration // time that has passed
	up    time.Duration // of it while the daemon ran
	wrong time.Duration // of the wall clock
	disk  Clock
	mem   Clock
	seen  time.Duration // up at the latest look
	late  time.Duration // for which the next change of times goes on

	made []made
}

type made struct {
	at time.Time // by the Clock
	up time.Duration
	n  int
}

func (m *machine) wall() time.Time { return at(0).Add(m.real + m.wrong) }

func (m *machine) look(running bool) {
	m.mem = m.mem.Look(m.wall(), m.up-m.seen, running)
	m.seen = m.up
}

func (m *machine) start() {
	m.mem, m.seen = m.disk.Begin(m.wall()), m.up
}

func (m *machine) run(d time.Duration) { m.real, m.up = m.real+d, m.up+d }

// runFor runs for some hours as a daemon does, which saves in between.
func (m *machine) runFor(hours int) {
	for range hours {
		m.run(time.Hour)
		m.save()
	}
}

// save is what a daemon does now and then. A clock that goes back gives versions
// other times, as Restamp does.
func (m *machine) save() { m.saveBut(0) }

// saveBut is save, but that it is stopped when a few versions are left to get another
// time.
func (m *machine) saveBut(left int) {
	m.look(true)
	if m.mem.Due() {
		m.mem = m.mem.SetBack()
		m.disk = m.mem
		if m.restamp(left); left > 0 {
			return
		}
		if m.late > 0 { // versions are made meanwhile
			m.run(m.late)
			m.make()
			m.late = 0
		}
		m.look(true)
		m.mem = m.mem.Rest()
		m.disk = m.mem
		m.restamp(0)
		m.mem = m.mem.WentBack()
	}
	m.disk = m.mem
}

// restamp gives all versions but the latest few their new times.
func (m *machine) restamp(left int) {
	times := make([]time.Time, len(m.made))
	for i, v := range m.made {
		times[i] = v.at
	}
	order := make([]int, len(times)) // after a kill it is not that of making
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return times[a].Compare(times[b]) })
	slices.SortStableFunc(times, time.Time.Compare)
	times = m.mem.Step.times(times)
	for i, at := range times[:max(len(times)-left, 0)] {
		m.made[order[i]].at = at
	}
}

func (m *machine) make() {
	m.look(true)
	give, due := m.mem.Give()
	if m.mem = give; due {
		m.disk = m.mem
	}
	at := m.mem.Now
	for _, v := range m.made { // as a Store does
		if d := v.at.Sub(at); d >= 0 && d < time.Second {
			at = v.at.Add(time.Microsecond)
		}
	}
	m.made = append(m.made, made{at, m.up, len(m.made)})
}

// Whatever is done to the wall clock and to the daemon, nothing seems to be older
// than the time for which the daemon has run since, and what comes later has no earlier
// time, but for a minute if the daemon was killed.
func TestNothingSeemsOlderThanItIs(t *testing.T) {
	t.Parallel()
	span := func(t *rapid.T, what string, most time.Duration) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, what))
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{}
		m.start()
		killed := false
		check := func() {
			for _, v := range m.made {
				if age, real := m.mem.Age(v.at), m.up-v.up; age > real {
					t.Fatalf("%d seems to be %v old after %v: %v in %+v", v.n, age, real, v.at, m.mem)
				}
			}
			var latest time.Time
			for _, v := range m.made {
				if early := latest.Sub(v.at); early > 0 && !killed || early > clockGive+inTurn {
					t.Fatalf("%d is %v too early: %+v", v.n, early, m.made)
				}
				if v.at.After(latest) {
					latest = v.at
				}
			}
			if !slices.IsSortedFunc(m.mem.Marks, func(a, b Mark) int { return a.At.Compare(b.At) }) {
				t.Fatalf("%+v", m.mem.Marks)
			}
		}
		shown := func() {
			for _, v := range m.made {
				at := m.mem.Shown(v.at)
				if back := m.mem.Said(at); back.After(v.at) || v.at.Sub(back) > shownStep && !at.Equal(m.mem.right()) {
					t.Fatalf("%v is shown as %v, which is %v: %+v", v.at, at, back, m.mem)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"":        func(*rapid.T) { check(); shown() },
			"make":    func(*rapid.T) { m.make() },
			"minutes": func(t *rapid.T) { m.run(span(t, "for", time.Hour)); m.save() },
			"days":    func(t *rapid.T) { m.run(span(t, "for", 20*day)); m.save() },
			"hours": func(t *rapid.T) {
				m.runFor(rapid.IntRange(1, 60).Draw(t, "hours"))
			},
			"set":   func(t *rapid.T) { m.wrong += span(t, "by", 800*day) - 400*day },
			"nudge": func(t *rapid.T) { m.wrong += span(t, "by", 2*day) - day },
			"right": func(*rapid.T) { m.wrong = 0 },
			"late":  func(t *rapid.T) { m.late = span(t, "for", 3*day) },
			"epoch": func(*rapid.T) { m.wrong = -m.real - 60*365*day },
			"half": func(t *rapid.T) {
				m.run(span(t, "for", time.Hour))
				m.saveBut(rapid.IntRange(1, 5).Draw(t, "left"))
			},
			"killed half": func(t *rapid.T) {
				m.run(span(t, "for", time.Hour))
				m.saveBut(rapid.IntRange(1, 5).Draw(t, "left"))
				m.real += span(t, "off", 100*day)
				m.start()
			},
			"stop": func(t *rapid.T) { m.save(); m.real += span(t, "for", 100*day); m.start() },
			"kill": func(t *rapid.T) { // a daemon saves at least every hour
				m.run(span(t, "for", time.Hour))
				m.make()
				m.real += span(t, "off", 100*day)
				killed = true
				m.start()
			},
		})
	})
}

// What TestNothingSeemsOlderThanItIs has found, once in 100,000 runs.
func TestSetBackAgain(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(m *machine){
		"by years, meanwhile": func(m *machine) {
			m.runFor(48)
			m.wrong = -day
			m.make()
			m.start()
			m.wrong = -2 * day
			m.saveBut(1)
			m.wrong = -60 * 365 * day
			m.save()
			m.make()
		},
		"after two versions at a time": func(m *machine) {
			m.runFor(24)
			m.make()
			m.wrong = -day
			m.make()
			m.wrong = -2 * day
			m.save()
			m.make()
		},
		"long ago": func(m *machine) {
			m.runFor(24)
			m.wrong = -day
			m.make()
			m.start()
			m.run(time.Hour)
			m.save()
			m.run(time.Hour)
			m.saveBut(1)
			m.run(20 * day)
			m.save()
			m.run(20 * day)
			m.save()
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := &machine{}
			m.start()
			do(m)
			var latest time.Time
			for _, v := range m.made {
				if age, real := m.mem.Age(v.at), m.up-v.up; age > real {
					t.Errorf("%d seems to be %v old after %v", v.n, age, real)
				}
				if v.at.Before(latest) {
					t.Errorf("%d is too early: %+v", v.n, m.made)
				}
				latest = v.at
			}
		})
	}
}

// With a clock that is right, versions are as old as the time for which the daemon
// has run, and a little less.
func TestAgesWithAClockThatIsRight(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{}
		m.start()
		for range rapid.IntRange(0, 200).Draw(t, "hours") {
			m.run(time.Hour)
			m.save()
		}
		m.make()
		v := m.made[0]
		for range rapid.IntRange(0, 1500).Draw(t, "hours later") {
			m.run(time.Hour)
			m.save()
		}
		age, real := m.mem.Age(v.at), m.up-v.up
		if real-age > time.Hour/50+real/markShare {
			t.Fatalf("%v instead of %v", age, real)
		}
		if m.mem.Ahead != 0 || !m.mem.Now.Equal(m.wall()) {
			t.Fatalf("%+v, and it is %v", m.mem, m.wall())
		}
	})
	// And with the machine off every night they take so much longer.
	m := &machine{}
	m.start()
	m.make()
	for days := 1; ; days++ {
		m.run(8 * time.Hour)
		m.save()
		m.real += 16 * time.Hour
		m.start()
		if m.mem.Age(m.made[0].at) > 30*day {
			if days < 90 || days > 95 {
				t.Errorf("after %d days", days)
			}
			break
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do    func(m *machine)
		want  time.Duration // of the Clock, compared to the right time
		ahead time.Duration // of the wall clock
		jump  time.Duration
		wrong bool
	}{
		"right":              {do: func(m *machine) { m.run(day) }},
		"jumped ahead":       {do: func(m *machine) { m.run(day); m.wrong = 60 * day }, want: 60 * day, jump: 60 * day},
		"a little ahead":     {do: func(m *machine) { m.wrong = 20 * time.Hour }, want: 20 * time.Hour},
		"off for weeks":      {do: func(m *machine) { m.save(); m.real += 60 * day; m.start() }},
		"back":               {do: func(m *machine) { m.wrong = -400 * day }, ahead: 400 * day, wrong: true},
		"back before start":  {do: func(m *machine) { m.save(); m.wrong = -400 * day; m.start() }, ahead: 400 * day, wrong: true},
		"back, and right":    {do: func(m *machine) { m.wrong = -400 * day; m.run(time.Hour); m.save(); m.wrong = 0 }},
		"back, and later on": {do: func(m *machine) { m.wrong = -400 * day; m.save(); m.run(20 * time.Hour) }, ahead: 400 * day, wrong: true},
		"back for a day": {do: func(m *machine) { m.wrong = -400 * day; m.save(); m.run(day); m.save() },
			want: -400 * day},
		"back for a day with a stop": {do: func(m *machine) {
			m.wrong = -400 * day
			m.save()
			m.run(20 * time.Hour)
			m.save()
			m.real += time.Hour // for which the Clock is behind
			m.start()
			m.run(4 * time.Hour)
			m.save()
		}, want: -400 * day},
		"back, by changing times": {do: func(m *machine) {
			m.wrong = -400 * day
			m.save()
			m.run(20 * time.Hour)
			m.save()
			m.wrong = -300 * day
			m.save()
			m.run(20 * time.Hour)
		}, ahead: 300 * day, wrong: true},
		"a little back":           {do: func(m *machine) { m.wrong = -time.Hour }, ahead: time.Hour},
		"a little back for hours": {do: func(m *machine) { m.wrong = -time.Hour; m.save(); m.run(50 * time.Hour) }, want: -30 * time.Minute, ahead: 30 * time.Minute},
		"a little back for days":  {do: func(m *machine) { m.wrong = -time.Hour; m.save(); m.run(5 * day) }, want: -time.Hour},
		"ahead for a day":         {do: func(m *machine) { m.wrong = 60 * day; m.save(); m.run(day) }, want: 60 * day},
		"ahead, and right":        {do: func(m *machine) { m.wrong = 60 * day; m.save(); m.wrong = 0 }, want: 60 * day, ahead: 60 * day, wrong: true},
		"ahead, and right for a day": {do: func(m *machine) {
			m.wrong = 60 * day
			m.save()
			m.wrong = 0
			m.save()
			m.run(day)
			m.save()
		}},
		"no year at all": {do: func(m *machine) { m.wrong = 280 * 365 * day }, want: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).Sub(at(0)), jump: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).Sub(at(0))},
	} {
		t.Run(name, func(t *testing.T) {
			m := &machine{}
			m.start()
			c.do(m)
			m.look(true)
			got := m.mem
			if off := got.Now.Sub(at(0).Add(m.real)); off != c.want || got.Ahead != c.ahead || got.Jumped != c.jump || got.Wrong() != c.wrong {
				t.Errorf("%v off, %v ahead of the wall, jumped %v, wrong: %v; want %v, %v, %v, %v\n%+v", off, got.Ahead, got.Jumped, got.Wrong(), c.want, c.ahead, c.jump, c.wrong, got)
			}
			data, err := json.Marshal(got)
			var again Clock
			if err := json.Unmarshal(data, &again); err != nil || cmp.Diff(got, again) != "" {
				t.Errorf("%v: %s", err, cmp.Diff(got, again))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// A clock that stands at the beginning of time and is then set right makes nothing
// old.
func TestAClockThatWasYearsBehind(t *testing.T) {
	t.Parallel()
	m := &machine{wrong: -15 * 365 * day}
	m.start()
	m.make()
	m.run(time.Hour)
	m.save()
	m.wrong = 0
	for hours := 1; hours < 30*24; hours++ {
		m.run(time.Hour)
		m.save()
		if age := m.mem.Age(m.made[0].at); age > time.Duration(hours+1)*time.Hour {
			t.Fatalf("after %d hours it seems to be %v old", hours+1, age)
		}
	}
}

func TestMarksAreFew(t *testing.T) {
	t.Parallel()
	m := &machine{}
	m.start()
	for range 10 * 365 * 24 {
		m.run(time.Hour)
		m.save()
	}
	if n := len(m.mem.Marks); n > 500 || n < 100 {
		t.Errorf("%d marks after ten years", n)
	}
}

// When the clock goes back, versions go with it, and stay in their order.
func TestRestamp(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	keep := func(name, content string, at time.Time) {
		p.write(name, content)
		it := p.item(name)
		it.At = at
		p.keep(it)
		p.remove(name)
	}
	long := fmt.Sprintf("%0240d", 0)
	right := at(0)
	keep("a", "first", right)
	keep("a", "in the future", right.Add(60*day))
	keep(long, "likewise", right.Add(60*day+time.Minute))
	keep("b", "more in the future", right.Add(61*day))
	step := Step{From: right.Add(25 * time.Hour), Floor: right.Add(-time.Hour), By: 60 * day}
	find := func() []Version { return p.find(Query{}) }
	before := find()
	unpin := p.store.Pin(before[2:3])
	if err := p.store.Restamp(t.Context(), step); err == nil || cmp.Diff(before, find()) != "" {
		t.Errorf("what is in use got another time: %v", err)
	}
	unpin()
	if err := p.store.Restamp(t.Context(), step); err != nil {
		t.Fatal(err)
	}
	after := find()
	want := []time.Time{right, right.Add(time.Microsecond), right.Add(time.Minute), right.Add(day)}
	for i, v := range after {
		if v.Path != before[i].Path || v.Size != before[i].Size || !v.Time.Equal(want[i]) || v.By != before[i].By || v.Deleted != before[i].Deleted {
			t.Errorf("%+v instead of %+v at %v", v, before[i], want[i])
		}
		if _, err := p.store.Content(v); err != nil {
			t.Error(err)
		}
	}
	if err := p.store.Restamp(t.Context(), step); err != nil || cmp.Diff(after, find()) != "" {
		t.Errorf("%v", err)
	}
}

// Killed at any point, it is done again, and the order is the same.
func TestRestampAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var times []time.Time
		for range rapid.IntRange(1, 12).Draw(t, "versions") {
			times = append(times, at(rapid.IntRange(0, 60*24*60).Draw(t, "at")).Add(time.Duration(len(times))*time.Microsecond))
		}
		slices.SortFunc(times, time.Time.Compare)
		step := Step{From: at(rapid.IntRange(0, 30*24*60).Draw(t, "from")), By: time.Duration(rapid.IntRange(1, 60*24).Draw(t, "by")) * time.Hour}
		done := rapid.IntRange(0, len(times)).Draw(t, "done")
		first := step.times(times)
		half := append(slices.Clone(first[:done]), times[done:]...)
		again := step.times(half)
		if !slices.IsSortedFunc(first, time.Time.Compare) || !slices.IsSortedFunc(half, time.Time.Compare) || !slices.IsSortedFunc(again, time.Time.Compare) {
			t.Fatalf("%v\n%v\n%v\n%v", times, first, half, again)
		}
	})
}
