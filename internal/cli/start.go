package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
)

type startOptions struct {
	foreground bool
	handshake  bool // for spawn: report on standard output, log to the file alone
}

const (
	typeStarted        = "started"
	typeAlreadyRunning = "already_running"
)

// startedLine is the answer of "start --json".
type startedLine struct {
	Schema  int    `json:"schema"`
	Type    string `json:"type"` // started or already_running
	PID     int    `json:"pid"`
	Root    string `json:"root"`
	Version string `json:"version"`
}

func (a *app) newStartCommand() *cobra.Command {
	var opts startOptions
	cmd := &cobra.Command{
		Use:   "start [--foreground]",
		Short: "Start the daemon of an initialised root",
		Long: `Start the daemon in the background and return once it answers. It goes on when the
terminal is closed, and ends with "botsync stop" or SIGTERM. A daemon that is
running already is left alone.

With --foreground the daemon is this process: for systemd, containers and
supervisors. It logs to standard error, and to .botsync/logs/daemon.log as ever.`,
		Example: `  botsync start
  botsync start --foreground`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitState),
		Args:        noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.foreground {
				return a.runForeground(cmd.Context(), opts)
			}
			return a.runStart(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&opts.foreground, "foreground", false, "be the daemon, and log to standard error")
	cmd.Flags().BoolVar(&opts.handshake, "handshake", false, "")
	_ = cmd.Flags().MarkHidden("handshake")
	return cmd
}

func (a *app) runStart(ctx context.Context) error {
	hook, err := hookFromEnv()
	if err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	spin := a.term.Spin(ctx, "Starting the daemon")
	c, started, err := a.ensureDaemon(ctx, r)
	spin.Stop()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := a.switchOn(ctx, c, hook); err != nil {
		return err
	}
	return a.sayStarted(r, c, started)
}

func (a *app) sayStarted(r *root.Root, c *control.Client, started bool) error {
	info, err := r.LockInfo()
	if err != nil {
		return err
	}
	kind := typeStarted
	if !started {
		kind = typeAlreadyRunning
	}
	if a.json {
		return a.term.JSON(startedLine{api.Schema, kind, info.PID, r.Dir(), c.Version().Version})
	}
	if started {
		a.term.Done("The daemon of %s is running (process %d).", r.Dir(), info.PID)
	} else {
		a.term.Done("The daemon of %s is already running (process %d).", r.Dir(), info.PID)
	}
	return nil
}

// runForeground is the daemon. Its end by a signal or "botsync stop" is success.
func (a *app) runForeground(ctx context.Context, opts startOptions) error {
	report := a.sayReady
	var hook *api.NotifyTarget
	if opts.handshake { // whoever started this switches hooks on
		report = handshake
		signal.Ignore(syscall.SIGHUP) // it has no terminal that could be closed
	} else {
		var err error
		if hook, err = hookFromEnv(); err != nil {
			return err
		}
	}
	err := a.serve(ctx, opts.handshake, func() {
		a.switchOnHere(ctx, hook)
		report(ready{Schema: api.Schema, Ready: true, PID: os.Getpid()})
	})
	if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	if opts.handshake {
		handshake(ready{Schema: api.Schema, Error: explain(ctx, err)})
	}
	return err
}

// switchOnHere is switchOn in the daemon itself, which goes on if that fails.
func (a *app) switchOnHere(ctx context.Context, hook *api.NotifyTarget) {
	if hook == nil {
		return
	}
	if err := a.withDaemon(ctx, func(c *control.Client) error { return a.switchOn(ctx, c, hook) }); err != nil {
		a.term.Warn("notifications to OpenClaw are not switched on: %v", err)
	}
}

func (a *app) serve(ctx context.Context, background bool, onReady func()) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	var log io.Writer // the daemon keeps its file in any case
	if !background && !a.quiet {
		log = a.err
	}
	return a.deps.RunDaemon(ctx, DaemonOptions{Root: r.Dir(), Ready: onReady, Log: log})
}

// sayReady tells a supervisor that the daemon in the foreground answers.
func (a *app) sayReady(line ready) {
	if r, err := a.open(); err == nil && a.json {
		_ = a.term.JSON(startedLine{api.Schema, typeStarted, line.PID, r.Dir(), a.deps.Version})
	}
}

// handshakePipe stays referenced, and so open: as file descriptor 1 it must not
// become a database or a socket.
var handshakePipe = os.Stdout

// handshake writes the line that [app.spawn] waits for. Whatever else wants to
// print to standard output goes nowhere.
func handshake(line ready) {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stdout = null
	}
	_ = json.NewEncoder(handshakePipe).Encode(line) // its reader may have been killed
}
