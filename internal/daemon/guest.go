package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/meeting"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/pairing"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/state"
)

// serveGuest is the host's side of a pairing: whoever proves to know the code is
// let in, one at a time.
func (d *daemon) serveGuest(ctx context.Context, inv *invite, way string, conn net.Conn) {
	channel, err := pairing.Handshake(ctx, conn, inv.keys.PSK, pairing.HostSide)
	if err != nil {
		d.log.Debug("somebody without the code", "way", way, "error", err)
		return
	}
	defer channel.Close()
	if !meeting.Authenticated(conn) || !inv.enter() {
		return // given up in a crowd, or too late: the guest tries again
	}
	defer inv.leave()
	ctx, done, err := inv.exchange.take(ctx)
	if err != nil {
		return
	}
	defer done()

	host := pairing.Host{
		Welcome: func(_ context.Context, hello pairing.Hello) (pairing.Welcome, error) {
			return d.welcome(inv, hello, conn)
		},
		Accept: func(ctx context.Context, hello pairing.Hello, w pairing.Welcome) error {
			return d.accept(ctx, inv, hello, w, conn)
		},
	}
	if err := host.Run(ctx, channel); err != nil {
		d.log.Info("a pairing was not completed", "way", way, "error", err)
		return
	}
	d.log.Info("a device was let in", "way", way)
}

var errInviteUsed = &pairing.RefusedError{Code: pairing.CodeInviteUsed, Message: "this code has been used by another device; ask for a new one"}

// welcome says what the guest gets. It changes nothing.
func (d *daemon) welcome(inv *invite, hello pairing.Hello, conn net.Conn) (pairing.Welcome, error) {
	if inv.isUsed() || !time.Now().Before(inv.ExpiresAt) {
		return pairing.Welcome{}, errInviteUsed
	}
	if d.joins.busy() || d.members.pending() != nil {
		return pairing.Welcome{}, &pairing.RefusedError{Code: pairing.CodeState, Message: "the other side is itself joining another network"}
	}
	id, err := engine.ParseID(hello.Device.ID)
	if err != nil || id != hello.Device.ID {
		return pairing.Welcome{}, &pairing.RefusedError{Code: pairing.CodeInvalid, Message: "this is no device ID"}
	}
	known := d.members.records()
	if err := d.members.admittable(id); err != nil {
		return pairing.Welcome{}, err
	}
	m, plan, _ := d.members.current()
	w := pairing.Welcome{Network: pairing.Network{ID: m.Network}, Host: d.members.self,
		Addresses: d.introduction().Addresses, Servers: d.ownServers()}
	for _, name := range root.Folders {
		w.Folders = append(w.Folders, pairing.Folder{ID: folderID(m.Network, name), Name: name})
	}
	guest := network.Record{ID: id, Name: hello.Device.Name, Role: role(hello.Device.Role),
		Addresses: reachable(hello.Device.Addresses, conn.RemoteAddr()), AddedBy: d.members.self, AddedAt: time.Now().UTC().Truncate(time.Second)}
	if before, ok := known.Records[id]; ok {
		guest = before // it was here before: its record stays as it is
	}
	if self, ok := known.Records[d.members.self]; ok {
		w.Devices = append(w.Devices, fromRecord(self))
	}
	size := 0
	for _, p := range plan {
		// Stock devices come with the synced folder: a guest that took one for a member
		// with botsync would share the records with it. So do those without room here.
		r := known.Records[p.ID]
		if size += len(r.Marshal()); p.ID != id && !r.Stock && size < pairing.MaxMessage/2 && len(w.Devices) < pairing.MaxDevices {
			w.Devices = append(w.Devices, fromRecord(r))
		}
	}
	w.Guest = fromRecord(guest)
	return w, nil
}

// accept lets the guest in. The database is what counts: once it says that the
// invite was used by this guest, the rest is made good at the next start if it
// does not happen now.
func (d *daemon) accept(ctx context.Context, inv *invite, hello pairing.Hello, w pairing.Welcome, conn net.Conn) error {
	ctx = context.WithoutCancel(ctx) // once begun, it is finished
	record := toRecord(w.Guest)
	if err := d.members.admittable(record.ID); err != nil { // this device may have been removed since
		return err
	}
	err := d.state.Redeem(ctx, inv.ID, record.ID, record.Marshal(), time.Now())
	if errors.Is(err, state.ErrNotOpen) {
		return errInviteUsed
	}
	if err != nil {
		return err
	}
	inv.use()
	// From here on the guest is in, whatever happens but the removal of either.
	err = d.members.admit(record, reachable(hello.Device.Addresses, conn.RemoteAddr()))
	var refused *pairing.RefusedError
	if errors.As(err, &refused) { // this device was removed at that very moment
		return errors.Join(refused, d.state.SettleRedeemed(ctx, inv.ID))
	}
	if err == nil {
		err = errors.Join(d.state.SettleRedeemed(ctx, inv.ID), d.apply())
	}
	if err != nil {
		d.log.Error("adding a device that was let in; it is tried again", "error", err)
		d.wake()
	}
	device := d.members.device(record.ID)
	d.activity.Add(api.Event{Type: api.EventInviteJoined, Invite: inv.ID, Device: device})
	return nil
}

// settleRedeemed makes good what a crash kept accept from doing.
func (d *daemon) settleRedeemed(ctx context.Context) error {
	unsettled, err := d.state.UnsettledRedeemed(ctx)
	if err != nil || len(unsettled) == 0 {
		return err
	}
	for _, u := range unsettled {
		var r network.Record
		if err := json.Unmarshal(u.Record, &r); err != nil {
			return fmt.Errorf("reading a device that was let in: %w", err)
		}
		var refused *pairing.RefusedError
		if err := d.members.admit(r, r.Addresses); err != nil && !errors.As(err, &refused) {
			return err
		}
		if err := d.state.SettleRedeemed(ctx, u.InviteID); err != nil {
			return err
		}
	}
	return nil
}

func fromRecord(r network.Record) pairing.Record {
	return pairing.Record{
		Device:  pairing.Device{ID: r.ID, Name: r.Name, Role: string(r.Role), Addresses: r.Addresses},
		AddedBy: r.AddedBy, AddedAt: r.AddedAt,
	}
}

func toRecord(r pairing.Record) network.Record {
	return network.Record{ID: r.ID, Name: r.Name, Role: role(r.Role), Addresses: r.Addresses, AddedBy: r.AddedBy, AddedAt: r.AddedAt}
}

// role returns a role that a later botsync may know as none.
func role(s string) api.Role {
	if r := api.Role(s); r.Valid() {
		return r
	}
	return api.RoleNone
}
