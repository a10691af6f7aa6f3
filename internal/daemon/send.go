package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

// Send puts copies of files into a folder, one after the other, and has the
// engine announce them. If that is asked for it returns when the peers that count
// have them. An error ends it at once; the files before it stay in place.
func (d *daemon) Send(ctx context.Context, req api.SendRequest, progress func(api.SendLine)) (*api.SentLine, error) {
	sent := &api.SentLine{Schema: api.Schema, Type: api.TypeSent, Files: []api.SentFile{}}
	if len(req.Sources) == 0 {
		return sent, api.Errorf(api.CodeUsage, "Name a file.", "there is nothing to send")
	}
	role := d.self().Role
	to := req.To
	if to == "" {
		to = role.Target()
	}
	if folder, _, err := splitPath(to); err == nil && role.ReceiveOnly(folder) {
		return sent, api.Errorf(api.CodeReceiveOnly, fmt.Sprintf("Send to %s or shared, or change what this device is for with \"botsync devices role\".", role.Target()),
			"%s is receive-only on a device with the role %s: nothing that is put there travels", folder, role)
	}
	folders, err := d.folders()
	if err != nil {
		return sent, err
	}
	var named []api.Device
	if req.Wait || len(req.Peers) > 0 {
		if named, err = d.awaited(req.Peers); err != nil {
			return sent, err
		}
	}
	target, err := d.root.OpenTarget(to)
	if err != nil {
		return sent, err
	}
	defer target.Close()
	w, err := d.want(target.Folder(), folders)
	if err != nil {
		return sent, err
	}
	delivery := newDelivery(w)
	var tops []string
	err = func() error {
		for _, source := range req.Sources {
			name := source.Name
			if name == "" {
				name = filepath.Base(source.Path)
			}
			puts, top, err := target.Put(ctx, source, name)
			if err != nil {
				return explain(d.root, err)
			}
			tops = append(tops, filepath.FromSlash(top))
			for _, p := range puts {
				line := api.SendLine{Type: api.TypeFile, Path: p.Path, Size: p.Size, SHA256: p.SHA256, Time: time.Now()}
				progress(line)
				sent.Files = append(sent.Files, api.SentFile{Path: p.Path, Size: p.Size, SHA256: p.SHA256, Receipts: []api.Receipt{}})
				sent.Bytes += p.Size
				delivery.add(p)
			}
		}
		return nil
	}()
	if len(tops) > 0 {
		// Whoever goes away has sent what is in place.
		err = errors.Join(err, d.lookAt(context.WithoutCancel(ctx), w.id, w.folder, tops...))
	}
	if err != nil {
		return sent, firstError(err)
	}
	if !req.Wait && len(req.Peers) == 0 {
		return sent, nil
	}
	ctx, cancel := waiting(ctx, req.Timeout)
	defer cancel()
	if err := d.deliver(ctx, delivery, named, func(p root.Put, to api.Device) {
		line := api.SendLine{Type: api.TypeReceived, Path: p.Path, Size: p.Size, SHA256: p.SHA256, Device: &to, Time: time.Now()}
		progress(line)
		at := delivery.at[p.Path]
		sent.Files[at].Receipts = append(sent.Files[at].Receipts, api.Receipt{Device: to, Time: line.Time})
	}); err != nil {
		return sent, err
	}
	return sent, nil
}

// firstError is the one of several that the user has to hear of.
func firstError(err error) error {
	var known *api.Error
	if errors.As(err, &known) {
		return known
	}
	return err
}

// clearSent removes what an earlier daemon left half made.
func (d *daemon) clearSent() {
	if err := d.root.ClearSendDir(); err != nil && !errors.Is(err, os.ErrNotExist) {
		d.log.Warn("removing what was not sent", "error", err)
	}
}
