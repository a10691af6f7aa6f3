package daemon

import (
	"context"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/history"
)

const (
	// answerers is how many questions are answered at a time, and answerersEach of
	// one device.
	answerers     = 4
	answerersEach = 2
	// askTick is how often questions are looked for although nothing was reported.
	askTick = 30 * time.Second
	// maxAnswered is how many questions of a device are remembered that were answered.
	maxAnswered = 500
)

// answers answers the questions of other devices until ctx ends.
func (d *daemon) answers(ctx context.Context) {
	d.members.store.ClearMessages(d.members.self, time.Now())
	a := newAnswering(d)
	tick := time.NewTicker(askTick)
	defer tick.Stop()
	done := make(chan answered)
	working := 0
	for {
		for _, q := range a.look(time.Now()) {
			working++
			d.group.Go(func() { done <- d.answer(ctx, q.from, q.id, a.before[q.id]) })
		}
		select {
		case <-ctx.Done():
			for ; working > 0; working-- {
				<-done
			}
			return
		case got := <-done:
			working--
			a.done(got)
		case <-d.exchange.changed:
		case <-tick.C:
			clear(a.later)
			clear(a.foreign)
		}
	}
}

// answered is what has become of a question.
type answered struct {
	id      string
	restore bool
	later   bool // it is to be answered, but not now
}

// question is one that is known.
type question struct {
	id      string
	from    api.Device
	at      time.Time // when it was taken up
	working bool
	restore bool // or not known to be anything else yet
}

// answering is what is known of questions; only the goroutine of answers uses it.
type answering struct {
	before map[string]bool // that were there before; not changed any more
	known  map[string]*question
	later  map[string]bool
	// foreign are names in the directory of a device that are by another one.
	foreign map[string]bool

	members func() (reachable, away []api.Device)
	list    func(device string, wanted func(name string) bool) []string
	wrote   func(device, name string) bool
	self    string
	remove  func(name, id string) // an own answer
}

func newAnswering(d *daemon) *answering {
	a := &answering{before: map[string]bool{}, known: map[string]*question{}, later: map[string]bool{}, foreign: map[string]bool{},
		members: d.others, list: d.members.store.Messages, wrote: d.wroteMessage, self: d.members.self, remove: d.removeReply}
	reachable, away := a.members()
	for _, from := range append(reachable, away...) {
		for _, name := range a.list(from.ID, isAsk) {
			id, _ := askID(name)
			a.before[id] = true
		}
	}
	return a
}

// look returns questions to answer, and removes answers that nobody waits for.
func (a *answering) look(now time.Time) (begin []*question) {
	reachable, away := a.members()
	open := a.open(append(append([]api.Device(nil), reachable...), away...))
	a.tidy(open, now)
	total, busy, count := 0, map[string]int{}, map[string]int{}
	for _, q := range a.known {
		if count[q.from.ID]++; q.working {
			total++
			busy[q.from.ID]++
		}
	}
	for _, from := range reachable {
		for _, id := range open[from.ID] {
			if a.known[id] != nil || a.later[id] || total >= answerers || busy[from.ID] >= answerersEach || count[from.ID] >= maxAnswered {
				continue
			}
			q := &question{id: id, from: from, at: now, working: true, restore: true}
			a.known[id] = q
			total++
			busy[from.ID]++
			count[from.ID]++
			begin = append(begin, q)
		}
	}
	return begin
}

// open returns the IDs of the questions there are, by device. Those of devices that
// are away for a moment stay.
func (a *answering) open(devices []api.Device) map[string][]string {
	open, foreign := map[string][]string{}, map[string]bool{}
	for _, from := range devices {
		names := a.list(from.ID, func(name string) bool {
			key := from.ID + "/" + name
			if !isAsk(name) {
				return false
			}
			if id, _ := askID(name); a.known[id] != nil && a.known[id].from.ID == from.ID {
				return true
			}
			if !a.foreign[key] && a.wrote(from.ID, name) {
				return true
			}
			foreign[key] = true
			return false
		})
		for _, name := range names {
			id, _ := askID(name)
			open[from.ID] = append(open[from.ID], id)
		}
	}
	a.foreign = foreign
	return open
}

// tidy removes answers that nobody waits for, and forgets their questions. That
// something was restored is remembered for as long as it can be asked for again.
func (a *answering) tidy(open map[string][]string, now time.Time) {
	asked := map[string]bool{}
	for device, ids := range open {
		for _, id := range ids {
			if q := a.known[id]; q != nil && q.from.ID == device {
				asked[id] = true
			}
		}
	}
	over := func(name string) bool {
		q := a.known[replyID(name)]
		return strings.HasPrefix(name, replyPrefix) && (q == nil || !q.working && (!asked[q.id] || now.Sub(q.at) > askAge))
	}
	for _, name := range a.list(a.self, over) {
		a.remove(name, replyID(name))
		clear(a.later)
	}
	for id, q := range a.known {
		if !asked[id] && !q.working && (!q.restore || now.Sub(q.at) > askAge) {
			delete(a.known, id)
		}
	}
}

// done takes note of what has become of a question.
func (a *answering) done(got answered) {
	q := a.known[got.id]
	q.working, q.restore = false, got.restore
	if got.later {
		delete(a.known, got.id)
		a.later[got.id] = true
	}
}

func (d *daemon) removeReply(name, id string) {
	if err := d.members.store.RemoveMessage(d.members.self, name); err != nil {
		d.log.Warn("removing an answer", "error", err)
		return
	}
	if strings.HasSuffix(name, dataSuffix) {
		d.exchange.handing.release(id)
	}
}

func replyID(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(name, replyPrefix), jsonSuffix), dataSuffix)
}

func isAsk(name string) bool {
	_, ok := askID(name)
	return ok
}

func askID(name string) (string, bool) {
	id, ok := strings.CutPrefix(name, askPrefix)
	id, isJSON := strings.CutSuffix(id, jsonSuffix)
	return id, ok && isJSON && history.ValidAskID(id)
}
