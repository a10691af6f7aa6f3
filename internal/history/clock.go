package history

import (
	"slices"
	"time"
)

const (
	// clockJump is by how much a wall clock has to differ from what it should show
	// to have been set to another time, and not a little right.
	clockJump = 24 * time.Hour
	// clockTrust is for how long a wall clock that was set back has to go on before
	// it is believed.
	clockTrust = 24 * time.Hour
	// clockLoss says what part of the time a Clock that is a little ahead of the wall
	// loses until it is not: one in so many.
	clockLoss = 100
	// exact is what the times of versions are cut to.
	exact = time.Microsecond
	// inTurn is by how much less than that a version can have a later time than the Clock
	// gives, so as to come after the one before it.
	inTurn = time.Second
	// clockGive is for how long a Clock can give times without being written down.
	clockGive = time.Minute
	// Marks are so far apart at least, and a part of their age.
	markEvery = time.Hour
	markShare = 32
	// markSlip is by how much they can be off: each by less than exact, and a time that
	// a Step has changed by inTurn.
	markSlip = inTurn + time.Millisecond
	// Wall clocks show times between these, whatever they say: differences of them
	// are never more than a time.Duration holds, and a name has four digits for a year.
	firstYear, lastYear = 1970, 2200
	longest             = (lastYear + 1 - firstYear) * 366 * 24 * time.Hour
)

// Clock is what time it is for versions. It follows the wall clock where that goes
// forward, also by a jump: nothing is older for that, since Age counts only time in
// which somebody looked at it. It never goes back, so that what happened later has
// the later time, but by SetBack. Where the wall clock is set back by less than a day,
// this one is slow until it is the same; by more, it goes on as if that had not
// happened, until the wall clock has gone on like that for a day.
//
// It is a value: what changes it returns another one.
type Clock struct {
	Now    time.Time     `json:"now"`              // at the latest look
	Ran    time.Duration `json:"ran"`              // time that has really passed while it was looked at, in all
	Wall   time.Time     `json:"wall"`             // what the wall clock showed at the latest look
	Ahead  time.Duration `json:"ahead,omitempty"`  // by which Now was later than Wall
	Agreed time.Duration `json:"agreed,omitempty"` // for which the wall clock has not jumped, up to so much
	Jumped time.Duration `json:"jumped,omitempty"` // by which it jumped ahead while it was looked at, until it has agreed long enough
	Leapt  time.Time     `json:"leapt,omitzero"`   // what it showed when it jumped ahead the last time
	Leap   time.Duration `json:"leap,omitempty"`   // and by how much it did
	Marks  []Mark        `json:"marks,omitempty"`  // by time
	Given  time.Time     `json:"given,omitzero"`   // no version has a later time: see Give
	Step   Step          `json:"step,omitzero"`    // that was begun, and has not ended: see SetBack
}

// Mark says how long a Clock had run when it showed a time. What has an earlier
// time was there before it.
type Mark struct {
	At  time.Time     `json:"at"`
	Ran time.Duration `json:"ran"`
}

// ranIn is for how long a Clock that did not go back has run, at most, while its time
// went on by d: it loses little.
func ranIn(d time.Duration) time.Duration { return d + d/(clockLoss-1) }

// At is what time it is, so long after the latest look, where the wall clock
// shows wall.
func (c Clock) At(wall time.Time, ran time.Duration) time.Time {
	wall = sane(wall)
	if c.Now.IsZero() {
		return wall
	}
	steady := c.Now.Add(ran)
	switch ahead := steady.Sub(wall); {
	case ahead <= 0:
		return wall
	case ahead > clockJump:
		return steady
	}
	if slow := steady.Add(-ran / clockLoss); slow.After(wall) {
		return slow
	}
	return wall
}

// Begin is the first look of a program, which may have been killed since the Clock was
// written down. Where the wall clock was set back meanwhile, what was given after that
// is known from Given alone: nothing that is made now may have an earlier time.
func (c Clock) Begin(wall time.Time) Clock {
	c = c.Look(wall, 0, false)
	if c.Ahead > 0 && c.Given.After(c.Now) { // and not after every kill: the wall clock has gone on then
		if c.Leap > 0 {
			c.Leap += c.Given.Sub(c.Now)
		}
		c.Now, c.Ahead = c.Given, c.Given.Sub(c.Wall)
	}
	return c
}

// Give is called when a version gets the time of the latest look. It reports whether
// the Clock has to be written down first, so that a program that goes on after a kill
// knows how late versions can be.
func (c Clock) Give() (Clock, bool) {
	if !c.Now.After(c.Given) {
		return c, false
	}
	c.Given = c.Now.Add(clockGive)
	return c, true
}

// Look looks at the wall clock, so long after the latest look, by a clock that goes
// forward only. Running says that the
// wall clock cannot have gone on by more than that meanwhile, unless somebody has set
// it: the machine was neither off nor asleep without being noticed.
func (c Clock) Look(wall time.Time, ran time.Duration, running bool) Clock {
	wall = sane(wall)
	now := c.At(wall, ran)
	jump := wall.Sub(c.Wall) - ran
	switch {
	case c.Now.IsZero():
		c.Agreed = 0
	case jump > clockJump:
		c.Agreed = 0
	case jump < -clockJump:
		c.Agreed, c.Jumped = 0, 0
	default:
		c.Agreed = min(c.Agreed+ran, clockTrust)
	}
	leap := now.Sub(c.Now) - ran
	if leap > clockJump && !c.Now.IsZero() {
		c.Leapt, c.Leap = c.Now.Add(ran), leap
	}
	if leap > clockJump && running && !c.Now.IsZero() {
		c.Jumped = leap
	} else if c.Agreed >= clockTrust {
		c.Jumped = 0
	}
	c.Now, c.Wall, c.Ran, c.Ahead = now, wall, c.Ran+ran, now.Sub(wall)
	return c.mark()
}

// Wrong reports whether the wall clock was set back by more than a day, and is not
// believed yet.
func (c Clock) Wrong() bool { return c.Ahead > clockJump }

// Due reports whether it is time for SetBack, or one has not ended.
func (c Clock) Due() bool { return c.Step.By > 0 || c.Wrong() && c.Agreed >= clockTrust }

// Left is how much longer the wall clock has to go on until it is believed.
func (c Clock) Left() time.Duration { return clockTrust - c.Agreed }

// Step is what a Clock that goes back has to do to the times that it gave: those
// after From, up to By later, become earlier by By, in their order, and stay after Floor.
// None is after From then, or it is only just after another one or the Floor, and stays
// there when it is done again.
type Step struct {
	From  time.Time     `json:"from"`
	Floor time.Time     `json:"floor,omitzero"`
	By    time.Duration `json:"by"`
}

// SetBack begins to have the clock show what the wall clock showed at the latest
// look, if it has not begun already. It has to be on the disk before a version gets
// another time: for the Clock that it returns, what has a time after the Floor has
// just been made, be it the old one or the new one.
func (c Clock) SetBack() Clock {
	if c.Step.By > 0 {
		return c
	}
	c.Step = Step{From: c.Wall, By: c.Ahead}
	if n := c.until(c.Wall); n > 0 {
		c.Step.Floor = c.Marks[n-1].At
	}
	return c.renew()
}

// Rest begins to have the times changed that were given since SetBack, when all before
// have their new ones and no more are given.
func (c Clock) Rest() Clock {
	// The wall clock may have been set again since. Where it has gone back further, that
	// is not believed yet, and what is not after the Floor would be later than the Clock.
	c.Step.By = min(max(c.Ahead, 1), c.Step.By)
	c.Step.From = c.Now.Add(-c.Step.By)
	return c.renew()
}

// WentBack ends what SetBack began, when all versions have their new times.
func (c Clock) WentBack() Clock {
	c = c.renew()
	now := c.Now.Add(-c.Step.By)
	if c.Wall.After(now) { // it has gone on while nobody looked
		now = c.Wall
	}
	c.Given = now // no version is later
	c.Now, c.Ahead, c.Leapt, c.Leap, c.Step = now, now.Sub(c.Wall), time.Time{}, 0, Step{}
	return c
}

// renew makes all that has a time after the Floor as if it had just been made.
func (c Clock) renew() Clock {
	mark := Mark{c.Step.Floor, c.Ran}
	if mark.At.IsZero() {
		mark.At = c.Step.From.Truncate(exact)
	}
	// Not one of the Floor itself either, which says that this was earlier.
	kept := slices.IndexFunc(c.Marks, func(m Mark) bool { return !m.At.Before(mark.At) })
	if kept < 0 {
		kept = len(c.Marks)
	}
	c.Marks = append(slices.Clone(c.Marks[:kept]), mark)
	return c
}

// until is how many marks are not after a time.
func (c Clock) until(at time.Time) int {
	if n := slices.IndexFunc(c.Marks, func(m Mark) bool { return m.At.After(at) }); n >= 0 {
		return n
	}
	return len(c.Marks)
}

// Age is how much time has really passed since the clock showed a time, at least,
// while it was looked at: what was done then is not younger. It is little less
// than that where the clock was not set meanwhile.
func (c Clock) Age(at time.Time) time.Duration {
	n, _ := slices.BinarySearchFunc(c.Marks, at, func(m Mark, at time.Time) int {
		if m.At.After(at) {
			return 1
		}
		return -1
	})
	until := c.Ran // how long it had run then, at most
	if n < len(c.Marks) {
		until = min(until, c.Marks[n].Ran)
	}
	if n > 0 {
		m := c.Marks[n-1]
		if d := at.Sub(m.At); d < until-m.Ran {
			until = min(until, m.Ran+ranIn(d))
		}
	}
	return max(c.Ran-until-markSlip, 0)
}

// Before is the latest time that is known to be so old, zero if none is: see Age.
func (c Clock) Before(age time.Duration) time.Time {
	for _, m := range slices.Backward(c.Marks) {
		if c.Ran-m.Ran-markSlip >= age {
			return m.At
		}
	}
	return time.Time{}
}

// shownStep is what the difference to the wall clock is rounded to, so that a time
// that was shown is the same one when it comes back.
const shownStep = time.Minute

// right is the time up to which what the Clock showed was right: what has made it be
// ahead of the wall clock is that this was ahead for a while. Zero if it was not.
func (c Clock) right() time.Time {
	if c.Ahead > c.Leap+shownStep {
		return time.Time{}
	}
	return c.Leapt
}

// Shown turns a time that the Clock has given into one of the wall clock as it was at
// the latest look, so that what was done ten minutes ago was done ten minutes ago by
// it.
func (c Clock) Shown(at time.Time) time.Time {
	right := c.right()
	if at.IsZero() || !at.After(right) {
		return at
	}
	if shown := at.Add(-c.Ahead.Round(shownStep)); shown.After(right) {
		return shown
	}
	return right
}

// Said is the reverse of Shown, for what somebody says who sees the wall clock. It is
// not too late, by less than a minute.
func (c Clock) Said(at time.Time) time.Time {
	if at.IsZero() || !at.After(c.right()) {
		return at
	}
	return at.Add(min(c.Ahead, c.Ahead.Round(shownStep)))
}

// mark adds a mark if it is time for one, and takes out those that are too many.
func (c Clock) mark() Clock {
	if n := len(c.Marks); n > 0 && c.Ran-c.Marks[n-1].Ran < markEvery {
		return c
	}
	all := append(slices.Clone(c.Marks), Mark{c.Now.Truncate(exact), c.Ran})
	kept := all[:1:1]
	for i, m := range all[1:] {
		last := kept[len(kept)-1]
		wentBack := m.Ran-last.Ran > ranIn(m.At.Sub(last.At))+exact // Age has to know since when
		if next := i + 2; next < len(all) && all[next].Ran-last.Ran < (c.Ran-m.Ran)/markShare && !wentBack {
			continue
		}
		kept = append(kept, m)
	}
	c.Marks = kept
	return c
}

func sane(wall time.Time) time.Time {
	wall = wall.UTC().Round(0)
	switch {
	case wall.Year() < firstYear:
		return time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
	case wall.Year() > lastYear:
		return time.Date(lastYear, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return wall
}

// Sound reports whether a Clock that was read from a file can be one.
func (c Clock) Sound() bool {
	for i, m := range c.Marks[min(1, len(c.Marks)):] {
		if m.At.Before(c.Marks[i].At) || m.Ran < c.Marks[i].Ran {
			return false
		}
	}
	year := func(t time.Time) bool { return t.Year() >= firstYear && t.Year() <= lastYear }
	step := c.Step == Step{} || year(c.Step.From) && (c.Step.Floor.IsZero() || year(c.Step.Floor)) && c.Step.By > 0 && c.Step.By <= longest
	times := year(c.Now) && year(c.Wall) && (c.Given.IsZero() || year(c.Given)) && (c.Leapt.IsZero() || year(c.Leapt))
	for _, d := range []time.Duration{c.Ran, c.Ahead, c.Jumped, c.Leap} {
		if d < 0 || d > longest {
			return false
		}
	}
	n := len(c.Marks)
	marked := n > 0 && c.Ran-c.Marks[n-1].Ran < markEvery // each look sees to that
	return step && times && marked && c.Agreed >= 0 && c.Agreed <= clockTrust &&
		!slices.ContainsFunc(c.Marks, func(m Mark) bool { return m.Ran < 0 || m.Ran > c.Ran || m.At.After(c.Now) || !year(m.At) })
}
