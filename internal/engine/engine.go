package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/syncthing/syncthing/lib/config"
	"github.com/syncthing/syncthing/lib/connections"
	"github.com/syncthing/syncthing/lib/connections/registry"
	"github.com/syncthing/syncthing/lib/discover"
	"github.com/syncthing/syncthing/lib/events"
	"github.com/syncthing/syncthing/lib/locations"
	"github.com/syncthing/syncthing/lib/model"
	"github.com/syncthing/syncthing/lib/osutil"
	"github.com/syncthing/syncthing/lib/protocol"
	"github.com/syncthing/syncthing/lib/syncthing"
	"github.com/syncthing/syncthing/lib/tlsutil"
	"github.com/thejerf/suture/v4"
)

const (
	configName = "config.xml"
	// DatabaseName is the directory of the index, within Options.Dir. It can be
	// made anew from the files at any time.
	DatabaseName = "index-v2"

	bepProtocol         = "bep/1.0"
	certName            = "syncthing"
	deleteRetention     = 15 * 30 * 24 * time.Hour // how long a deletion is remembered, Syncthing's default
	maintenanceInterval = 8 * time.Hour            // Syncthing's default
	listenTimeout       = 2 * time.Second          // for the first report of a listener
	listenTries         = 5                        // ports tried when another process was faster
)

// Options says where the engine lives.
type Options struct {
	Dir      string // configuration and database; made if missing
	Identity Identity
	// OnEvent is called for every event, in order, from one goroutine. It must
	// not block: Syncthing drops events that are not taken.
	OnEvent func(Event)
	// OnLoss is called before a peer's change makes something go from a folder, by
	// several goroutines at once. If it returns an error that change is not made,
	// and tried again later. It may be nil.
	OnLoss func(Loss) error
	// Merged says of which files versions are remembered, for MergeBase: by the name
	// of a folder and the path in it, slash-separated. It may be nil.
	Merged func(folder, path string) bool
}

// Engine is a running Syncthing.
type Engine struct {
	id        protocol.DeviceID
	dir       string
	journals  map[string]*pullJournal // by the roots of folders
	port      int
	wanted    int // the port that it would have taken if it had been free
	cfg       config.Wrapper
	model     model.Model
	conns     connections.Service
	db        index
	names     folderNames
	onEvent   func(Event)
	onLoss    func(Loss) error
	losses    map[string]*lossKeeper // by the roots of folders
	fullScans map[string]bool        // the roots of folders
	arrivals  map[string]*arrivals   // by the roots of folders
	hashed    map[string]*hashed     // by the IDs of folders
	sets      conflictSets
	bases     mergeBases
	slips     slipLists
	sweeps    *sweeper
	tuned     map[string]bool // databases with indexes of ours, by name
	watches   watches
	finder    *finder
	scans     firstScans
	indexes   announcements
	senders   indexSenders
	primaries *primaries
	running   context.Context // until Close
	turns     turns           // of those who look at a folder
	brakes    brakes
	ignoring  ignoringFolders
	badNames  badNameSets
	failures  failures
	clashes   caseClashes
	newCopies newCopies

	applying sync.Mutex
	applied  Settings

	events     *eventLog
	cancel     context.CancelFunc
	base, main <-chan error // ends of the two supervisors
	baseCancel context.CancelFunc
	loops      sync.WaitGroup
	done       chan struct{}
	err        error
}

// ErrDatabase says that the index cannot be opened. Removing it is safe.
var ErrDatabase = errors.New("opening the index")

// Open starts the engine. It returns when its listeners answer or have told why
// they don't. The caller must Close it.
func Open(ctx context.Context, o Options, s Settings) (*Engine, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("starting engine: %w", err)
	}
	for _, base := range []locations.BaseDirEnum{locations.ConfigBaseDir, locations.DataBaseDir} {
		if err := locations.SetBaseDir(base, o.Dir); err != nil {
			return nil, fmt.Errorf("starting engine: %w", err)
		}
	}
	id, err := protocol.DeviceIDFromString(o.Identity.ID)
	if err != nil {
		return nil, fmt.Errorf("starting engine: %w", err)
	}
	configFile := filepath.Join(o.Dir, configName)
	kept := keptPort(configFile)
	port := choosePort(kept)
	e := &Engine{id: id, dir: o.Dir, journals: map[string]*pullJournal{}, arrivals: map[string]*arrivals{}, tuned: map[string]bool{}, port: port, wanted: wantedPort(kept), onEvent: o.OnEvent, onLoss: o.OnLoss, applied: s,
		sweeps: newSweeper(), scans: firstScans{ends: map[string]int64{}}, brakes: newBrakes(), done: make(chan struct{})}
	if o.Merged != nil {
		e.bases.wanted = func(folder, path string) bool {
			name, ok := e.names.name(folder)
			return ok && o.Merged(name, path)
		}
	}
	initial, err := configuration(id, port, s)
	if err != nil {
		return nil, err
	}
	e.names.set(s.Folders)
	e.ignoring.wake = make(chan struct{}, 1)
	e.keepIgnores(s.Folders)

	// What others subscribe to has to outlive them: two supervisors, stopped in
	// the opposite order.
	logger := newEventLog(eventMask)
	e.events = logger
	e.cfg = config.Wrap(configFile, initial, id, logger)
	baseCtx, baseCancel := context.WithCancel(context.WithoutCancel(ctx))
	base := suture.New("engine base", suture.Spec{EventHook: logSupervisor, PassThroughPanics: true})
	base.Add(logger)
	base.Add(e.cfg)
	e.base, e.baseCancel = base.ServeBackground(baseCtx), baseCancel

	up := logger.Subscribe(events.ListenAddressesChanged)
	defer up.Unsubscribe()
	if err := e.start(ctx, logger, filepath.Join(o.Dir, DatabaseName), o.Identity.cert); err != nil {
		baseCancel()
		<-e.base
		return nil, err
	}
	if err := e.cfg.Save(); err != nil {
		e.Close()
		return nil, fmt.Errorf("starting engine: %w", err)
	}
	if err := e.awaitListeners(ctx, up); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// start wires Syncthing's parts as its own App does and sets them going.
func (e *Engine) start(ctx context.Context, logger events.Logger, dbPath string, cert tls.Certificate) error {
	osutil.MaximizeOpenFileLimit()
	opened, err := syncthing.OpenDatabase(dbPath, deleteRetention)
	if err != nil {
		return databaseError(err)
	}
	sdb := layerOver(opened)
	e.db = sdb
	known := e.cfg.Folders()
	indexed, err := sdb.ListFolders()
	if err != nil {
		sdb.Close()
		return databaseError(err)
	}
	for _, folder := range indexed {
		if _, ok := known[folder]; !ok {
			if err := sdb.DropFolder(folder); err != nil {
				sdb.Close()
				return databaseError(err)
			}
		}
	}

	if err := e.indexFolders(ctx, e.cfg.FolderList()); err != nil {
		sdb.Close()
		return err
	}
	e.keepJournals(e.cfg.FolderList())
	e.keepLosses(e.cfg.FolderList())
	e.keepArrivals(e.cfg.FolderList())
	e.keepHashed(e.cfg.FolderList())
	e.keepCopyNamers(e.cfg.FolderList())
	e.keepFullScans(e.cfg.FolderList())
	if err := e.adoptPulls(ctx, sdb, sdb.enter); err != nil {
		sdb.Close()
		return databaseError(err)
	}

	e.clearBrakes(e.applied.Folders)
	e.addBrakes(e.applied)
	sdb.pass = e.pass
	sdb.drops = e.mayDrop
	sdb.self = e.id.Short()
	sdb.ownTime = e.keepsOwnTime
	sdb.clashing = e.clashing
	e.bases.store = sdb
	sdb.written = e.senders.note // at once, not when Syncthing has said so to itself
	sdb.seen = func(folder string, device protocol.DeviceID, files []protocol.FileInfo) func() {
		return e.bases.enter(e.id.Short(), folder, device, files)
	}

	keyGen := protocol.NewKeyGenerator()
	// The second of protectedFiles' purposes, warning about a folder that holds
	// them, cannot arise: folders are siblings of .botsync.
	e.model = model.NewModel(e.cfg, e.id, sdb, nil, logger, keyGen)

	tlsCfg := tlsutil.SecureDefaultTLS13()
	tlsCfg.Certificates = []tls.Certificate{cert}
	tlsCfg.NextProtos = []string{bepProtocol}
	tlsCfg.ClientAuth = tls.RequestClientCert
	tlsCfg.SessionTicketsDisabled = true
	tlsCfg.InsecureSkipVerify = true // a peer is known by the hash of its certificate

	addresses := &lateAddresses{}
	reg := registry.New()
	discovery := discover.NewManager(e.id, e.cfg, cert, logger, addresses, reg)
	e.finder = &finder{Finder: discovery, answers: answers, redial: e.redial, link: e.link, own: e.isOwn, wake: make(chan struct{}, 1)}
	e.finder.set(e.applied.Peers)
	e.primaries = newPrimaries(e.id, e.applied.Peers)
	prompt := &promptModel{Model: e.model, cfg: e.cfg, index: sdb, announced: &e.indexes, senders: &e.senders, primaries: e.primaries,
		early: newEarlyRequests(sdb, func(do func(context.Context)) { e.senders.run(do) })}
	sdb.pages.more = prompt.pullAgain
	e.conns = connections.NewService(e.cfg, e.id, prompt, tlsCfg, e.finder, bepProtocol, certName, logger, reg, keyGen)
	addresses.AddressLister = e.conns

	main := suture.New("engine", suture.Spec{EventHook: logSupervisor, PassThroughPanics: true})
	main.Add(sdb.Service(maintenanceInterval))
	main.Add(e.model)
	main.Add(discovery)
	main.Add(e.conns)
	mainCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.cancel, e.running = cancel, mainCtx
	// Connections are made by parts of main, which loops waits for.
	e.senders.all = map[string]*indexSender{}
	e.senders.run = func(do func(context.Context)) { e.loops.Go(func() { do(mainCtx) }) }
	e.rewatch(mainCtx, false)
	e.main = main.ServeBackground(mainCtx)
	e.loops.Go(func() { e.forward(mainCtx) })
	e.loops.Go(func() { e.mend(mainCtx) })
	e.loops.Go(func() { e.tendBrakes(mainCtx) })
	e.loops.Go(func() { e.tendIgnores(mainCtx) })
	e.loops.Go(func() { e.tendCircles(mainCtx) })
	e.loops.Go(func() { e.finder.run(mainCtx) })
	e.loops.Go(func() { e.sweepBases(mainCtx) })
	if sweeping {
		e.loops.Go(func() { e.sweep(mainCtx) })
	}
	e.loops.Go(func() {
		defer close(e.done)
		if err := <-e.main; err != nil && !errors.Is(err, context.Canceled) {
			e.err = fmt.Errorf("running engine: %w", err)
		}
		cancel()
	})
	return nil
}

// databaseError is ErrDatabase, and syscall.ENOSPC if there is no room for the
// index. Which of its two SQLite drivers says so depends on cgo: the words of
// SQLite itself are what they have in common. It calls it an error of input and
// output if there is no room for the memory that it shares with other processes:
// SQLITE_IOERR_SHMSIZE and SQLITE_IOERR_SHMMAP.
func databaseError(err error) error {
	for _, words := range []string{"database or disk is full", "no space left on device", "disk I/O error (4874)", "disk I/O error (5386)"} {
		if strings.Contains(err.Error(), words) {
			return fmt.Errorf("%w: %w: %w", ErrDatabase, syscall.ENOSPC, err)
		}
	}
	return fmt.Errorf("%w: %w", ErrDatabase, err)
}

// Apply changes what the engine was told at Open. It returns when the change is
// in force; connections to devices that are no longer peers are closed.
func (e *Engine) Apply(s Settings) error {
	e.applying.Lock()
	defer e.applying.Unlock()
	if reflect.DeepEqual(e.applied, s) {
		return nil
	}
	return e.apply(s)
}

// reapply takes note of what the disks of the folders are like now.
func (e *Engine) reapply() error {
	e.applying.Lock()
	defer e.applying.Unlock()
	return e.apply(e.applied)
}

// apply is called with applying held.
func (e *Engine) apply(s Settings) error {
	wanted, err := configuration(e.id, e.port, s)
	if err != nil {
		return err
	}
	e.names.set(s.Folders)
	if err := e.indexFolders(e.running, wanted.Folders); err != nil {
		return fmt.Errorf("configuring engine: %w", err)
	}
	e.keepIgnores(s.Folders)
	e.keepJournals(wanted.Folders)
	e.keepLosses(wanted.Folders)
	e.keepArrivals(wanted.Folders)
	e.keepHashed(wanted.Folders)
	e.keepCopyNamers(wanted.Folders)
	e.keepFullScans(wanted.Folders)
	e.addBrakes(s)
	e.primaries.set(s.Peers)
	e.finder.set(s.Peers) // before Syncthing hears of new ones and asks for them
	waiter, err := e.cfg.Modify(func(cfg *config.Configuration) {
		cfg.Options, cfg.Devices, cfg.Folders = wanted.Options, wanted.Devices, wanted.Folders
	})
	if err != nil {
		return fmt.Errorf("configuring engine: %w", err)
	}
	waiter.Wait()
	e.settleBrakes(s)
	e.rewatch(e.running, true)
	e.applied = s
	return nil
}

// ID returns the device ID.
func (e *Engine) ID() string { return e.id.String() }

// Port returns the port that the engine listens on, TCP and UDP.
func (e *Engine) Port() int { return e.port }

// Done is closed when the engine has stopped, by Close or by itself.
func (e *Engine) Done() <-chan struct{} { return e.done }

// Err returns why the engine stopped by itself, once Done is closed.
func (e *Engine) Err() error {
	select {
	case <-e.done:
		return e.err
	default:
		return nil
	}
}

// Close stops the engine and waits until its database is closed.
func (e *Engine) Close() error {
	e.cancel()
	e.wakeListener()
	e.loops.Wait()
	e.watches.opener.close()
	err := e.db.Close()
	e.closeJournals(err == nil)
	e.keepIgnores(nil)
	e.keepLosses(nil)
	e.keepArrivals(nil)
	e.keepHashed(nil)
	e.keepCopyNamers(nil)
	e.keepFullScans(nil)
	e.baseCancel()
	<-e.base
	if err != nil {
		return fmt.Errorf("closing the index: %w", err)
	}
	return nil
}

// lateAddresses breaks the circle between discovery, which announces addresses,
// and connections, which asks discovery for those of others.
type lateAddresses struct{ discover.AddressLister }
