package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/history"
)

// maxPages bounds the answers of one device about versions. Each may have the size
// that one may have.
const maxPages = 8

var errPages = errors.New("it does not come to an end")

// pages are what a device tells of its versions, the latest first.
type pages struct {
	versions []history.Version
	files    map[string]bool
	until    time.Time // of the earliest, by the clock of that device
	more     bool
	count    int
}

// add takes the next answer, of which heard can be made use of.
func (p *pages) add(r history.Reply, heard []history.Version) error {
	if p.files == nil {
		p.files = map[string]bool{}
	}
	progress := false
	for _, t := range r.Versions {
		if at := t.Version().Time; !p.files[t.File] && (p.until.IsZero() || at.Before(p.until)) {
			p.until, progress = at, true
		}
	}
	for _, v := range heard {
		// Those of the last moment come twice.
		if !p.files[v.File] {
			p.versions = append(p.versions, v)
		}
	}
	for _, t := range r.Versions {
		p.files[t.File] = true
	}
	p.more = r.More
	if p.count++; p.more && (!progress || p.count == maxPages) {
		return errPages
	}
	return nil
}

// askVersions asks all who can be asked for versions. Who does not tell all of them
// is among those who have not answered: of a part, the first of a file is another
// one than the first of all.
func (d *daemon) askVersions(ctx context.Context, s scope, q history.Query, timeout time.Duration) ([]history.Answer, []api.Device, error) {
	if m, _, _ := d.members.current(); m.Network == "" {
		return nil, nil, nil
	}
	to, unreachable := d.othersSoon(ctx, timeout)
	a := history.Ask{Kind: history.AskVersions, Folders: s.folders, Path: s.path, By: q.By, Since: q.Since, Limit: q.Limit}
	told := map[string]*pages{}
	for _, o := range to {
		told[o.ID] = &pages{}
	}
	add := func(r reply) error {
		heard, err := d.heard(s, r.Reply, d.clock.now())
		if err != nil {
			return err
		}
		return told[r.from.ID].add(r.Reply, heard)
	}
	silent, err := d.ask(ctx, a, to, timeout, add)
	if err != nil {
		return nil, nil, err
	}
	var answers []history.Answer
	// In the order of the devices, so that the same question has the same answer.
	for _, o := range to {
		missing := slices.ContainsFunc(silent, func(s api.Device) bool { return s.ID == o.ID })
		p := told[o.ID]
		for !missing && p.more && (q.Limit == 0 || len(p.versions) < q.Limit) {
			a.Until = p.until
			left, err := d.ask(ctx, a, []api.Device{o}, timeout, add)
			if err != nil {
				return nil, nil, err
			}
			missing = len(left) > 0
		}
		if missing {
			unreachable = append(unreachable, o)
		} else {
			answers = append(answers, history.Answer{Holder: o.ID, Versions: p.versions})
		}
	}
	return answers, unreachable, ctx.Err()
}

// pageOf is what fits into one answer: the latest versions, of at most so many
// bytes as JSON, one at least. The versions have to be by time.
func pageOf(versions []history.Version, count, bytes int) (told []history.Told, more bool, err error) {
	told = []history.Told{}
	for _, v := range slices.Backward(versions) {
		t := history.Tell(v)
		data, err := json.Marshal(t)
		if err != nil {
			return nil, false, err
		}
		if bytes -= len(data) + 1; len(told) > 0 && (bytes < 0 || len(told) == count) {
			more = true
			break
		}
		told = append(told, t)
	}
	slices.Reverse(told)
	return told, more, nil
}
