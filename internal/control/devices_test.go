package control

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/botsync/botsync/internal/api"
)

// membership is a daemon that knows one other device.
type membership struct{}

var other = api.Device{ID: "ID", Name: "other", Stock: true}

func (membership) Devices(context.Context) (*api.Devices, error) {
	return &api.Devices{Devices: []api.Member{{Peer: api.Peer{Device: other}}}}, nil
}

func (membership) Rename(_ context.Context, req api.RenameRequest) (*api.RenamedLine, error) {
	return &api.RenamedLine{Device: api.Device{Name: req.Name}, Was: req.Device}, nil
}

func (membership) RemoveDevice(_ context.Context, req api.RemoveRequest) (*api.RemovedLine, error) {
	if req.Device != other.Name {
		return nil, api.Errorf(api.CodeLastPeer, "Leave.", "it is the last one")
	}
	return &api.RemovedLine{Device: other}, nil
}

func (membership) AddDevice(_ context.Context, req api.AddRequest) (*api.AddedLine, error) {
	return &api.AddedLine{Device: api.Device{ID: req.ID, Name: req.Name}, Folders: []api.SharedFolder{{ID: req.Addresses[0]}}}, nil
}

func (membership) SetRole(_ context.Context, req api.RoleRequest) (*api.RoleLine, error) {
	return &api.RoleLine{Device: api.Device{Name: req.Device, Role: req.Role}}, nil
}

func (membership) Revert(_ context.Context, req api.RevertRequest) (*api.RevertedLine, error) {
	return &api.RevertedLine{Kept: req.Folder, DryRun: req.DryRun}, nil
}

func (membership) Resume(_ context.Context, req api.ResumeRequest) (*api.ResumeLine, error) {
	return &api.ResumeLine{Folders: []api.HeldFolder{{Name: req.Folder}}, Action: map[bool]string{true: api.ActionUndone}[req.Undo]}, nil
}

func (membership) Leave(_ context.Context, req api.LeaveRequest) (*api.LeftLine, error) {
	return &api.LeftLine{Network: api.Network{ID: req.Timeout.String()}}, nil
}

func TestMembershipReachesTheDaemon(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, &fake{}))
	ctx := t.Context()
	list, err := c.Devices(ctx)
	if err != nil || len(list.Devices) != 1 || list.Devices[0].Device != other {
		t.Errorf("devices: %+v, %v", list, err)
	}
	renamed, err := c.Rename(ctx, api.RenameRequest{Device: "a", Name: "b"})
	if diff := cmp.Diff(&api.RenamedLine{Device: api.Device{Name: "b"}, Was: "a"}, renamed); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if removed, err := c.RemoveDevice(ctx, api.RemoveRequest{Device: other.Name}); err != nil || removed.Device != other {
		t.Errorf("remove: %+v, %v", removed, err)
	}
	_, err = c.RemoveDevice(ctx, api.RemoveRequest{Device: "x"})
	if e := wantCode(t, err, api.CodeLastPeer); e.Exit != api.ExitState {
		t.Errorf("got %+v", e)
	}
	added, err := c.AddDevice(ctx, api.AddRequest{ID: "i", Name: "n", Addresses: []string{"tcp://x"}})
	if err != nil || added.Device.ID != "i" || added.Device.Name != "n" || added.Folders[0].ID != "tcp://x" {
		t.Errorf("add: %+v, %v", added, err)
	}
	role, err := c.SetRole(ctx, api.RoleRequest{Device: "a", Role: api.RoleHuman})
	if err != nil || role.Device.Name != "a" || role.Device.Role != api.RoleHuman {
		t.Errorf("role: %+v, %v", role, err)
	}
	if reverted, err := c.Revert(ctx, api.RevertRequest{Folder: "inbox", DryRun: true}); err != nil || reverted.Kept != "inbox" || !reverted.DryRun {
		t.Errorf("revert: %+v, %v", reverted, err)
	}
	_, err = c.Revert(ctx, api.RevertRequest{Timeout: -1})
	wantCode(t, err, api.CodeUsage)
	if resumed, err := c.Resume(ctx, api.ResumeRequest{Folder: "shared", Undo: true}); err != nil || resumed.Folders[0].Name != "shared" || resumed.Action != api.ActionUndone {
		t.Errorf("resume: %+v, %v", resumed, err)
	}
	for _, bad := range []api.ResumeRequest{{Timeout: -1}, {Undo: true, Accept: true}} {
		_, err = c.Resume(ctx, bad)
		wantCode(t, err, api.CodeUsage)
	}
	if left, err := c.Leave(ctx, api.LeaveRequest{Timeout: time.Second}); err != nil || left.Network.ID != "1s" {
		t.Errorf("leave: %+v, %v", left, err)
	}
	_, err = c.Leave(ctx, api.LeaveRequest{Timeout: -1})
	wantCode(t, err, api.CodeUsage)
}
