package engine

import (
	"iter"
	"slices"
	"sync"

	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
)

// known is what is known of a folder's entries without asking the database.
type known struct {
	recent *recent
	names  *localNames
	ahead  ahead
	whole  whole
}

// write has entries written: of these names, or any if names is nil.
func (k *known) write(names []string, local bool, write func() error) error {
	if local {
		k.names.add(names...)
		k.ahead.begin(names)
		defer k.ahead.end()
		k.whole.begin(names)
		defer k.whole.done()
	}
	return k.recent.write(names, write)
}

// knowns are those of all folders.
type knowns struct {
	mu  sync.Mutex
	all map[string]*known // by folder
}

func (l *layer[S, O, M, B, P]) known(folder string) *known {
	l.knowns.mu.Lock()
	defer l.knowns.mu.Unlock()
	k := l.knowns.all[folder]
	if k == nil {
		sequence, err := l.store.GetDeviceSequence(folder, protocol.LocalDeviceID)
		k = &known{recent: newRecent(), names: newLocalNames(err == nil && sequence == 0)}
		k.whole.over = err == nil && sequence == 0
		l.knowns.all[folder] = k
	}
	return k
}

// Update writes entries into the index of a device.
func (l *layer[S, O, M, B, P]) Update(folder string, device protocol.DeviceID, files []protocol.FileInfo, options ...O) error {
	local := device == protocol.LocalDeviceID
	if local {
		if files = l.pass(folder, files); len(files) == 0 {
			return nil
		}
		files = l.withModes(folder, files)
	}
	if l.seen != nil {
		defer l.seen(folder, device, files)()
	}
	err := l.known(folder).write(normalized(files), local, func() error {
		return l.store.Update(folder, device, files, options...)
	})
	if local && l.written != nil {
		l.written(folder)
	}
	if !local {
		l.pages.note(folder, device, files)
	}
	return err
}

// withModes gives what was changed on a disk without modes the mode that it had: the
// devices that get it next would not know it otherwise.
func (l *layer[S, O, M, B, P]) withModes(folder string, files []protocol.FileInfo) []protocol.FileInfo {
	copied := false
	for i, f := range files {
		if !f.NoPermissions || f.ModifiedBy != l.self || f.IsDeleted() || f.IsInvalid() {
			continue
		}
		had, ok, err := l.localFile(folder, f.Name)
		if err != nil || !ok || had.NoPermissions || had.IsDeleted() || had.Type != f.Type {
			continue
		}
		if !copied {
			files, copied = slices.Clone(files), true
		}
		files[i].NoPermissions, files[i].Permissions = false, had.Permissions
	}
	return files
}

// enter writes entries into the index of this device that need not pass.
func (l *layer[S, O, M, B, P]) enter(folder string, files []protocol.FileInfo) error {
	err := l.known(folder).write(normalized(files), true, func() error {
		return l.store.Update(folder, protocol.LocalDeviceID, files, skipBlocks[O]())
	})
	if l.written != nil {
		l.written(folder)
	}
	return err
}

// GetDeviceFile returns the entry of a file in the index of a device. The time of one of
// this device is another one if the file has to be read again.
func (l *layer[S, O, M, B, P]) GetDeviceFile(folder string, device protocol.DeviceID, name string) (protocol.FileInfo, bool, error) {
	if device != protocol.LocalDeviceID {
		return l.store.GetDeviceFile(folder, device, name)
	}
	file, found, err := l.localFile(folder, name)
	if h, ok := l.hashed.Load(folder); ok && found && err == nil {
		file = h.(*hashed).check(file)
	}
	return file, found, err
}

func (l *layer[S, O, M, B, P]) localFile(folder, name string) (protocol.FileInfo, bool, error) {
	device := protocol.LocalDeviceID
	k, normal := l.known(folder), osutil.NormalizedFilename(name)
	if k.whole.wanted() {
		l.readWhole(folder, k)
	}
	if file, found, known := k.whole.get(normal); known {
		return file, found, nil
	}
	if k.names.known() {
		if k.names.absent(normal) {
			return protocol.FileInfo{}, false, nil
		}
	} else if file, found, known := k.ahead.get(normal, func(prefix string) (iter.Seq[protocol.FileInfo], func() error) {
		return l.store.AllLocalFilesWithPrefix(folder, device, prefix)
	}); known {
		return file, found, nil
	}
	return k.recent.get(name, false, func() (protocol.FileInfo, bool, error) {
		return l.store.GetDeviceFile(folder, device, name)
	})
}

// beginScan says that a scan of a whole folder begins, for which the entries of this
// device are kept.
func (l *layer[S, O, M, B, P]) beginScan(folder string) {
	k := l.known(folder)
	k.whole.again()
	if k.whole.wanted() {
		l.readWhole(folder, k)
	}
}

// scanning reports whether the entries of this device are kept, through which a scan is
// still to go.
func (l *layer[S, O, M, B, P]) scanning(folder string) bool { return l.known(folder).whole.held() }

// seenAs reports whether the entry of a file is kept and is as is says: the scan is not
// told of it then.
func (l *layer[S, O, M, B, P]) seenAs(folder, name string, is func(protocol.FileInfo) bool) bool {
	return l.known(folder).whole.seenAs(name, is)
}

// readWhole reads all entries of this device.
func (l *layer[S, O, M, B, P]) readWhole(folder string, k *known) {
	count, err := l.store.CountLocal(folder, protocol.LocalDeviceID)
	if err != nil {
		return
	}
	k.whole.read(count.TotalItems()+count.Deleted, l.maxWhole, func() (iter.Seq[protocol.FileInfo], func() error) {
		return k.gathering(l.store.AllLocalFiles(folder, protocol.LocalDeviceID))
	})
}

// GetGlobalFile returns the entry of a file that all devices are to have.
func (l *layer[S, O, M, B, P]) GetGlobalFile(folder, name string) (protocol.FileInfo, bool, error) {
	return l.known(folder).recent.get(name, true, func() (protocol.FileInfo, bool, error) {
		return l.store.GetGlobalFile(folder, name)
	})
}

// gathering has the names of the entries added that are read, which are all.
func (k *known) gathering(entries iter.Seq[protocol.FileInfo], failed func() error) (iter.Seq[protocol.FileInfo], func() error) {
	if k.names.known() {
		return entries, failed
	}
	return func(yield func(protocol.FileInfo) bool) {
		for f := range entries {
			k.names.add(osutil.NormalizedFilename(f.Name))
			if !yield(f) {
				return
			}
		}
		if failed() == nil {
			k.names.finish()
			k.ahead.drop()
		}
	}, failed
}

// AllLocalFiles returns all entries of a device's index; of this device's, those that
// were chosen last. Syncthing reads them so to revert them; a scan reads them by a
// prefix, and misses none.
func (l *layer[S, O, M, B, P]) AllLocalFiles(folder string, device protocol.DeviceID) (iter.Seq[protocol.FileInfo], func() error) {
	entries, failed := l.allLocalFiles(folder, device)
	if device != protocol.LocalDeviceID {
		return entries, failed
	}
	return l.choices.among(folder, entries), failed
}

// allLocalFiles returns all entries of a device's index, whatever is chosen.
func (l *layer[S, O, M, B, P]) allLocalFiles(folder string, device protocol.DeviceID) (iter.Seq[protocol.FileInfo], func() error) {
	entries, failed := l.store.AllLocalFiles(folder, device)
	if device != protocol.LocalDeviceID {
		return entries, failed
	}
	return l.known(folder).gathering(entries, failed)
}

// What follows removes entries. That is rare: everything that is known of them is
// forgotten.

func (l *layer[S, O, M, B, P]) DropAllFiles(folder string, device protocol.DeviceID) error {
	return l.known(folder).write(nil, true, func() error { return l.store.DropAllFiles(folder, device) })
}

func (l *layer[S, O, M, B, P]) DropFilesNamed(folder string, device protocol.DeviceID, names []string) error {
	if l.drops != nil && device == protocol.LocalDeviceID {
		if names = l.drops(folder, names); len(names) == 0 {
			return nil
		}
	}
	return l.known(folder).write(nil, true, func() error { return l.store.DropFilesNamed(folder, device, names) })
}

func (l *layer[S, O, M, B, P]) DropFolderDevice(folder string, device protocol.DeviceID) error {
	return l.known(folder).write(nil, true, func() error { return l.store.DropFolderDevice(folder, device) })
}

func (l *layer[S, O, M, B, P]) DropFolder(folder string) error {
	return l.known(folder).write(nil, true, func() error { return l.store.DropFolder(folder) })
}

func (l *layer[S, O, M, B, P]) DropDevice(device protocol.DeviceID) error {
	drop := func() error { return l.store.DropDevice(device) }
	l.knowns.mu.Lock()
	for _, k := range l.knowns.all {
		inner := drop
		drop = func() error { return k.write(nil, true, inner) }
	}
	l.knowns.mu.Unlock()
	return drop()
}

// collect reads entries of which more is to be asked: whoever asks while they are read
// needs a second connection of the database, of which there are six for a folder. As many
// who do would wait for each other for good.
func collect(entries iter.Seq[protocol.FileInfo], failed func() error) ([]protocol.FileInfo, error) {
	out := slices.Collect(entries)
	return out, failed()
}
