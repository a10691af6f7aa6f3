package engine

import (
	"iter"

	"github.com/syncthing/syncthing/lib/protocol"
)

// fewNames is up to how many names it is cheaper to ask for one by one.
const fewNames = 256

// below returns all entries of this device with names that begin with prefix.
func (l *layer[S, O, M, B, P]) below(folder, prefix string) (iter.Seq[protocol.FileInfo], func() error) {
	if prefix == "" {
		return l.allLocalFiles(folder, protocol.LocalDeviceID)
	}
	return l.AllLocalFilesWithPrefix(folder, protocol.LocalDeviceID, prefix)
}

// AllLocalFilesWithPrefix returns the entries of a device's index with names that
// begin with prefix. A scan of a path asks for them, whatever the path is. Without
// statistics, SQLite then reads all entries of the device; it looks for names
// first if it is asked for those of all devices.
//
// A scan of the whole folder asks for all names of this device, to see what is there no
// more. It is not told of what it need not look at; others ask by below.
func (l *layer[S, O, M, B, P]) AllLocalFilesWithPrefix(folder string, device protocol.DeviceID, prefix string) (iter.Seq[protocol.FileInfo], func() error) {
	if prefix == "" {
		if device == protocol.LocalDeviceID {
			ask := func(name string) (protocol.FileInfo, bool, error) { return l.GetDeviceFile(folder, device, name) }
			if entries, failed, ok := l.known(folder).whole.entries(ask); ok {
				return entries, failed
			}
		}
		return l.allLocalFiles(folder, device)
	}
	var names []string
	entries, failed := l.store.AllGlobalFilesPrefix(folder, prefix)
	for m := range entries {
		if names = append(names, fileMetadata(m).Name); len(names) > fewNames {
			return l.store.AllLocalFilesWithPrefix(folder, device, prefix)
		}
	}
	if err := failed(); err != nil {
		return func(func(protocol.FileInfo) bool) {}, func() error { return err }
	}
	var err error
	return func(yield func(protocol.FileInfo) bool) {
		for _, name := range names {
			file, ok, failed := l.GetDeviceFile(folder, device, name)
			if err = failed; err != nil || ok && !yield(file) {
				return
			}
		}
	}, func() error { return err }
}
