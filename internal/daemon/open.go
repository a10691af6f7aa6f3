package daemon

import (
	"context"
	"errors"
	"path/filepath"
	"syscall"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/state"
)

// maxStateDir is how long the path of .botsync may be, in bytes. SQLite opens no
// file with a path of more than 512, and the names in the engine's index take up
// to 70.
const maxStateDir = 440

func (d *daemon) openState(ctx context.Context) (*state.DB, error) {
	if n := len(d.root.StateDir()); n > maxStateDir {
		return nil, api.Errorf(api.CodeRootUnusable, "Name a directory with a shorter path with --root.",
			"the path of the root %s is too long for a database: %d bytes", d.root.Dir(), n)
	}
	db, err := state.Open(ctx, d.root.StatePath())
	if errors.Is(err, state.ErrDamaged) {
		return nil, damaged("Move it away and start again: open invites are lost, files and devices are not.",
			d.root.StatePath(), err)
	}
	return db, explain(d.root, err)
}

// openEngine loads who this device is and who belongs to its network, and starts
// the engine with it.
func (d *daemon) openEngine(ctx context.Context) error {
	membership, err := loadMembership(d.root)
	if err != nil {
		return err
	}
	if membership.Spent {
		if err := renewIdentity(d.root, &membership); err != nil {
			return err
		}
	}
	identity, err := openIdentity(d.root, membership)
	if err != nil {
		return err
	}
	if d.members, err = openMembers(d.root, membership, identity.ID); err != nil {
		return err
	}
	if err := errors.Join(d.settleRedeemed(ctx), d.members.reread()); err != nil {
		return err
	}
	if err := errors.Join(d.members.tellRole(d.config.Role), d.members.reread()); err != nil {
		return err
	}
	if err := d.finishMerge(); err != nil {
		d.log.Error("a file is left over from a merge", "error", err)
	}
	d.engine, err = engine.Open(ctx, engine.Options{
		Dir: d.root.EngineDir(), Identity: identity, OnEvent: d.observe, OnLoss: d.keepLoss, Merged: d.merged(),
	}, d.settings())
	if errors.Is(err, engine.ErrDatabase) && !isFull(err) {
		return damaged("Move it away and start again: it is an index that is made anew from the files, which are not touched.",
			filepath.Join(d.root.EngineDir(), engine.DatabaseName), err)
	}
	return explain(d.root, err)
}

func loadMembership(r *root.Root) (network.Membership, error) {
	m, err := network.LoadMembership(r.MembershipPath())
	if errors.Is(err, network.ErrDamaged) {
		return m, damaged("Put back a copy, or move it away, start again and join with a new code; files are not touched.",
			r.MembershipPath(), err)
	}
	return m, err
}

func loadKnown(r *root.Root, m network.Membership) (network.Known, error) {
	k, err := network.LoadKnown(knownPath(r), m.Network)
	if errors.Is(err, network.ErrDamaged) {
		return k, damaged("Put back a copy, or move it away and start again: it is made anew from the records in .botsync/network.", knownPath(r), err)
	}
	return k, err
}

// openIdentity loads the identity. It makes a new one only where there was never
// another: with a new one this device would be a stranger to its peers.
func openIdentity(r *root.Root, m network.Membership) (engine.Identity, error) {
	id, err := engine.LoadIdentity(r.IdentityDir())
	switch {
	case err == nil:
		return id, nil
	case !errors.Is(err, engine.ErrNoIdentity):
		return id, damaged("Put back a copy of both files in it, or move .botsync away and join with a new code; the files in the folders stay.",
			r.IdentityDir(), err)
	case m.Network != "":
		return id, damaged("Put back a copy, or move .botsync away and join with a new code; the files in the folders stay.",
			r.IdentityDir(), errors.New("certificate and key are missing"))
	}
	id, err = engine.CreateIdentity(r.IdentityDir())
	return id, explain(r, err)
}

func damaged(hint, path string, err error) *api.Error {
	return api.Errorf(api.CodeDamaged, hint, "%s cannot be used: %v", path, err)
}

// explain turns what the disk says into what a user can do.
func explain(r *root.Root, err error) error {
	switch {
	case err == nil:
		return nil
	case isFull(err):
		return api.Errorf(api.CodeRootUnusable, "Make room and run the command again.", "the disk of %s is full", r.Dir())
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EROFS):
		return api.Errorf(api.CodeRootUnusable, "Make it writable for this user, or name another root with --root.",
			"%s cannot be written: %v", r.Dir(), err)
	}
	return err
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }
