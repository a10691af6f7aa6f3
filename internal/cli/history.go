package cli

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/term"
)

func (a *app) newHistoryCommand() *cobra.Command {
	var req api.HistoryRequest
	cmd := &cobra.Command{
		Use:   "history [PATH]",
		Short: "List old versions of files: when they went, who did that, and who has them",
		Long: `List what files held before a device changed or deleted them, the latest last: of
one file, of all below a directory, or of everything. Each device keeps what others
change or delete on it for 30 days; what was changed here is with the others, which
are asked. "restore" brings a version back.`,
		Example: `  botsync history
  botsync history shared/report.md
  botsync history --deleted shared --json`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitState),
		Args:        atMostOne("a file or directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if req.Limit < 0 {
				return usage("Give a number from 0.", "--limit %d is below zero", req.Limit)
			}
			if req.Limit == 0 && cmd.Flags().Changed("limit") {
				req.Limit = -1
			}
			return a.runHistory(cmd.Context(), req, args)
		},
	}
	f := cmd.Flags()
	f.IntVar(&req.Limit, "limit", 0, "the latest so many; 0 for all; default 100")
	f.BoolVar(&req.Deleted, "deleted", false, "only files that are deleted, as they were last")
	f.BoolVar(&req.Here, "here", false, "only what this device has, without asking others")
	askFlag(cmd, &req.Timeout)
	return cmd
}

// askFlag adds --timeout of those who ask other devices.
func askFlag(cmd *cobra.Command, timeout *time.Duration) {
	cmd.Flags().DurationVar(timeout, "timeout", api.DefaultAsk, "how long to wait for other devices that may have versions")
}

// atMostOne is for commands that may be given one argument.
func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return nArgs(1, what+" at most")(cmd, args)
		}
		return nil
	}
}

func (a *app) runHistory(ctx context.Context, req api.HistoryRequest, args []string) error {
	if err := checkTimeout(req.Timeout); err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	if len(args) == 1 {
		if req.Path, err = inRoot(r, args[0]); err != nil {
			return err
		}
	}
	c, err := a.dial(ctx, r)
	if err != nil {
		return err
	}
	defer c.Close()
	spin := a.term.Spin(ctx, "Asking the other devices")
	defer spin.Stop()
	list, err := c.History(ctx, req)
	spin.Stop()
	if err != nil || a.json {
		return a.orJSON(list, err)
	}
	if err := a.term.History(list, time.Now()); err != nil && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	switch {
	case len(list.Versions) == 0 && req.Deleted:
		a.term.Say("Nothing is deleted of which there is a version.")
	case len(list.Versions) == 0:
		a.term.Say("There are no old versions.")
	case list.More:
		a.term.Say("There are older ones: see --limit.")
	}
	a.sayUnreachable(list.Unreachable)
	return nil
}

func (a *app) sayUnreachable(devices []api.Device) {
	if len(devices) > 0 {
		a.term.Warn("no answer from %s: what only they have is missing.", term.Devices(devices))
	}
}

// parseTime reads a time that a person gives: one that has passed (10m, 2d), a
// date, a time of RFC 3339.
func parseTime(flag, s string, now time.Time) (time.Time, error) {
	t, cursor, err := parseSince(s, now)
	if err != nil || cursor > 0 || t.IsZero() {
		return t, usage("Give a time such as 10m or 3d, a date, or a time of RFC 3339.", "--%s %q is no time", flag, s)
	}
	return t, nil
}
