package daemon

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/pairing"
	"github.com/botsync/botsync/internal/root"
)

// Devices says who belongs to the network, and who did.
func (d *daemon) Devices(context.Context) (*api.Devices, error) {
	m, plan, _ := d.members.current()
	known := d.members.records()
	out := &api.Devices{Schema: api.Schema, Type: api.TypeDevices, Devices: []api.Member{}, Removed: d.removedDevices(known)}
	self := api.Member{Peer: api.Peer{Device: d.self()}, Self: true}
	if m.Network == "" {
		out.Devices = append(out.Devices, self)
		return out, nil
	}
	out.Network = &api.Network{ID: m.Network, Devices: len(plan) + 1}
	self.AddedBy, self.AddedAt = d.adder(known.Records[d.members.self])
	out.Devices = append(out.Devices, self)
	folders, err := d.folders()
	if err != nil {
		return nil, err
	}
	for _, p := range plan {
		peer, err := d.peer(p, folders)
		if err != nil {
			return nil, err
		}
		entry := api.Member{Peer: peer}
		entry.AddedBy, entry.AddedAt = d.adder(known.Records[p.ID])
		out.Devices = append(out.Devices, entry)
	}
	return out, nil
}

func (d *daemon) adder(r network.Record) (*api.Device, time.Time) {
	if r.AddedBy == "" {
		return nil, r.AddedAt
	}
	return d.members.device(r.AddedBy), r.AddedAt
}

func (d *daemon) removedDevices(known network.Known) []api.RemovedDevice {
	out := []api.RemovedDevice{}
	for id, r := range known.Removals {
		entry := api.RemovedDevice{Device: *d.members.device(id), RemovedAt: r.RemovedAt}
		if r.RemovedBy != "" {
			entry.RemovedBy = d.members.device(r.RemovedBy)
		}
		out = append(out, entry)
	}
	slices.SortFunc(out, func(a, b api.RemovedDevice) int {
		if c := b.RemovedAt.Compare(a.RemovedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// changeable says why who belongs to the network cannot be changed here, nil if it
// can.
func (d *daemon) changeable() error {
	m, _, _ := d.members.current()
	switch {
	case d.members.removal() != nil:
		return errRemoved()
	case m.Network == "":
		return errNoNetwork()
	case m.Pending != nil, d.joins.busy():
		return api.Errorf(api.CodeJoining, `Wait until it is done; "botsync status" shows it.`, "this root is joining a network")
	}
	return nil
}

func errNoNetwork() *api.Error {
	return api.Errorf(api.CodeNoNetwork, `Run "botsync invite" for a code, or "botsync join CODE".`, "this root is in no network")
}

func errRemoved() *api.Error {
	p := removedProblem()
	return api.Errorf(api.CodeRemoved, p.Hint, "this device was removed from its network")
}

// Rename gives a device another name, for all devices.
func (d *daemon) Rename(_ context.Context, req api.RenameRequest) (*api.RenamedLine, error) {
	if err := d.changeable(); err != nil {
		return nil, err
	}
	if err := checkName(req.Name); err != nil {
		return nil, err
	}
	_, plan, _ := d.members.current()
	all := append(devices(plan), d.self())
	found, err := choose([]string{req.Device}, api.Device{}, all)
	if err != nil {
		return nil, err
	}
	device := found[0]
	if err := d.unused(req.Name, device.ID, all); err != nil {
		return nil, err
	}
	line := &api.RenamedLine{Schema: api.Schema, Type: api.TypeRenamed, Device: device, Was: device.Name}
	if device.Name == req.Name {
		return line, nil
	}
	if err := d.say(device.ID, network.FactName, req.Name); err != nil {
		return nil, err
	}
	line.Device = *d.members.device(device.ID)
	return line, nil
}

// say changes what all devices know of a device.
func (d *daemon) say(about, kind, value string) error {
	err := d.members.learn(func(k network.Known) error { return k.Say(about, kind, value, d.members.self) })
	if errors.Is(err, network.ErrCount) {
		return api.Errorf(api.CodeRefused, "Remove the device and invite it again.", "the %s of this device cannot be changed any more", kind)
	}
	if err != nil {
		return explain(d.root, err)
	}
	return explain(d.root, d.apply())
}

func checkName(name string) error {
	if !network.ValidName(name) {
		return api.Errorf(api.CodeUsage, "Give a name of 1 to 64 printable characters, without spaces around it.", "%q cannot be a name", name)
	}
	return nil
}

// unused refuses the name of another device. Devices that do not know of each
// other can still give the same one: they are then shown with numbers.
func (d *daemon) unused(name, id string, all []api.Device) error {
	for _, o := range all {
		if o.ID != id && strings.EqualFold(o.Name, name) {
			return api.Errorf(api.CodeExists, "Choose another name.", "there is a device %q already", o.Name)
		}
	}
	return nil
}

// AddDevice adds a Syncthing without botsync. It has to be told of this network
// by hand.
func (d *daemon) AddDevice(_ context.Context, req api.AddRequest) (*api.AddedLine, error) {
	if err := d.changeableOrNew(); err != nil {
		return nil, err
	}
	id, err := engine.ParseID(strings.TrimSpace(req.ID))
	if err != nil {
		return nil, api.Errorf(api.CodeUsage, `It is shown in Syncthing under "Show ID": eight groups of seven characters.`,
			"%q is no Syncthing device ID", req.ID)
	}
	if err := checkName(req.Name); err != nil {
		return nil, err
	}
	addresses, err := checkAddresses(req.Addresses)
	if err != nil {
		return nil, err
	}
	_, plan, _ := d.members.current()
	all := append([]api.Device{d.self()}, devices(plan)...)
	for i, o := range all {
		switch {
		case o.ID != id:
		case i == 0:
			return nil, api.Errorf(api.CodeUsage, "Give the ID that the other Syncthing shows.", "this is the ID of this device")
		case !o.Stock || o.Name != req.Name:
			return nil, api.Errorf(api.CodeExists, `"botsync devices" lists it.`, "this device is in the network already, as %q", o.Name)
		default:
			return d.added(o, all), nil // once more, to see what is to be done
		}
	}
	if err := d.unused(req.Name, id, all); err != nil {
		return nil, err
	}
	record := network.Record{ID: id, Name: req.Name, Stock: true, Addresses: addresses, AddedBy: d.members.self, AddedAt: time.Now().UTC().Truncate(time.Second)}
	if err := d.members.addable(id); err != nil {
		return nil, err
	}
	if err := d.members.admit(record, nil); err != nil {
		return nil, explain(d.root, err)
	}
	if err := d.apply(); err != nil {
		return nil, explain(d.root, err)
	}
	return d.added(*d.members.device(id), all), nil
}

// addable says why a Syncthing cannot be added, nil if it can.
func (ms *members) addable(id string) error {
	err := ms.admittable(id)
	var refused *pairing.RefusedError
	switch {
	case errors.As(err, &refused) && refused.Code == codeRemoved:
		return api.Errorf(api.CodeRemoved, "Give that Syncthing a new identity, by removing its cert.pem and key.pem, and add its new ID.",
			"the device with this ID was removed from the network, which is for good")
	case err == nil:
		return nil
	case ms.removal() != nil:
		return errRemoved()
	}
	return errNoNetwork()
}

func checkAddresses(addresses []string) ([]string, error) {
	for _, a := range addresses {
		u, err := url.Parse(a)
		if err != nil || u.Hostname() == "" || u.Port() == "" || u.Scheme != "tcp" && u.Scheme != "quic" || len(a) > network.MaxAddressBytes {
			return nil, api.Errorf(api.CodeUsage, "Write it as tcp://192.0.2.7:22000.", "%q is no address of a Syncthing", a)
		}
	}
	if len(addresses) > network.MaxAddresses {
		return nil, api.Errorf(api.CodeUsage, "Leave some out.", "there are more than %d addresses", network.MaxAddresses)
	}
	return addresses, nil
}

// changeableOrNew is changeable for those who make a network if there is none.
func (d *daemon) changeableOrNew() error {
	var e *api.Error
	if err := d.changeable(); errors.As(err, &e) && e.Code == api.CodeNoNetwork {
		return d.found()
	} else if err != nil {
		return err
	}
	return nil
}

func (d *daemon) added(device api.Device, all []api.Device) *api.AddedLine {
	m, _, _ := d.members.current()
	line := &api.AddedLine{Schema: api.Schema, Type: api.TypeAdded, Device: device, Devices: []api.Device{}}
	for _, o := range all {
		if !o.Stock {
			line.Devices = append(line.Devices, o)
		}
	}
	for _, name := range root.Folders {
		line.Folders = append(line.Folders, api.SharedFolder{ID: folderID(m.Network, name), Name: name})
	}
	return line
}
