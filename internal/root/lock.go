package root

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"

	"github.com/botsync/botsync/internal/api"
)

// LockInfo is what daemon.lock says about the daemon that holds it.
type LockInfo struct {
	PID       int       `json:"pid"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
	Socket    string    `json:"socket"` // absolute path of the local API
}

// Lock is the right to be the daemon of a root. The system takes it back when
// the process ends, however it ends.
type Lock struct {
	lock *flock.Flock
}

// lockPatience covers the instant for which [Root.Held] holds the lock.
const lockPatience = 300 * time.Millisecond

// The content of daemon.lock begins after this many bytes. On Windows the first
// byte is locked, and nobody else can read it.
const lockOffset = 1

// Lock makes the calling process the daemon of the root. If another process is,
// the [api.Error] already_running says which. What a killed daemon left in the
// file is overwritten.
func (r *Root) Lock(info LockInfo) (*Lock, error) {
	lock := flock.New(r.state(lockName), flock.SetPermissions(modeSecret))
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	ok, err := lock.TryLockContext(ctx, 10*time.Millisecond)
	if !ok && (err == nil || errors.Is(err, context.DeadlineExceeded)) {
		who := ""
		if other, err := r.LockInfo(); err == nil && other.PID != 0 {
			who = fmt.Sprintf(" (process %d)", other.PID)
		}
		return nil, api.Errorf(api.CodeRunning, `Use it, or end it with "botsync stop".`,
			"a daemon is running for %s already%s", r.dir, who)
	}
	if err != nil {
		return nil, unusable(r.dir, err)
	}
	l := &Lock{lock: lock}
	if err := r.writeLockInfo(info); err != nil {
		return nil, errors.Join(unusable(r.dir, err), l.Unlock())
	}
	return l, nil
}

func (r *Root) writeLockInfo(info LockInfo) error {
	data, err := json.Marshal(info)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.state(lockName), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	// Spaces stand where the lock is, and over the rest of a longer content.
	if old, err := f.Stat(); err == nil {
		for int64(len(data))+lockOffset < old.Size() {
			data = append(data, ' ')
		}
	}
	_, err = f.WriteAt(data, lockOffset)
	// Where the byte of the lock can be written it is a space as well, so that the
	// whole file is JSON to others.
	_, _ = f.WriteAt([]byte{' '}, 0)
	return errors.Join(err, f.Close())
}

// Unlock lets the next daemon in. The file stays: removing it would let two
// daemons hold locks on two files of one name.
func (l *Lock) Unlock() error { return l.lock.Close() }

// LockInfo reads what the last holder of the lock wrote, running or not. The
// zero LockInfo means that none ever was, or that one is just starting.
func (r *Root) LockInfo() (LockInfo, error) {
	f, err := os.Open(r.state(lockName))
	if err != nil {
		return LockInfo{}, ignoreMissing(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.NewSectionReader(f, lockOffset, 64<<10))
	if err != nil {
		return LockInfo{}, err
	}
	var info LockInfo
	if json.Unmarshal(data, &info) != nil {
		return LockInfo{}, nil // being written
	}
	return info, nil
}

// LockPath is the file that the daemon has open and locked.
func (r *Root) LockPath() string { return r.state(lockName) }

// Held reports whether a daemon holds the root's lock: whether one is running,
// starting or stopping.
func (r *Root) Held() (bool, error) {
	if _, err := os.Stat(r.state(lockName)); errors.Is(err, fs.ErrNotExist) || isNotDir(err) {
		return false, nil
	}
	// A shared lock, opened for reading: asking changes nothing.
	lock := flock.New(r.state(lockName), flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	if err != nil {
		return false, unusable(r.dir, err)
	}
	return !free, lock.Close()
}
