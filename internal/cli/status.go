package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/term"
)

type statusOptions struct {
	watch bool
	check bool
}

func (a *app) newStatusCommand() *cobra.Command {
	var opts statusOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what is connected, what is left to do, and what is wrong",
		Long: `Show the devices and folders of the network: who is connected, what each side still
lacks, and what is wrong. The first line is the answer at a glance.

A root whose daemon is not running answers too, from disk, with exit status 4.`,
		Example: `  botsync status
  botsync status --watch
  botsync status --check || echo "botsync needs attention"
  botsync status --json | jq '.peers[] | select(.connected) | .need_files'`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitTrouble),
		Args:        noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opts.watch && opts.check {
				return usage("Choose one of them.", "--watch and --check do not go together")
			}
			return a.runStatus(cmd.Context(), opts)
		},
	}
	cmd.Flags().BoolVar(&opts.watch, "watch", false, "go on showing it: redraw on a terminal, a line for each change with --json")
	cmd.Flags().BoolVar(&opts.check, "check", false, "exit with 9 if something is wrong")
	return cmd
}

func (a *app) runStatus(ctx context.Context, opts statusOptions) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, r)
	if err != nil {
		return a.showStopped(r, err)
	}
	defer c.Close()
	if opts.watch {
		return a.watch(ctx, r, c)
	}
	st, err := c.Status(ctx)
	if err != nil {
		return a.showStopped(r, err)
	}
	if err := a.showStatus(st); err != nil {
		return err
	}
	if n := len(st.Problems); opts.check && n > 0 {
		return api.Errorf(api.CodeTrouble, "What to do stands with each of them.", "there %s", isAre(n))
	}
	return nil
}

func isAre(n int) string {
	if n == 1 {
		return "is 1 problem"
	}
	return "are " + term.Count(n, "problem", "problems")
}

func (a *app) showStatus(st *api.Status) error {
	if a.json {
		return a.term.JSON(st)
	}
	return a.term.Status(st, time.Now())
}

// showStopped answers for a daemon that does not run, from disk, and returns the
// error that says so.
func (a *app) showStopped(r *root.Root, notRunning error) error {
	if held, err := r.Held(); err != nil || held || !hasCode(notRunning, api.CodeNotRunning) {
		return notRunning
	}
	st, err := a.offline(r)
	if err != nil {
		return err
	}
	if err := a.showStatus(st); err != nil {
		return err
	}
	return notRunning
}

func (a *app) offline(r *root.Root) (*api.Status, error) {
	st, err := a.deps.OfflineStatus(r.Dir())
	if err != nil {
		return nil, err
	}
	st.Schema = api.Schema
	return st, nil
}

// statusOf asks the daemon, or the disk if there is none.
func (a *app) statusOf(ctx context.Context, r *root.Root) (*api.Status, error) {
	c, err := control.Dial(ctx, r)
	if err == nil {
		defer c.Close()
		return c.Status(ctx)
	}
	if !hasCode(err, api.CodeNotRunning) {
		return nil, err
	}
	return a.offline(r)
}
