package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/atomicfile"
	"github.com/botsync/botsync/internal/history"
)

// clockSave is how long the clock of versions goes on until it is written to the
// disk: what a kill costs of that, versions are kept for longer.
const clockSave = time.Hour

// clockRetry is how long is waited after the clock could not be written to the disk.
const clockRetry = time.Minute

// maxClock bounds the file of it, in bytes; its marks are some hundreds.
const maxClock = 1 << 20

// historyClock is the clock of versions, which nobody can set; see [history.Clock].
// Users see the times of the wall clock: what they are told and what they say is
// changed by as much as the two differ.
type historyClock struct {
	file      string
	log       *slog.Logger
	wall      func() time.Time
	uptime    func() time.Duration
	seesSleep bool

	mu    sync.Mutex
	clock history.Clock
	seen  time.Duration // uptime at the latest look
	saved history.Clock
	retry time.Duration // uptime before which it is not written by the way: that failed

	// making is held by who makes a version, and for writing while versions get other
	// times.
	making sync.RWMutex
	// sweeping holds one who removes versions, or gives them other times: whoever
	// removes some by their age must have the clock that fits their times.
	sweeping chan struct{}
}

// openHistoryClock goes on with the clock in a file. Without one, all that there is
// counts as new.
func openHistoryClock(file string, log *slog.Logger, wall func() time.Time, uptime func() time.Duration, seesSleep bool) *historyClock {
	h := &historyClock{file: file, log: log, wall: wall, uptime: uptime, seesSleep: seesSleep, sweeping: make(chan struct{}, 1)}
	clock, err := readClock(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("how old versions are is not known any more: all count as new", "error", err)
	}
	h.seen = uptime()
	h.clock = clock.Begin(wall())
	h.saved = clock
	return h
}

func readClock(file string) (c history.Clock, err error) {
	info, err := os.Stat(file)
	if err == nil && info.Size() > maxClock {
		err = fmt.Errorf("%s is longer than %d bytes", file, maxClock)
	}
	if err != nil {
		return c, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return history.Clock{}, fmt.Errorf("reading %s: %w", file, err)
	}
	if !c.Sound() {
		return history.Clock{}, fmt.Errorf("reading %s: it makes no sense", file)
	}
	return c, nil
}

// look looks at the wall clock, and writes down what matters after a kill.
func (h *historyClock) look() history.Clock {
	h.mu.Lock()
	defer h.mu.Unlock()
	up := h.uptime()
	ran := max(up-h.seen, 0)
	h.clock = h.clock.Look(h.wall(), ran, h.seesSleep)
	h.seen = up
	jumped := h.clock.Now.Sub(h.saved.Now) - (h.clock.Ran - h.saved.Ran)
	if h.saved.Now.IsZero() || h.clock.Ran-h.saved.Ran >= clockSave || jumped.Abs() >= clockSave {
		h.writeByTheWay()
	}
	return h.clock
}

// give is what time a version gets that is made now.
func (h *historyClock) give() time.Time {
	h.look()
	h.mu.Lock()
	defer h.mu.Unlock()
	clock, due := h.clock.Give()
	if h.clock = clock; due {
		h.writeByTheWay()
	}
	return h.clock.Now
}

// now is what time it is for versions.
func (h *historyClock) now() time.Time { return h.look().Now }

// before is a time which has passed so long ago, while the daemon ran and by the wall
// clock; zero if there is none.
func (h *historyClock) before(age time.Duration) time.Time {
	c := h.look()
	at, wall := c.Before(age), c.Wall.Add(-age)
	if wall.Before(at) {
		return wall
	}
	return at
}

// save writes the clock to the disk.
func (h *historyClock) save() {
	h.look()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.write()
}

func (h *historyClock) write() {
	if err := h.put(h.clock); err != nil {
		h.retry = h.seen + clockRetry
		h.log.Warn("writing down what time it is; it is tried again", "error", err)
	}
}

// writeByTheWay is for whoever is about to do something else, often: on a disk that is
// full, for one, each attempt takes time, and tells nothing new.
func (h *historyClock) writeByTheWay() {
	if h.seen >= h.retry {
		h.write()
	}
}

func (h *historyClock) put(c history.Clock) error {
	data, err := json.Marshal(c)
	if err == nil {
		err = atomicfile.Write(h.file, data, 0o600)
	}
	if err == nil {
		h.saved = c
	}
	return err
}

// sweep waits until nobody else removes versions or gives them other times. Whoever
// calls it calls what it returns when done.
func (h *historyClock) sweep(ctx context.Context) (done func(), err error) {
	select {
	case h.sweeping <- struct{}{}:
		return func() { <-h.sweeping }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// settle has the clock go back if the wall clock was set back for good, and versions
// with it. What a kill or an error leaves of that is done the next time. Until then
// nothing that has got another time, or is to get one, counts as old.
func (h *historyClock) settle(ctx context.Context, restamp func(context.Context, history.Step) error) error {
	done, err := h.sweep(ctx)
	if err != nil {
		return err
	}
	defer done()
	step, err := h.setBack()
	if err != nil || step.By == 0 {
		return err
	}
	// Nobody who makes a version waits for more than the few that are made meanwhile.
	if err := restamp(ctx, step); err != nil {
		return err
	}
	h.making.Lock()
	defer h.making.Unlock()
	if step, err = h.rest(); err != nil {
		return err
	}
	if err := restamp(ctx, step); err != nil {
		return err
	}
	h.look()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = h.clock.WentBack()
	h.write()
	h.log.Warn("the clock was set back, and is believed now", "by", step.By)
	return nil
}

// setBack writes down that the clock goes back, if it still has to. Without that on
// the disk no version may get another time.
func (h *historyClock) setBack() (history.Step, error) {
	if !h.look().Due() {
		return history.Step{}, nil
	}
	return h.step(history.Clock.SetBack)
}

// rest writes down that the times change which were given since setBack.
func (h *historyClock) rest() (history.Step, error) {
	h.look()
	return h.step(history.Clock.Rest)
}

func (h *historyClock) step(next func(history.Clock) history.Clock) (history.Step, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	back := next(h.clock)
	if err := h.put(back); err != nil {
		return history.Step{}, fmt.Errorf("writing down that the clock goes back: %w", err)
	}
	h.clock = back
	return back.Step, nil
}

// shown turns times of versions into those of the wall clock as it is now.
func (h *historyClock) shown() func(time.Time) time.Time { return h.look().Shown }

// said turns a time that somebody has said, by the wall clock, into one of versions.
func (h *historyClock) said(at time.Time) time.Time { return h.look().Said(at) }

// wrong is by how much the wall clock is behind of what it was, or has jumped ahead,
// if that is more than a day, and for how long it still has to go on until that is
// taken for right.
func (h *historyClock) wrong() (back, ahead, left time.Duration) {
	c := h.look()
	if c.Wrong() {
		back = c.Ahead
	}
	return back, c.Jumped, c.Left()
}

// problems say that somebody has set the clock.
func (h *historyClock) problems() []api.Problem {
	c := h.look()
	left := max(c.Left(), time.Minute).Round(time.Minute)
	switch {
	case c.Wrong():
		return []api.Problem{{Code: "clock_jumped",
			Message: fmt.Sprintf("The clock says %s, but it was %s already: it was set back by %d days. Old versions are kept, and in order.", c.Wall.Format(time.DateTime), c.Now.Format(time.DateTime), days(c.Ahead)),
			Hint:    fmt.Sprintf("Set the clock. If it is right now, botsync believes it after another %v of running.", left)}}
	case c.Jumped > 0:
		return []api.Problem{{Code: "clock_jumped",
			Message: fmt.Sprintf("The clock has jumped ahead by %d days, to %s. Old versions have not become older by that.", days(c.Jumped), c.Wall.Format(time.DateTime)),
			Hint:    fmt.Sprintf("Set the clock. If it is right now, this goes away after another %v of running.", left)}}
	}
	return nil
}

func days(d time.Duration) int64 { return int64(d.Round(24*time.Hour) / (24 * time.Hour)) }
