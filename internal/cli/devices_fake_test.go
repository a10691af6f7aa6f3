package cli

import (
	"context"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// fakeDevices is the part of the fake daemon that knows who belongs to the
// network.
type fakeDevices struct{}

var (
	fakeSelf  = api.Device{ID: "SELFSEL-F", Name: "vps"}
	fakePhone = api.Device{ID: "PHONEPH-O", Name: "pho\x1b[31mne", Stock: true}
)

func (fakeDevices) Devices(context.Context) (*api.Devices, error) {
	added := time.Now().Add(-48 * time.Hour)
	return &api.Devices{Schema: api.Schema, Type: api.TypeDevices, Network: &api.Network{ID: "n", Devices: 2},
		Devices: []api.Member{
			{Peer: api.Peer{Device: fakeSelf}, Self: true, AddedBy: &fakeSelf, AddedAt: added},
			{Peer: api.Peer{Device: fakePhone, Connected: true, Via: api.ViaRelay}, AddedBy: &fakeSelf, AddedAt: added},
		},
		Removed: []api.RemovedDevice{
			{Device: api.Device{ID: "OLD", Name: "old"}, RemovedBy: &fakeSelf, RemovedAt: added},
			{Device: api.Device{ID: "GONE", Name: "gone"}, RemovedBy: &api.Device{ID: "GONE"}, RemovedAt: added},
		}}, nil
}

func (fakeDevices) Rename(_ context.Context, req api.RenameRequest) (*api.RenamedLine, error) {
	if req.Name == "vps" {
		return nil, api.Errorf(api.CodeExists, "Choose another name.", "there is a device %q already", req.Name)
	}
	return &api.RenamedLine{Schema: api.Schema, Type: api.TypeRenamed, Device: api.Device{ID: "X", Name: req.Name}, Was: req.Device}, nil
}

func (fakeDevices) SetRole(_ context.Context, req api.RoleRequest) (*api.RoleLine, error) {
	if req.Role == api.RoleNone && !req.Force {
		return nil, api.Errorf(api.CodeLocalChanges, "Give --force.", "deliverables/ holds changes")
	}
	return &api.RoleLine{Schema: api.Schema, Type: api.TypeRole, Device: api.Device{ID: "X", Name: req.Device, Role: req.Role}}, nil
}

func (fakeDevices) Revert(_ context.Context, req api.RevertRequest) (*api.RevertedLine, error) {
	line := &api.RevertedLine{Schema: api.Schema, Type: api.TypeReverted, DryRun: req.DryRun, Changes: []api.LocalChange{}}
	if req.Folder != "deliverables" {
		return line, nil
	}
	line.Changes = append(line.Changes, api.LocalChange{Path: "deliverables/\x1b[31mred", Change: api.LocalDeleted})
	if !req.DryRun {
		line.Kept, line.Missing = "/kept", 1
	}
	return line, nil
}

func (fakeDevices) RemoveDevice(_ context.Context, req api.RemoveRequest) (*api.RemovedLine, error) {
	return &api.RemovedLine{Schema: api.Schema, Type: api.TypeRemoved, Device: api.Device{Name: req.Device},
		LetIn: []api.Device{fakePhone}, Offline: []api.Device{{Name: "nas"}}}, nil
}

func (fakeDevices) AddDevice(_ context.Context, req api.AddRequest) (*api.AddedLine, error) {
	return &api.AddedLine{Schema: api.Schema, Type: api.TypeAdded, Device: api.Device{ID: req.ID, Name: req.Name, Stock: true},
		Devices: []api.Device{fakeSelf}, Folders: []api.SharedFolder{{ID: "n-shared", Name: "shared"}}}, nil
}

func (fakeDevices) Leave(context.Context, api.LeaveRequest) (*api.LeftLine, error) {
	return &api.LeftLine{Schema: api.Schema, Type: api.TypeLeft, Device: api.Device{ID: "OLD", Name: "vps"},
		Network: api.Network{ID: "n", Devices: 3}, Told: []api.Device{fakePhone}, Untold: []api.Device{{Name: "nas"}}}, nil
}

func (fakeDevices) Resume(_ context.Context, req api.ResumeRequest) (*api.ResumeLine, error) {
	line := &api.ResumeLine{Schema: api.Schema, Type: api.TypeHeld, Folders: []api.HeldFolder{}}
	if req.Accept || req.Undo {
		line.Type, line.Action = api.TypeResumed, api.ActionAccepted
	}
	if req.Folder != "shared" {
		return line, nil
	}
	held := api.HeldFolder{Name: "shared", Held: api.Held{Files: 200, Emptied: 1, Of: 300, Names: []string{"shared/\x1b[31mred", "shared/b"}}}
	if req.Undo {
		line.Action, line.Missing, held.Lost = api.ActionUndone, 1, []string{"shared/\x1b[31mred"}
	}
	line.Folders = append(line.Folders, held)
	return line, nil
}
