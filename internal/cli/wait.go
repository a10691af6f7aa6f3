package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/term"
)

type waitOptions struct {
	synced  bool
	fresh   bool // --new
	peers   []string
	timeout time.Duration
	count   int
	since   int64
}

func (a *app) newWaitCommand() *cobra.Command {
	var opts waitOptions
	cmd := &cobra.Command{
		Use:   "wait (--synced | PATH... | --new [DIR])",
		Short: "Wait until peers have everything, or until files are here",
		Long: `Wait without polling, and with no load meanwhile.

With --synced: look at the disk, then return once this device lacks nothing and the
peers have everything that it has: all that are connected, or those named with
--peer. A peer that is not connected is waited for only if it is named.

With PATH: return once the files are here, complete and up to date. Of a directory
everything is waited for that is known of. Prints a line for each file.

With --new: print a line for each file that a peer has made or changed, in DIR or
anywhere, as it lands. Each line carries a cursor with --json; --since CURSOR goes
on from there, so that nothing falls between two calls.

A path that begins with the name of a folder (inbox/task.md) is meant from the root;
in the root any other is meant from the working directory.`,
		Example: `  botsync wait --synced
  botsync wait --synced --peer laptop --timeout 10m
  botsync wait inbox/task.md
  botsync wait --new inbox --count 1 --timeout 1h --json`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitTimeout, api.ExitUnreachable, api.ExitState),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := opts.check(cmd, args); err != nil {
				return err
			}
			return a.runWait(cmd.Context(), opts, args, cmd.Flags().Changed("since"))
		},
	}
	f := cmd.Flags()
	f.BoolVar(&opts.synced, "synced", false, "until peers have everything")
	f.BoolVar(&opts.fresh, "new", false, "for files of peers, as they land")
	f.StringArrayVar(&opts.peers, "peer", nil, "with --synced: the `name` of a device, or the beginning of its ID; repeatable")
	f.DurationVar(&opts.timeout, "timeout", api.DefaultWait, "how long to wait, then exit with 6; none for --new unless it is given")
	f.IntVar(&opts.count, "count", 0, "with --new: return after so many files")
	f.Int64Var(&opts.since, "since", 0, "with --new: go on from this `cursor` instead of now")
	return cmd
}

// check finds flags that do not go together.
func (o *waitOptions) check(cmd *cobra.Command, args []string) error {
	given := cmd.Flags().Changed
	hint := "Choose one of --synced, PATH and --new."
	switch {
	case o.synced && o.fresh:
		return usage(hint, "--synced and --new do not go together")
	case o.synced && len(args) > 0:
		return usage(hint, "--synced waits for everything, not for %q", args[0])
	case !o.synced && !o.fresh && len(args) == 0:
		return usage(hint, "it is not said what to wait for")
	case o.fresh && len(args) > 1:
		return usage("Name one directory, or none for all.", "--new takes one directory, but got %q as well", args[1])
	case given("peer") && !o.synced:
		return usage(hint, "--peer goes with --synced")
	case (given("count") || given("since")) && !o.fresh:
		return usage(hint, "--count and --since go with --new")
	case given("count") && o.count <= 0:
		return usage("Leave it out to go on for ever.", "--count %d is not above zero", o.count)
	case o.since < 0:
		return usage("Give the cursor of an earlier line.", "--since %d is below zero", o.since)
	}
	if o.fresh && !given("timeout") {
		o.timeout = 0
		return nil
	}
	return checkTimeout(o.timeout)
}

func checkTimeout(d time.Duration) error {
	if d <= 0 {
		return usage("Give a time such as 60s or 5m.", "the timeout %s is not above zero", d)
	}
	return nil
}

func (a *app) runWait(ctx context.Context, opts waitOptions, args []string, since bool) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	var paths []string
	for _, arg := range args {
		p, err := inRoot(r, arg)
		if err != nil {
			return err
		}
		paths = append(paths, p)
	}
	c, err := a.dial(ctx, r)
	if err != nil {
		return err
	}
	defer c.Close()
	switch {
	case opts.synced:
		return a.waitSynced(ctx, c, opts)
	case opts.fresh:
		req := api.NewRequest{Count: opts.count, Timeout: opts.timeout}
		if len(paths) > 0 {
			req.Dir = paths[0]
		}
		if since {
			req.Since = &opts.since
		}
		return a.waitNew(ctx, c, req)
	}
	return c.WaitPaths(ctx, api.PathsRequest{Paths: paths, Timeout: opts.timeout}, func(f api.FileHere) error {
		if a.json {
			return a.term.JSON(f)
		}
		return a.term.Data(term.Clean(f.Path))
	})
}

func (a *app) waitSynced(ctx context.Context, c *control.Client, opts waitOptions) error {
	spin := a.term.Spin(ctx, "Looking for changes")
	line, err := c.WaitSynced(ctx, api.SyncedRequest{Peers: opts.peers, Timeout: opts.timeout},
		func(l api.SyncedLine) { spin.Count(func() string { return term.Syncing(l) }) })
	spin.Stop()
	if err != nil {
		return err
	}
	if a.json {
		return a.term.JSON(line)
	}
	var synced []api.Device
	for _, p := range line.Peers {
		synced = append(synced, p.Device)
	}
	a.term.Done("Synced with %s.", term.Strong(term.Devices(synced)))
	if n := line.LocalChanges; n > 0 {
		a.term.Warn(`%s in receive-only folders did not travel; see "botsync status".`, term.Count(n, "change", "changes"))
	}
	if len(line.Offline) > 0 {
		a.term.Say("Not connected, and not waited for: %s.", term.Devices(line.Offline))
	}
	return nil
}

// waitNew prints files as they land. However it ends, whoever waits learns where
// to go on.
func (a *app) waitNew(ctx context.Context, c *control.Client, req api.NewRequest) error {
	var cursor int64
	err := c.WaitNew(ctx, req, func(f api.NewFile) error {
		cursor = f.Cursor
		switch {
		case f.Type != api.TypeFile:
			a.term.Say("Waiting for files.")
			return nil
		case a.json:
			return a.term.JSON(f)
		}
		return a.term.Data(term.Clean(f.Path))
	})
	if err == nil {
		return nil
	}
	e := explain(ctx, err)
	if e.Cursor == 0 {
		e.Cursor = cursor
	}
	return e
}

// inRoot is a path that a user means, relative to the root and with slashes.
func inRoot(r *root.Root, arg string) (string, error) {
	p, err := r.Rel(arg)
	var known *api.Error
	if err != nil && !errors.As(err, &known) {
		err = usage("Name it from the root: inbox/task.md.", "%q cannot be found: %v", arg, err)
	}
	return p, err
}
