package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/history"
)

// fetched is the content of a version, whoever has it.
type fetched struct {
	content history.Content
	from    string // device ID
	err     error
}

// batchBytes is how much is asked for at a time, unless one file is bigger.
const batchBytes = 64 << 20

// handTime is how long another device is given to hand out contents, at least, and
// for each of many bytes: 1 MB/s.
const (
	handTime    = time.Minute
	handPerByte = time.Microsecond
)

// withContent calls use with the content of one version.
func (d *daemon) withContent(ctx context.Context, v history.Held, use func(fetched) error) error {
	if slices.Contains(v.Holders, d.members.self) {
		content, err := d.history.Content(v.Version)
		return use(fetched{content, d.members.self, err})
	}
	return d.withHanded(ctx, []history.Held{v}, func(got []fetched) error { return use(got[0]) })
}

// putHanded puts versions in their places whose contents others hand out.
func (d *daemon) putHanded(ctx context.Context, wanted []history.Held, at []int, may guard, out []restoreResult) error {
	for len(at) > 0 && ctx.Err() == nil {
		n, bytes := 0, int64(0)
		holder := d.holderOf(wanted[at[0]])
		for n < len(at) && n < history.MaxItems && (n == 0 || bytes+wanted[at[n]].Size <= batchBytes) && d.holderOf(wanted[at[n]]) == holder {
			bytes += wanted[at[n]].Size
			n++
		}
		batch, held := at[:n], make([]history.Held, n)
		for k, i := range batch {
			held[k] = wanted[i]
		}
		err := d.withHanded(ctx, held, func(got []fetched) error {
			items := make([]putItem, n)
			for k := range got {
				items[k] = putItem{held[k].Version, got[k].content, got[k].err}
			}
			for k, err := range d.putContents(ctx, items, may) {
				out[batch[k]] = restoreResult{got[k].from, err}
			}
			return nil
		})
		if err != nil {
			return err
		}
		at = at[n:]
	}
	return ctx.Err()
}

// holderOf is a device that has a version and is connected, else any that has it.
func (d *daemon) holderOf(v history.Held) string {
	for _, id := range v.Holders {
		if d.engine.Connected(id) {
			return id
		}
	}
	return v.Holders[0]
}

// withHanded asks the holder of the first version for the contents of all, and
// calls use with them. They are to be had only until that returns.
func (d *daemon) withHanded(ctx context.Context, wanted []history.Held, use func([]fetched) error) error {
	holder, bytes := d.holderOf(wanted[0]), int64(0)
	got := make([]fetched, len(wanted))
	a := history.Ask{Kind: history.AskContents}
	for i, v := range wanted {
		got[i] = fetched{from: holder, err: errNoAnswer}
		file, _ := fileAt(v, holder)
		a.Items = append(a.Items, file)
		bytes += v.Size
	}
	if bytes > history.MaxContents {
		for i := range got {
			got[i].err = fmt.Errorf("it is too big to be handed over (%d bytes); restore it on %s", bytes, d.members.device(holder).Name)
		}
		return use(got)
	}
	used := false
	var failed error
	_, err := d.ask(ctx, a, []api.Device{*d.members.device(holder)}, handTime+time.Duration(bytes)*handPerByte, func(r reply) error {
		var data *os.File
		if r.Bytes > 0 {
			var err error
			if data, err = d.openHanded(holder, r.Reply); err != nil {
				return err
			}
			defer data.Close()
		}
		offset := int64(0)
		for i, t := range r.Versions {
			got[i].content, got[i].err = handedContent(data, offset, t)
			if t.Error == "" && !t.Symlink {
				offset += t.Size
			}
		}
		if offset != r.Bytes {
			return errors.New("its contents are incomplete")
		}
		used, failed = true, use(got)
		return nil
	})
	if err != nil || used {
		return errors.Join(err, failed)
	}
	return use(got)
}

// openHanded opens the contents of an answer, after having seen that they are what
// was sent.
func (d *daemon) openHanded(holder string, r history.Reply) (*os.File, error) {
	f, size, err := d.members.store.OpenMessage(holder, replyPrefix+r.ID+dataSuffix)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, size+1))
	if err == nil && (n != r.Bytes || hex.EncodeToString(h.Sum(nil)) != r.SHA256) {
		err = errors.New("its contents are damaged")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func handedContent(data *os.File, offset int64, t history.Told) (history.Content, error) {
	if t.Error != "" {
		return history.Content{}, toldError(t.Error)
	}
	c := history.Content{Symlink: t.Symlink, Target: t.Target, Size: t.Size, Mode: t.Mode, Modified: t.Modified}
	if t.Symlink {
		return c, nil
	}
	c.Open = func() (io.ReadCloser, error) {
		if t.Size == 0 {
			return io.NopCloser(io.LimitReader(nil, 0)), nil
		}
		return io.NopCloser(io.NewSectionReader(data, offset, t.Size)), nil
	}
	return c, nil
}
