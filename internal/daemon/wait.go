package daemon

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

const (
	// recheck is how often those who wait look although nothing was reported:
	// Syncthing drops events when there are too many at once.
	recheck = 5 * time.Second
	// A burst of events leads to few looks, and at most one part in waitShare of
	// the time is spent on looking.
	waitPause = 2 * time.Millisecond
	waitShare = 4

	shownNames = 5 // of files that are missing
)

// bell wakes those who wait. The zero bell is ready for use.
type bell struct {
	mu   sync.Mutex
	rung chan struct{} // nil while nobody waits
}

// next returns a channel that is closed when the bell rings after this call.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

// ring never blocks.
func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}

// await calls look until that reports that it is done, or fails, or ctx ends: at
// once and again whenever the bell has rung.
func (b *bell) await(ctx context.Context, look func() (done bool, err error)) error {
	for {
		rung := b.next() // before the look, which may come too early
		start := time.Now()
		done, err := look()
		if done || err != nil {
			return err
		}
		pause := min(max(waitPause, waitShare*time.Since(start)), recheck)
		timer := time.NewTimer(recheck)
		select {
		case <-rung:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Reset(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// waiting is ctx with the time that a request gives.
func waiting(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		timeout = api.DefaultWait
	}
	return context.WithTimeout(ctx, timeout)
}

// outOfTime reports whether err means that the time of ctx ran out, rather than
// that the client went away.
func outOfTime(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && errors.Is(ctx.Err(), context.DeadlineExceeded)
}

// folders are the IDs of the folders of the network, in the order of
// [root.Folders].
func (d *daemon) folders() ([]string, error) {
	m, _, _ := d.members.current()
	if m.Network == "" {
		return nil, noPeers()
	}
	out := make([]string, len(root.Folders))
	for i, name := range root.Folders {
		out[i] = folderID(m.Network, name)
	}
	return out, nil
}

func noPeers() *api.Error {
	return api.Errorf(api.CodeNoPeers, `Run "botsync invite" to add one.`, "this network has no other device")
}

func folderStopped(name string, err error) *api.Error {
	f := folderProblem(api.Folder{Name: name, Error: err.Error()})
	return api.Errorf(api.CodeFolderError, f.Hint, "%s", f.Message)
}

// splitPath tells the folder from the rest of a path relative to the root; the
// rest of a folder itself is ".".
func splitPath(p string) (folder, rest string, err error) {
	bad := func(why string) error {
		return api.Errorf(api.CodeUsage, "Name a file in "+strings.Join(root.Folders, "/, ")+"/, such as inbox/task.md.",
			"%q %s", p, why)
	}
	switch {
	case strings.ContainsRune(p, 0):
		return "", "", bad("contains a NUL byte")
	case path.IsAbs(p):
		return "", "", bad("is not relative to the root")
	}
	clean := path.Clean(p)
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", "", bad("is outside of the root")
	}
	folder, rest, ok := strings.Cut(clean, "/")
	if !slices.Contains(root.Folders, folder) {
		return "", "", bad("is not in a synced folder")
	}
	if !ok {
		rest = "."
	}
	return folder, rest, nil
}

// lookAtAll has the engine look at whole folders, all at once. It says which of
// them it has not done with when the time of ctx has run out.
func (d *daemon) lookAtAll(ctx context.Context, ids []string) error {
	errs := make([]error, len(ids))
	var group sync.WaitGroup
	for i, id := range ids {
		group.Go(func() { errs[i] = d.lookAt(ctx, id, root.Folders[i]) })
	}
	group.Wait()
	return looked(ctx, errs)
}

// looked is what came of looking at the folders of [root.Folders].
func looked(ctx context.Context, errs []error) error {
	var busy []string
	for i, err := range errs {
		if outOfTime(ctx, err) {
			busy = append(busy, root.Folders[i]+"/")
		} else if err != nil {
			return err
		}
	}
	if len(busy) > 0 {
		return api.Errorf(api.CodeTimeout, "Try again, with a longer --timeout.",
			"the time ran out while looking for changes in %s", enumerate(busy))
	}
	return nil
}

func (d *daemon) lookAt(ctx context.Context, id, name string, paths ...string) error {
	err := d.engine.Look(ctx, id, paths...)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return folderStopped(name, err)
}
