package daemon

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
)

const (
	askPrefix   = "ask-"
	replyPrefix = "re-"
	jsonSuffix  = ".json"
	dataSuffix  = ".data"
)

// askAge is for how long others restore what was asked for. What is older may be of
// somebody who was killed.
const askAge = 10 * time.Minute

var (
	errNoAnswer = errors.New("who has it does not answer")
	errClock    = errors.New("the clocks of the two devices differ")
)

// exchange is what this device asks others, and they it.
type exchange struct {
	changed chan struct{} // there may be a new question, or one less
	replies bell          // there may be a new answer
	handing handing
}

func newExchange() exchange {
	return exchange{changed: make(chan struct{}, 1), handing: handing{by: map[string]handedOut{}}}
}

// note never blocks.
func (x *exchange) note() {
	x.replies.ring()
	select {
	case x.changed <- struct{}{}:
	default:
	}
}

// reply is an answer, and who gave it.
type reply struct {
	history.Reply
	from api.Device
}

// ask puts a question to devices that are connected and hands each answer to on,
// until all have come, or the time is up. It returns those who have not answered.
// The question is there until then, and the answers are. Who answers what cannot be
// used has not answered.
func (d *daemon) ask(ctx context.Context, a history.Ask, to []api.Device, timeout time.Duration, on func(reply) error) (silent []api.Device, err error) {
	if len(to) == 0 {
		return nil, nil
	}
	if timeout <= 0 {
		timeout = api.DefaultAsk
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	a.Schema, a.ID, a.At = api.Schema, rand.Text(), time.Now().UTC()
	for _, o := range to {
		a.To = append(a.To, o.ID)
	}
	data, err := json.Marshal(a)
	if err != nil {
		return to, err
	}
	name := askPrefix + a.ID + jsonSuffix
	if err := d.members.store.WriteMessage(d.members.self, name, data); err != nil {
		return to, explain(d.root, err)
	}
	defer func() {
		if err := d.members.store.RemoveMessage(d.members.self, name); err != nil {
			d.log.Warn("removing a question", "error", err)
		}
	}()
	waiting, unusable := slices.Clone(to), []api.Device(nil)
	err = d.exchange.replies.await(ctx, func() (bool, error) {
		for _, from := range slices.Clone(waiting) {
			r, err := d.readReply(from, a)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err == nil {
				err = on(reply{r, from})
			}
			if err != nil {
				d.log.Warn("an answer cannot be used", "device", from.ID, "error", err)
				unusable = append(unusable, from)
			}
			waiting = slices.DeleteFunc(waiting, func(o api.Device) bool { return o.ID == from.ID })
		}
		now := time.Now()
		return !slices.ContainsFunc(waiting, func(o api.Device) bool { return d.engine.Connected(o.ID) || d.peers.lostLately(o.ID, now) }), nil
	})
	if outOfTime(ctx, err) {
		err = nil
	}
	return append(waiting, unusable...), err
}

// errIncomplete says that the contents of an answer are still on their way.
var errIncomplete = fs.ErrNotExist

func (d *daemon) readReply(from api.Device, a history.Ask) (history.Reply, error) {
	if !d.wroteMessage(from.ID, replyPrefix+a.ID+jsonSuffix) {
		return history.Reply{}, fs.ErrNotExist
	}
	data, err := d.members.store.ReadMessage(from.ID, replyPrefix+a.ID+jsonSuffix, history.MaxAnswerBytes)
	if err != nil {
		return history.Reply{}, err
	}
	r, err := history.ParseReply(a.ID, data)
	if err == nil && r.For != d.members.self {
		err = errors.New("it is for somebody else, who has used the same ID")
	}
	if err != nil || a.Kind == history.AskVersions {
		return r, err
	}
	if len(r.Versions) != len(a.Items) {
		return r, errors.New("it does not fit the question")
	}
	if a.Kind == history.AskContents && r.Bytes > 0 {
		f, size, err := d.members.store.OpenMessage(from.ID, replyPrefix+a.ID+dataSuffix)
		if err != nil {
			return r, err
		}
		f.Close()
		if size != r.Bytes {
			return r, errIncomplete
		}
	}
	return r, nil
}

// restoreResult is what came of one version.
type restoreResult struct {
	from string // device ID of who had it
	err  error
}

// restoreTime is how long the others are given to restore files, at least, and for
// each of many.
const (
	restoreTime = time.Minute
	restoreEach = 50 * time.Millisecond
)

// askRestore has versions of others brought back: by those who have them, or here
// where they only receive.
func (d *daemon) askRestore(ctx context.Context, wanted []history.Held, may guard) ([]restoreResult, error) {
	out := make([]restoreResult, len(wanted))
	inPlace, hand := map[string][]int{}, []int{}
	for i, v := range wanted {
		out[i] = restoreResult{v.Holders[0], errNoAnswer}
		if holder := d.writerOf(v); holder != "" {
			inPlace[holder] = append(inPlace[holder], i)
		} else {
			hand = append(hand, i)
		}
	}
	for holder, all := range inPlace {
		for at := range slices.Chunk(all, history.MaxItems) {
			if err := d.askInPlace(ctx, holder, wanted, at, may, out); err != nil {
				return nil, err
			}
		}
	}
	for i, r := range out {
		if errors.Is(r.err, errClock) {
			hand = append(hand, i)
		}
	}
	if len(hand) == 0 {
		return out, nil
	}
	return out, d.putHanded(ctx, wanted, hand, may, out)
}

// writerOf is a device that has a version, and can put it in its place so that it
// travels; empty if there is none.
func (d *daemon) writerOf(v history.Held) string {
	for _, id := range v.Holders {
		if o := d.members.device(id); d.engine.Connected(id) && !o.Role.ReceiveOnly(v.Folder) {
			return id
		}
	}
	return ""
}

// fileAt is how the device that holds a version calls it. Merging keeps the file
// of the first holder only.
func fileAt(v history.Held, holder string) (string, bool) {
	i := slices.Index(v.Holders, holder)
	if i < 0 || i >= len(v.Files) {
		return "", false
	}
	return v.Files[i], true
}

func (d *daemon) askInPlace(ctx context.Context, holder string, wanted []history.Held, at []int, may guard, out []restoreResult) error {
	a := history.Ask{Kind: history.AskRestore, By: may.by}
	for _, i := range at {
		file, _ := fileAt(wanted[i], holder)
		a.Items = append(a.Items, file)
	}
	var coming []int
	_, err := d.ask(ctx, a, []api.Device{*d.members.device(holder)}, restoreTime+time.Duration(len(at))*restoreEach, func(r reply) error {
		for n, i := range at {
			out[i] = restoreResult{holder, toldError(r.Versions[n].Error)}
			if out[i].err == nil {
				coming = append(coming, i)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.awaitRestored(ctx, holder, wanted, coming)
	return nil
}

// arriving is how long is waited for files that another device has restored. They
// come later all the same.
const arriving = 30 * time.Second

// awaitRestored returns when what another device has restored is here.
func (d *daemon) awaitRestored(ctx context.Context, holder string, wanted []history.Held, at []int) {
	ctx, cancel := context.WithTimeout(ctx, arriving)
	defer cancel()
	short := engine.ShortID(holder)
	left := at
	_ = d.bell.await(ctx, func() (bool, error) {
		for len(left) > 0 {
			v := wanted[left[0]]
			now := d.stateOf(v.Folder, v.Path)
			if !now.There || now.Unsettled || now.By != short {
				return false, nil
			}
			left = left[1:]
		}
		return true, nil
	})
}

// toldError is what another device says of a file.
func toldError(text string) error {
	switch text {
	case "":
		return nil
	case history.ErrorChanged:
		return errChangedSince
	case history.ErrorInWay:
		return history.ErrInTheWay
	case history.ErrorClock:
		return errClock
	}
	return errors.New(text)
}
