package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/history"
)

const (
	// answerers is how many questions are answered at a time.
	answerers = 3
	// askTick is how often questions are looked for although nothing was reported.
	askTick = 30 * time.Second
	// maxAnswered is how many questions are remembered that were answered.
	maxAnswered = 1000
)

// answers answers the questions of other devices until ctx ends.
func (d *daemon) answers(ctx context.Context) {
	d.members.store.ClearMessages(d.members.self, time.Now())
	a := &answering{d: d, answered: map[string]time.Time{}, seats: make(chan struct{}, answerers)}
	for range answerers {
		a.seats <- struct{}{}
	}
	tick := time.NewTicker(askTick)
	defer tick.Stop()
	done := make(chan string)
	working := 0
	for {
		working += a.look(ctx, done)
		select {
		case <-ctx.Done():
			for ; working > 0; working-- {
				<-done
			}
			return
		case <-done:
			working--
			a.seats <- struct{}{}
		case <-d.exchange.changed:
		case <-tick.C:
		}
	}
}

// answering is what is known of questions; only the goroutine of answers uses it.
type answering struct {
	d        *daemon
	answered map[string]time.Time // by the ID of the question; those under way are among them
	seats    chan struct{}
}

// look begins to answer questions that are new, and removes answers that nobody
// waits for. It returns how many it has begun.
func (a *answering) look(ctx context.Context, done chan<- string) (begun int) {
	d := a.d
	open := map[string]bool{}
	reachable, _ := d.others()
	for _, from := range reachable {
		for _, name := range d.members.store.Messages(from.ID) {
			id, ok := askID(name)
			if !ok {
				continue
			}
			open[id] = true
			if _, known := a.answered[id]; known || len(a.answered) >= maxAnswered {
				continue
			}
			select {
			case <-a.seats:
			default:
				return begun // when one is done
			}
			a.answered[id] = time.Now()
			begun++
			d.group.Go(func() {
				d.answer(ctx, from, id)
				done <- id
			})
		}
	}
	for _, name := range d.members.store.Messages(d.members.self) {
		id := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(name, replyPrefix), jsonSuffix), dataSuffix)
		if strings.HasPrefix(name, replyPrefix) && (!open[id] || time.Since(a.answered[id]) > askAge) {
			if err := d.members.store.RemoveMessage(d.members.self, name); err != nil {
				d.log.Warn("removing an answer", "error", err)
			}
		}
	}
	for id, at := range a.answered {
		if !open[id] && time.Since(at) > askAge {
			delete(a.answered, id)
		}
	}
	return begun
}

func askID(name string) (string, bool) {
	id, ok := strings.CutPrefix(name, askPrefix)
	id, isJSON := strings.CutSuffix(id, jsonSuffix)
	return id, ok && isJSON && history.ValidAskID(id)
}

// answer answers one question, if it is for this device.
func (d *daemon) answer(ctx context.Context, from api.Device, id string) {
	data, err := d.members.store.ReadMessage(from.ID, askPrefix+id+jsonSuffix, history.MaxAskBytes)
	if err != nil {
		return // it has been taken back
	}
	ask, err := history.ParseAsk(id, data)
	if err != nil {
		d.log.Warn("a question cannot be understood", "device", from.ID, "error", err)
		return
	}
	if !slices.Contains(ask.To, d.members.self) {
		return
	}
	now := time.Now()
	age := now.Sub(ask.At)
	old := age > askAge || age < -askAge
	ctx, cancel := context.WithTimeout(ctx, askAge)
	defer cancel()
	r := history.Reply{Schema: api.Schema, ID: id, Now: now.UTC(), Versions: []history.Told{}}
	switch ask.Kind {
	case history.AskVersions:
		err = d.answerVersions(ctx, ask, &r)
	case history.AskRestore:
		// To answer anything else does no harm. This may be of somebody who was killed
		// long ago, and it may be that a clock is wrong: whoever still waits can do it.
		d.answerRestore(ctx, from, ask, old, &r)
	case history.AskContents:
		err = d.answerContents(ask, &r)
	}
	if err == nil {
		r.Now = time.Now().UTC()
		if data, err = json.Marshal(r); err == nil {
			err = d.members.store.WriteMessage(d.members.self, replyPrefix+id+jsonSuffix, data)
		}
	}
	if err != nil && ctx.Err() == nil {
		d.log.Warn("answering a question about old versions", "device", from.ID, "error", err)
	}
}

func (d *daemon) answerVersions(ctx context.Context, ask history.Ask, r *history.Reply) error {
	q := history.Query{By: ask.By, Limit: history.MaxVersions + 1}
	if !ask.Since.IsZero() {
		q.Since = ask.Since.Add(history.ClockShift(ask.At, time.Now()))
	}
	if ask.Limit > 0 {
		q.Limit = min(q.Limit, ask.Limit)
	}
	versions, err := d.findHere(ctx, scope{ask.Folders, ask.Path}, q)
	if err != nil {
		return err
	}
	slices.SortFunc(versions, func(a, b history.Version) int { return a.Time.Compare(b.Time) })
	if len(versions) > history.MaxVersions {
		versions, r.More = versions[len(versions)-history.MaxVersions:], true
	}
	for _, v := range versions {
		r.Versions = append(r.Versions, history.Tell(v))
	}
	return nil
}

// answerRestore puts versions in their places, as a change of this device.
func (d *daemon) answerRestore(ctx context.Context, from api.Device, ask history.Ask, old bool, r *history.Reply) {
	items := make([]putItem, len(ask.Items))
	for i, file := range ask.Items {
		v, err := d.history.ByFile(file)
		switch {
		case err != nil:
		case old:
			err = errClock
		case from.Role.ReceiveOnly(v.Folder), d.receiveOnly(v.Folder):
			// Whoever only reads a folder does not have others write there.
			err = errors.New(history.ErrorReader)
		default:
			items[i].content, err = d.history.Content(v)
		}
		items[i].version, items[i].err = v, err
		if err != nil {
			items[i].version = history.Version{Folder: "shared", Path: "-", File: file}
		}
	}
	for i, err := range d.putContents(ctx, items, guard{by: ask.By}) {
		told := history.Tell(items[i].version)
		told.Error = telling(err)
		r.Versions = append(r.Versions, told)
	}
	d.log.Info("restored for another device", "device", from.ID, "files", len(items))
}

// telling is what is told of an error.
func telling(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errChangedSince):
		return history.ErrorChanged
	case errors.Is(err, history.ErrInTheWay):
		return history.ErrorInWay
	case errors.Is(err, errClock):
		return history.ErrorClock
	}
	text := err.Error()
	return text[:min(len(text), 200)]
}

// answerContents hands out what versions hold, in one file.
func (d *daemon) answerContents(ask history.Ask, r *history.Reply) error {
	var total int64
	for _, file := range ask.Items {
		v, err := d.history.ByFile(file)
		told := history.Tell(v)
		if err == nil && v.Symlink {
			told.Target, err = d.history.Target(v)
		} else if err == nil && total+v.Size > history.MaxContents {
			err = errors.New("it is too big to be handed over")
		}
		if err != nil {
			told = history.Told{Folder: "shared", Path: "-", File: file, Error: telling(err)}
		} else if !v.Symlink {
			total += v.Size
		}
		r.Versions = append(r.Versions, told)
	}
	if total == 0 {
		return nil
	}
	h := sha256.New()
	err := d.members.store.StreamMessage(d.members.self, replyPrefix+ask.ID+dataSuffix, func(w io.Writer) error {
		for _, t := range r.Versions {
			if t.Error != "" || t.Symlink {
				continue
			}
			f, err := d.history.Open(t.Version())
			if err != nil {
				return err
			}
			n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(f, t.Size))
			if err = errors.Join(err, f.Close()); err == nil && n != t.Size {
				err = errors.New("a version has changed while it was read")
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	r.Bytes, r.SHA256 = total, hex.EncodeToString(h.Sum(nil))
	return err
}
