package daemon

import (
	"context"
	"fmt"
	"strings"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/root"
)

// selfWord stands for this device, unless a device is called so.
const selfWord = "self"

// SetRole says what a device is for, to all devices. A folder that is no longer
// receive-only there sends what was changed in it, which has to be wanted.
func (d *daemon) SetRole(_ context.Context, req api.RoleRequest) (*api.RoleLine, error) {
	if err := d.changeable(); err != nil {
		return nil, err
	}
	if !req.Role.Valid() {
		return nil, api.Errorf(api.CodeUsage, "Choose agent, human or none.", "the role %q does not exist", req.Role)
	}
	_, plan, _ := d.members.current()
	all := append(devices(plan), d.self())
	name := req.Device
	if name == selfWord && len(match(name, all)) == 0 {
		name = d.members.self
	}
	found, err := choose([]string{name}, api.Device{}, all)
	if err != nil {
		return nil, err
	}
	device := found[0]
	line := &api.RoleLine{Schema: api.Schema, Type: api.TypeRole, Device: device, Was: device.Role}
	switch {
	case device.Stock:
		return nil, api.Errorf(api.CodeRefused, "Set the type of the folder in that Syncthing.", "%q is a Syncthing without botsync, which has no role", device.Name)
	case device.Role == req.Role:
		return line, nil
	}
	if !req.Force {
		if err := d.heldBack(device, req.Role); err != nil {
			return nil, err
		}
	}
	if err := d.say(device.ID, network.FactRole, string(req.Role)); err != nil {
		return nil, err
	}
	line.Device = *d.members.device(device.ID)
	return line, nil
}

// heldBack is the error for what a device changed in a folder that only receives
// there, and would send in another role. Of a peer it is what that has told.
func (d *daemon) heldBack(device api.Device, role api.Role) error {
	ids, err := d.folders()
	if err != nil {
		return err
	}
	for i, name := range root.Folders {
		if !device.Role.ReceiveOnly(name) || role.ReceiveOnly(name) {
			continue
		}
		count := 0
		if device.ID == d.members.self {
			slips, err := d.engine.Slips(ids[i])
			if err != nil {
				return err
			}
			count = len(slips)
		} else if count, err = d.engine.PeerSlips(device.ID, ids[i]); err != nil {
			return err
		}
		if count > 0 {
			return api.Errorf(api.CodeLocalChanges, `Run "botsync revert" there first, or give --force to let them travel.`,
				"%s/ holds %d change(s) on %s that would travel to all devices", name, count, device.Name)
		}
	}
	return nil
}

// keepRole writes the role of this device into config.toml where it was changed
// by a command, here or elsewhere. A role that a person wrote there meanwhile
// stays, and is told at the next start.
func (d *daemon) keepRole() {
	m, _, _ := d.members.current()
	now := d.members.role(m.Role)
	if m.Network == "" || now == m.Role {
		return
	}
	err := d.root.UpdateConfig(func(c *root.Config) error {
		if c.Role == m.Role {
			c.Role = now
		}
		return nil
	})
	if err == nil {
		err = d.members.toldRole(now)
	}
	if err != nil {
		d.log.Warn("writing the role into config.toml", "error", err)
	}
}

// toldRole notes that config.toml and the network agree on a role.
func (ms *members) toldRole(role api.Role) error {
	ms.disk.Lock()
	defer ms.disk.Unlock()
	m := ms.membership
	m.Role = role
	return ms.save(m)
}

// notReceiveOnly is the error for a folder in which nothing can be reverted.
func notReceiveOnly(folder string, role api.Role) *api.Error {
	what := "a device without a role"
	if role != api.RoleNone {
		what = fmt.Sprintf("a device with the role %s", role)
	}
	return api.Errorf(api.CodeRefused, `"botsync status" shows which folders are receive-only.`,
		"%s sends what is changed in it on %s: there is nothing to revert", strings.TrimSuffix(folder, "/"), what)
}
