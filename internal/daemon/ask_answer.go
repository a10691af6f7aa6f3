package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
)

// answer answers one question, if it is for this device. A restore that was asked
// for before this daemon began may have been done by the one before it.
func (d *daemon) answer(ctx context.Context, from api.Device, id string, before bool) (out answered) {
	out.id = id
	data, err := d.members.store.ReadMessage(from.ID, askPrefix+id+jsonSuffix, history.MaxAskBytes)
	if err != nil {
		return out // it has been taken back
	}
	ask, err := history.ParseAsk(id, data)
	if err != nil {
		d.log.Warn("a question cannot be understood", "device", from.ID, "error", err)
		return out
	}
	out.restore = ask.Kind == history.AskRestore
	if !slices.Contains(ask.To, d.members.self) {
		return out
	}
	now := time.Now()
	age := now.Sub(ask.At)
	old := age > askAge || age < -askAge || before || ask.At.Before(d.started)
	ctx, cancel := context.WithTimeout(ctx, askAge)
	defer cancel()
	r := history.Reply{Schema: api.Schema, ID: id, For: from.ID, Now: d.clock.now(), Versions: []history.Told{}}
	switch ask.Kind {
	case history.AskVersions:
		err = d.answerVersions(ctx, ask, &r)
	case history.AskRestore:
		// To answer anything else does no harm. This may be of somebody who was killed
		// long ago, and it may be that a clock is wrong: whoever still waits can do it.
		d.answerRestore(ctx, from, ask, old, &r)
	case history.AskContents:
		err = d.answerContents(from, ask, &r)
	}
	if errors.Is(err, errHanding) {
		out.later = true
		return out
	}
	if err == nil {
		r.Now = d.clock.now()
		if data, err = json.Marshal(r); err == nil {
			err = d.members.store.WriteMessage(d.members.self, replyPrefix+id+jsonSuffix, data)
		}
	}
	if err != nil && ctx.Err() == nil {
		d.log.Warn("answering a question about old versions", "device", from.ID, "error", err)
	}
	return out
}

// answerFrame is what an answer has besides the versions, in bytes, and more.
const answerFrame = 4096

func (d *daemon) answerVersions(ctx context.Context, ask history.Ask, r *history.Reply) error {
	q := history.Query{By: ask.By, Until: ask.Until, Limit: history.MaxVersions + 1}
	if !ask.Since.IsZero() {
		q.Since = ask.Since.Add(history.ClockShift(ask.At, d.clock.now()))
	}
	if ask.Limit > 0 {
		q.Limit = min(q.Limit, ask.Limit)
	}
	versions, err := d.findHere(ctx, scope{ask.Folders, ask.Path}, q)
	if err != nil {
		return err
	}
	slices.SortFunc(versions, func(a, b history.Version) int { return a.Time.Compare(b.Time) })
	r.Versions, r.More, err = pageOf(versions, history.MaxVersions, history.MaxAnswerBytes-answerFrame)
	return err
}

// answerRestore puts versions in their places, as a change of this device.
func (d *daemon) answerRestore(ctx context.Context, from api.Device, ask history.Ask, old bool, r *history.Reply) {
	items := make([]putItem, len(ask.Items))
	defer d.pin(ask.Items)()
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

// pin keeps versions that were asked for until they are handed over or in place.
func (d *daemon) pin(files []string) (unpin func()) {
	var versions []history.Version
	for _, file := range files {
		if v, err := d.history.ByFile(file); err == nil {
			versions = append(versions, v)
		}
	}
	return d.history.Pin(versions)
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
func (d *daemon) answerContents(from api.Device, ask history.Ask, r *history.Reply) error {
	var total int64
	defer d.pin(ask.Items)()
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
	if err := d.exchange.handing.reserve(ask.ID, from.ID, total); err != nil {
		return err
	}
	if room, err := engine.DiskRoomOf(d.root.Dir()); err == nil && room.Free < room.Reserve()+uint64(total) {
		d.exchange.handing.release(ask.ID)
		for i := range r.Versions {
			r.Versions[i] = history.Told{Folder: "shared", Path: "-", File: ask.Items[i], Error: "there is no room on its disk to hand it over"}
		}
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
	if err != nil {
		d.exchange.handing.release(ask.ID)
	}
	r.Bytes, r.SHA256 = total, hex.EncodeToString(h.Sum(nil))
	return err
}
