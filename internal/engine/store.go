package engine

import (
	"iter"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/syncthing"
)

// store is Syncthing's database. Some types of its methods are in a package that
// others cannot name: they are type parameters here, which the compiler infers.
type store[Service, Option any, Meta metadata, Block any, Pair keyValue] interface {
	Service(interval time.Duration) Service
	Close() error

	Update(folder string, device protocol.DeviceID, files []protocol.FileInfo, options ...Option) error
	DropAllFiles(folder string, device protocol.DeviceID) error
	DropFilesNamed(folder string, device protocol.DeviceID, names []string) error
	DropFolder(folder string) error
	DropFolderDevice(folder string, device protocol.DeviceID) error
	DropDevice(device protocol.DeviceID) error

	GetDeviceFile(folder string, device protocol.DeviceID, name string) (protocol.FileInfo, bool, error)
	GetGlobalFile(folder, name string) (protocol.FileInfo, bool, error)
	GetGlobalAvailability(folder, name string) ([]protocol.DeviceID, error)

	AllGlobalFiles(folder string) (iter.Seq[Meta], func() error)
	AllGlobalFilesPrefix(folder, prefix string) (iter.Seq[Meta], func() error)
	AllLocalFiles(folder string, device protocol.DeviceID) (iter.Seq[protocol.FileInfo], func() error)
	AllLocalFilesBySequence(folder string, device protocol.DeviceID, start int64, limit int) (iter.Seq[protocol.FileInfo], func() error)
	AllLocalFilesWithPrefix(folder string, device protocol.DeviceID, prefix string) (iter.Seq[protocol.FileInfo], func() error)
	AllLocalFilesWithBlocksHash(folder string, hash []byte) (iter.Seq[Meta], func() error)
	AllNeededGlobalFiles(folder string, device protocol.DeviceID, order config.PullOrder, limit, offset int) (iter.Seq[protocol.FileInfo], func() error)

	AllLocalBlocksWithHash(folder string, hash []byte) (iter.Seq[Block], func() error)
	DropBlockIndex(folder string) error
	PopulateBlockIndex(folder string) error

	ListFolders() ([]string, error)
	ListDevicesForFolder(folder string) ([]protocol.DeviceID, error)
	RemoteSequences(folder string) (map[protocol.DeviceID]int64, error)
	GetDeviceSequence(folder string, device protocol.DeviceID) (int64, error)
	DropAllIndexIDs() error
	GetIndexID(folder string, device protocol.DeviceID) (protocol.IndexID, error)
	SetIndexID(folder string, device protocol.DeviceID, id protocol.IndexID) error

	CountGlobal(folder string) (syncthing.Counts, error)
	CountLocal(folder string, device protocol.DeviceID) (syncthing.Counts, error)
	CountNeed(folder string, device protocol.DeviceID) (syncthing.Counts, error)
	CountReceiveOnlyChanged(folder string) (syncthing.Counts, error)

	GetMtime(folder, name string) (onDisk, virtual time.Time)
	PutMtime(folder, name string, onDisk, virtual time.Time) error
	DeleteMtime(folder, name string) error

	GetKV(key string) ([]byte, error)
	PutKV(key string, value []byte) error
	DeleteKV(key string) error
	PrefixKV(prefix string) (iter.Seq[Pair], func() error)
}

// metadata is what Syncthing's database tells of a file without its blocks.
type metadata interface {
	~struct {
		Name       string
		Sequence   int64
		ModNanos   int64
		Size       int64
		LocalFlags protocol.FlagLocal
		Type       protocol.FileInfoType
		Deleted    bool
	}
}

// fileMetadata is a metadata whose fields can be read.
type fileMetadata struct {
	Name       string
	Sequence   int64
	ModNanos   int64
	Size       int64
	LocalFlags protocol.FlagLocal
	Type       protocol.FileInfoType
	Deleted    bool
}

// keyValue is what Syncthing's database has under a key of its own.
type keyValue interface {
	~struct {
		Key   string
		Value []byte
	}
}

// layer lies over Syncthing's database, in which everything that is known of files
// is kept: each of Syncthing's parts reads and writes through it.
type layer[S, O any, M metadata, B any, P keyValue] struct {
	store[S, O, M, B, P]

	// pass is asked which entries of this device's index may be written. Those
	// that it leaves out are as they were, for this device and for its peers: the
	// next scan comes upon the same changes again.
	pass func(folder string, files []protocol.FileInfo) []protocol.FileInfo
	// drops is asked which entries of this device's index may be removed; it may be nil.
	drops func(folder string, names []string) []string
	// seen is told of entries of any device before they are written, and what it returns
	// is called after that; it may be nil.
	seen func(folder string, device protocol.DeviceID, files []protocol.FileInfo) (done func())
	// ownTime is asked whether a file has a time of its own, which no other is to be kept
	// apart for; it may be nil.
	ownTime func(folder, name string) bool
	// clashing says which files a folder is not to get, nil that it gets all; it may be nil.
	clashing func(folder string) func(protocol.FileInfo) bool
	// written is told after the index of this device was written; it may be nil.
	written func(folder string)

	self     protocol.ShortID
	hashed   sync.Map // string → *hashed, by folder
	mtimes   mtimes
	knowns   knowns
	choices  choices
	pages    pullPages
	maxWhole int
}

// hashedFiles are what is known of the files of each folder that were read.
func (l *layer[S, O, M, B, P]) hashedFiles() *sync.Map { return &l.hashed }

func layerOver[S, O any, M metadata, B any, P keyValue](db store[S, O, M, B, P]) *layer[S, O, M, B, P] {
	return &layer[S, O, M, B, P]{
		store:    db,
		pass:     func(_ string, files []protocol.FileInfo) []protocol.FileInfo { return files },
		mtimes:   mtimes{none: map[string]bool{}},
		knowns:   knowns{all: map[string]*known{}},
		pages:    pullPages{size: pullPage},
		maxWhole: maxWhole,
	}
}

// DropBlockIndex removes what nothing looks up; nothing is written there either, see
// skipBlocks. Syncthing removes it, and writes the whole database anew, before a folder
// starts, and does not start a folder any more for which that has failed once, as it
// does on a full disk.
func (l *layer[S, O, M, B, P]) DropBlockIndex(folder string) error {
	if err := l.store.DropBlockIndex(folder); err != nil {
		slog.Warn("The index of a folder takes more room than it needs", "folder", folder, "error", err)
	}
	return nil
}

// skipBlocks is Syncthing's option WithSkipBlockIndex, which it gives with what it
// writes itself. Others cannot name it: it is made of its type, a function that is
// given a pointer to the options.
func skipBlocks[O any]() O {
	return reflect.MakeFunc(reflect.TypeFor[O](), func(args []reflect.Value) []reflect.Value {
		args[0].Elem().FieldByName("SkipBlockIndex").SetBool(true)
		return nil
	}).Interface().(O)
}

// makeFolder makes the database of a folder if there is none.
func (l *layer[S, O, M, B, P]) makeFolder(folder string) error {
	return l.store.Update(folder, protocol.LocalDeviceID, nil)
}
