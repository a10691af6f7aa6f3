package engine

import (
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/protocol"
)

// Syncthing keeps the times of files apart that a file system cannot hold exactly,
// and looks for one whenever it looks at a file: up to ten times for each that
// changes. Most file systems hold them all, so that it looks for what is not there.
// Whether anything is, is kept in the database as well.
const (
	mtimesKey = "botsync-mtimes/" // and the folder
	noMtimes  = "none"
	anyMtimes = "any"
)

// mtimes knows in which folders no times are kept apart.
type mtimes struct {
	mu   sync.RWMutex
	none map[string]bool // by folder; it is not known of those that are not in it
}

// GetMtime returns the time that is kept apart for a file, and the one that the
// file had on the disk then; both are zero if there is none.
func (l *layer[S, O, M, B, P]) GetMtime(folder, name string) (onDisk, virtual time.Time) {
	if l.noMtimes(folder) {
		return time.Time{}, time.Time{}
	}
	return l.store.GetMtime(folder, name)
}

// DeleteMtime forgets the time that is kept apart for a file.
func (l *layer[S, O, M, B, P]) DeleteMtime(folder, name string) error {
	if l.noMtimes(folder) {
		return nil
	}
	return l.store.DeleteMtime(folder, name)
}

// PutMtime keeps the time of a file apart.
func (l *layer[S, O, M, B, P]) PutMtime(folder, name string, onDisk, virtual time.Time) error {
	if l.ownTime != nil && l.ownTime(folder, name) {
		return nil
	}
	if l.noMtimes(folder) {
		l.mtimes.mu.Lock()
		defer l.mtimes.mu.Unlock()
		// First, so that what is kept is never taken for nothing.
		if err := l.store.PutKV(mtimesKey+folder, []byte(anyMtimes)); err != nil {
			return err
		}
		l.mtimes.none[folder] = false
	}
	return l.store.PutMtime(folder, name, onDisk, virtual)
}

// noMtimes reports whether no times are kept apart in a folder. It is known from
// the time at which the folder had no files yet.
func (l *layer[S, O, M, B, P]) noMtimes(folder string) bool {
	l.mtimes.mu.RLock()
	none, known := l.mtimes.none[folder]
	l.mtimes.mu.RUnlock()
	if known {
		return none
	}
	l.mtimes.mu.Lock()
	defer l.mtimes.mu.Unlock()
	if none, known := l.mtimes.none[folder]; known {
		return none
	}
	said, err := l.store.GetKV(mtimesKey + folder)
	none = err == nil && string(said) == noMtimes
	if len(said) == 0 {
		sequence, err := l.store.GetDeviceSequence(folder, protocol.LocalDeviceID)
		none = err == nil && sequence == 0 && l.store.PutKV(mtimesKey+folder, []byte(noMtimes)) == nil
	}
	l.mtimes.none[folder] = none
	return none
}
