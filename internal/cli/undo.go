package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/term"
)

func (a *app) newUndoCommand() *cobra.Command {
	var req api.UndoRequest
	var since string
	cmd := &cobra.Command{
		Use:   "undo --by DEVICE --since TIME [PATH]",
		Short: "Take back everything that one device changed or deleted since a time",
		Long: `Bring back what each file held before the first change that a device has made since
a time, on any device, this one ("self") too. Files that somebody else has changed
after that stay as they are and are named, unless --force. Files that the device has
made are listed, and removed only with --remove-new. What is replaced or removed
goes into the history first.

--since takes a time that has passed (10m, 2d), a date, or a time of RFC 3339.`,
		Example: `  botsync undo --by agent --since 10m --dry-run
  botsync undo --by agent --since 10m
  botsync undo --by self --since 1h shared/docs --json`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitState, api.ExitTrouble),
		Args:        atMostOne("a file or directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if req.Device == "" || since == "" {
				return usage(`Such as "botsync undo --by agent --since 10m".`, "undo takes --by and --since")
			}
			var err error
			if req.Since, err = parseTime("since", since, time.Now()); err != nil {
				return err
			}
			return a.runUndo(cmd.Context(), req, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Device, "by", "", "the `device`: its name, the beginning of its ID, or self")
	f.StringVar(&since, "since", "", "what it did since this `time`")
	f.BoolVar(&req.RemoveNew, "remove-new", false, "also remove the files that it has made")
	f.BoolVar(&req.Force, "force", false, "also what others have changed since")
	f.BoolVar(&req.DryRun, "dry-run", false, "only say what would be done")
	askFlag(cmd, &req.Timeout)
	return cmd
}

func (a *app) runUndo(ctx context.Context, req api.UndoRequest, args []string) error {
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
	var line *api.UndoneLine
	if err := a.whileRestoring(ctx, "Undoing", func(ctx context.Context, c *control.Client) (err error) {
		line, err = c.Undo(ctx, req)
		return err
	}); err != nil {
		return err
	}
	if a.json {
		if err := a.term.JSON(line); err != nil {
			return err
		}
	} else if err := a.showUndone(line); err != nil {
		return err
	}
	return leftOut(line.Skipped)
}

func (a *app) showUndone(line *api.UndoneLine) error {
	if err := a.listRestored(line.Files, line.Restored, line.Skipped); err != nil {
		return err
	}
	n := term.Count(line.Restored, "file", "files")
	switch {
	case line.Restored == 0 && len(line.Skipped) == 0 && len(line.New) == 0:
		a.term.Done("%s has changed nothing since then that could be taken back.", term.Strong(term.Device(line.Device)))
	case line.DryRun:
		a.term.Say("%s would come back.", n)
	default:
		a.term.Done("Restored %s.", n)
	}
	if len(line.New) > 0 {
		a.sayNew(line)
	}
	a.sayUnreachable(line.Unreachable)
	return nil
}

func (a *app) sayNew(line *api.UndoneLine) {
	for i, p := range line.New {
		if i == maxSkipped {
			a.term.Say("  and %s", term.Count(len(line.New)-i, "other", "others"))
			break
		}
		a.term.Say("  new: %s", term.Clean(p))
	}
	n := term.Count(len(line.New), "file", "files")
	if line.Removed > 0 {
		a.term.Done("Removed %s that it had made, into the history.", term.Count(line.Removed, "file", "files"))
		return
	}
	a.term.Say("It has made %s, which stay. --remove-new removes them.", n)
}
