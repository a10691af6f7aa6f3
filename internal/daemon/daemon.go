package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/activity"
	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/history"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/state"
)

// Options says which root to run and how.
type Options struct {
	Root    string    // an initialised root, absolute
	Version string    // botsync's
	Ready   func()    // called once the local API answers; may be nil
	Log     io.Writer // gets a copy of the log; may be nil
}

// daemon is a running node. Its parts are set up by Run and then only read.
type daemon struct {
	root    *root.Root
	config  root.Config
	version string
	started time.Time

	state     *state.DB
	activity  *activity.Log // what happened
	recorder  *recorder
	engine    *engine.Engine
	history   *history.Store // old versions of files
	retention *retention
	clock     *historyClock // what time it is for them
	exchange  exchange      // with others about versions
	members   *members
	invites   *invites
	joins     joins
	global    globalWay
	notify    notifier
	resolving resolving
	merger    merger
	peers     peerWatch
	clocks    clocks
	bell      bell // for those who wait for the engine

	log      *slog.Logger
	stop     context.CancelCauseFunc // ends Run
	group    sync.WaitGroup          // everything that Run waits for
	replan   chan struct{}           // the device records changed
	applying sync.Mutex              // held while the plan is made and applied
}

var errStopRequested = errors.New("stop was requested")

// Run runs the daemon of a root until ctx ends or a client asks it to stop;
// then it returns nil. What a user can do something about is an *api.Error.
func Run(ctx context.Context, o Options) (err error) {
	r, err := root.Open(o.Root)
	if err != nil {
		return err
	}
	cfg, err := r.Config()
	if err != nil {
		return err
	}
	socket, err := r.SocketPath()
	if err != nil {
		return err
	}
	lock, err := r.Lock(root.LockInfo{PID: os.Getpid(), Version: o.Version, StartedAt: time.Now(), Socket: socket})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()

	logFile := r.OpenLog()
	defer logFile.Close()
	logger := newLogger(slog.LevelInfo, logFile, o.Log)
	// Syncthing and other libraries log there too; at their level of information
	// they would write a line for every file.
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(engine.LogHandler(newLogger(slog.LevelWarn, logFile, o.Log).Handler())))

	logger.Info("starting", "version", o.Version, "engine", engine.Version(), "pid", os.Getpid())
	for {
		err := runOnce(ctx, r, cfg, o, logger, socket)
		if errors.Is(err, errRenewed) {
			logger.Info("starting anew with another identity")
			o.Ready = nil // it was called
			if now, err := r.Config(); err == nil {
				cfg.Role = now.Role // a command may have changed it
			}
			continue
		}
		if err != nil {
			logger.Error("stopped", "error", err)
			return err
		}
		logger.Info("stopped")
		return nil
	}
}

// runOnce runs the daemon with one identity.
func runOnce(ctx context.Context, r *root.Root, cfg root.Config, o Options, logger *slog.Logger, socket string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	d := &daemon{
		root: r, config: cfg, version: o.Version, started: time.Now(),
		log: logger, stop: stop, replan: make(chan struct{}, 1), recorder: newRecorder(),
		peers: newPeerWatch(), merger: newMerger(), clocks: newClocks(), retention: newRetention(), exchange: newExchange(),
	}
	d.history = history.NewStore(r.VersionsDir(), d.retention.added)
	d.clock = openHistoryClock(r.ClockPath(), logger, time.Now, uptime, seesSleep)
	return d.run(ctx, socket, o.Ready)
}

// run opens the parts in the order in which they depend on each other, and
// closes them in the opposite one.
func (d *daemon) run(ctx context.Context, socket string, ready func()) (err error) {
	if err := d.root.RefreshReadme(); err != nil {
		d.log.Warn("writing "+root.ReadmeName, "error", err)
	}
	d.clearSent()
	if d.state, err = d.openState(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.state.Close()) }()
	if d.activity, err = activity.Open(ctx, d.state); err != nil {
		return err
	}
	if err := d.openEngine(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.engine.Close()) }()

	listener, err := control.Listen(socket)
	if err != nil {
		return fmt.Errorf("opening the local API: %w", err)
	}
	work, stopWork := context.WithCancel(ctx)
	defer d.group.Wait()
	defer stopWork()
	d.invites = newInvites(d, work)
	if err := d.openNotify(work); err != nil {
		return errors.Join(err, listener.Close())
	}
	d.group.Go(d.notify.Wait)
	d.group.Go(func() { d.activity.Run(work) })
	d.group.Go(func() { d.tend(work) })
	d.group.Go(func() { d.record(work) })
	d.group.Go(func() { d.keepMerging(work) })
	d.group.Go(func() { d.keepAddresses(work) })
	d.group.Go(func() { d.tendHistory(work) })
	d.group.Go(func() { d.answers(work) })
	d.group.Go(func() {
		if err := control.Serve(work, listener, d); err != nil {
			d.stop(err)
		}
	})
	if err := d.invites.resume(ctx); err != nil {
		return err
	}
	if ready != nil {
		ready()
	}

	select {
	case <-ctx.Done():
		d.activity.Add(api.Event{Type: api.EventStopping})
		if cause := context.Cause(ctx); !errors.Is(cause, errStopRequested) && !errors.Is(cause, context.Canceled) {
			return cause
		}
		return nil
	case <-d.engine.Done():
		return errors.Join(errors.New("the engine stopped by itself"), d.engine.Err())
	}
}

// tend does what is due when the records change and when a pending join has
// come to nothing.
func (d *daemon) tend(ctx context.Context) {
	for {
		timeout := time.NewTimer(d.untilDue())
		select {
		case <-ctx.Done():
		case <-d.replan:
			d.gather(ctx)
			if err := errors.Join(d.settleRedeemed(ctx), d.apply()); err != nil {
				d.log.Error("applying the device records", "error", err)
			}
			d.noteClocks()
		case <-timeout.C:
			if err := d.doDue(); err != nil {
				d.log.Error("doing what was put off", "error", err)
			}
		}
		timeout.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// gatherPause is for how long changes of the records are gathered before they are
// looked at. They come in bursts, and every other list of peers makes Syncthing
// start all folders anew.
const gatherPause = 30 * time.Millisecond

func (d *daemon) gather(ctx context.Context) {
	pause := time.NewTimer(gatherPause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
	select {
	case <-d.replan: // it is looked at now
	default:
	}
}

// wake makes tend look again. It never blocks.
func (d *daemon) wake() {
	select {
	case d.replan <- struct{}{}:
	default:
	}
}

// Stop asks the daemon to stop.
func (d *daemon) Stop() { d.stop(errStopRequested) }

// Version says what is running.
func (d *daemon) Version() api.Version {
	return api.Version{Schema: api.Schema, Version: d.version, Engine: engine.Version(),
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
}

func newLogger(level slog.Level, file, also io.Writer) *slog.Logger {
	w := file
	if also != nil {
		w = io.MultiWriter(file, also)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
