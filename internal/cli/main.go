package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/term"
)

// Deps is what the commands need and this package must not import.
type Deps struct {
	Version string // of botsync
	Engine  string // the version of Syncthing

	// RunDaemon is the daemon of a root: it returns when ctx is done or when it
	// was asked to stop.
	RunDaemon func(ctx context.Context, opts DaemonOptions) error
	// OfflineStatus is the status of a root whose daemon is not running.
	OfflineStatus func(dir string) (*api.Status, error)
	// OfflineLog is likewise its log.
	OfflineLog func(ctx context.Context, dir string, req api.LogRequest) ([]api.Event, error)
	// OfflineDoctor is likewise its examination.
	OfflineDoctor func(ctx context.Context, dir string, req api.DoctorRequest) (*api.Doctor, error)
	// RunRelay is a pairing relay, until ctx is done.
	RunRelay func(ctx context.Context, opts RelayOptions) error
}

// DaemonOptions says how to run the daemon of a root.
type DaemonOptions struct {
	Root  string
	Ready func()    // called once the local API answers
	Log   io.Writer // gets a copy of the log; may be nil
}

// app is one run of the program.
type app struct {
	deps  Deps
	stdin *os.File
	out   io.Writer
	err   io.Writer
	env   []string

	rootFlag string
	json     bool
	quiet    bool

	term   *term.Terminal
	warned bool // of another version of the daemon
}

// Main runs the command that args, without the program's name, ask for, and
// returns its exit code. SIGINT and SIGTERM end a command in good order; a
// second one ends it at once.
func Main(ctx context.Context, args []string, deps Deps) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on a signal does what it always does
	a := &app{deps: deps, stdin: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Environ()}
	return a.run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	// Flags may be what is wrong; whoever wants JSON wants it then too.
	a.json = slices.Contains(args, "--json") || slices.Contains(args, "--json=true")
	a.newTerminal()
	cmd := a.newRootCommand()
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return api.ExitOK
	}
	e := explain(ctx, err)
	a.term.Error(e)
	return e.Exit
}

func (a *app) newTerminal() {
	a.term = term.New(a.out, a.err, term.Options{JSON: a.json, Quiet: a.quiet, Env: a.env})
}

// explain is the one place where an error gets its exit code.
func explain(ctx context.Context, err error) *api.Error {
	var e *api.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return api.Errorf(api.CodeTimeout, "Try again, with a longer --timeout if there is one.", "the time ran out")
	case ctx.Err() != nil:
		return interrupted("the command was interrupted", "")
	case errors.Is(err, syscall.EPIPE):
		return api.Errorf(api.CodeUnexpected, "", "standard output was closed")
	}
	message, hint := err.Error(), ""
	if errors.Is(err, os.ErrPermission) {
		hint = "Check the permissions of what the message names."
	}
	return api.Errorf(api.CodeUnexpected, hint, "%s", strings.TrimSpace(message))
}

// codeInterrupted is the stable code of a command that a signal ended. Its exit
// code is 1.
const codeInterrupted = "interrupted"

func interrupted(message, hint string) *api.Error {
	return api.Errorf(codeInterrupted, hint, "%s", message)
}

func usage(hint, format string, args ...any) *api.Error {
	return api.Errorf(api.CodeUsage, hint, format, args...)
}
