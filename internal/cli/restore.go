package cli

import (
	"context"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/term"
)

func (a *app) newRestoreCommand() *cobra.Command {
	var req api.RestoreRequest
	var at string
	cmd := &cobra.Command{
		Use:   "restore [PATH]",
		Short: "Bring back an old version of a file, or all files that were deleted",
		Long: `Bring a file back as it was before it was last changed or deleted, or as it was at a
time; with --deleted all files below a directory that are deleted. A restore is a
change like any other: it reaches the other devices, and what it replaces goes into
the history first, so that it can be undone too.

--at takes a time that has passed (10m, 2d), a date, or a time of RFC 3339, such as
"history" shows. If it is before all versions that are kept, the oldest comes back.`,
		Example: `  botsync restore shared/report.md
  botsync restore shared/report.md --at 2h --to /tmp/report.md
  botsync restore --deleted shared --dry-run`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitUnreachable, api.ExitState, api.ExitTrouble),
		Args:        atMostOne("a file or directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("to") && req.To == "" {
				return usage("Name a file that does not exist yet, or leave out --to.", "--to names no file")
			}
			if cmd.Flags().Changed("at") {
				var err error
				if req.At, err = parseTime("at", at, time.Now()); err != nil {
					return err
				}
			}
			return a.runRestore(cmd.Context(), req, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&at, "at", "", "as it was at this `time`, instead of before the latest change")
	f.StringVar(&req.To, "to", "", "put it into this `file`, which must not exist, and leave the other alone")
	f.BoolVar(&req.Deleted, "deleted", false, "all files below PATH that are deleted; without PATH in all folders")
	f.BoolVar(&req.DryRun, "dry-run", false, "only say what would come back")
	askFlag(cmd, &req.Timeout)
	return cmd
}

func (a *app) runRestore(ctx context.Context, req api.RestoreRequest, args []string) error {
	switch {
	case len(args) == 0 && !req.Deleted:
		return usage(`Name a file, or use --deleted; "botsync history" lists what there is.`, "no file was named")
	case req.Deleted && (req.To != "" || !req.At.IsZero()):
		return usage("Restore one file with these.", "--deleted takes neither --at nor --to")
	}
	if req.To != "" {
		to, err := filepath.Abs(req.To)
		if err != nil {
			return usage("Give an absolute path.", "%q cannot be found: %v", req.To, err)
		}
		req.To = to
	}
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
	var line *api.RestoredLine
	if err := a.whileRestoring(ctx, "Restoring", func(ctx context.Context, c *control.Client) (err error) {
		line, err = c.Restore(ctx, req)
		return err
	}); err != nil {
		return err
	}
	if a.json {
		if err := a.term.JSON(line); err != nil {
			return err
		}
	} else if err := a.showRestored(line); err != nil {
		return err
	}
	return leftOut(line.Skipped)
}

// whileRestoring makes a request to the daemon that writes files.
func (a *app) whileRestoring(ctx context.Context, what string, do func(context.Context, *control.Client) error) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, r)
	if err != nil {
		return err
	}
	defer c.Close()
	spin := a.term.Spin(ctx, what)
	defer spin.Stop()
	return do(ctx, c)
}

func (a *app) showRestored(line *api.RestoredLine) error {
	if err := a.listRestored(line.Files, line.Restored, line.Skipped); err != nil {
		return err
	}
	n := term.Count(line.Restored, "file", "files")
	switch {
	case line.Restored == 0 && len(line.Skipped) == 0:
		a.term.Done("There is nothing to restore.")
	case line.DryRun:
		a.term.Say("%s would come back.", n)
	case line.To != "":
		a.term.Done("It is in %s.", term.Clean(line.To))
	default:
		a.term.Done("Restored %s.", n)
	}
	a.sayUnreachable(line.Unreachable)
	return nil
}

// listRestored prints what came back, one path a line, and says what did not.
func (a *app) listRestored(files []api.RestoredFile, all int, skipped []api.SkippedFile) error {
	for _, f := range files {
		if err := a.term.Data(term.Clean(f.Path)); err != nil {
			return err
		}
	}
	if more := all - len(files); more > 0 {
		a.term.Say("And %s.", term.Count(more, "other", "others"))
	}
	for i, s := range skipped {
		if i == maxSkipped {
			a.term.Warn("%s left as they are, too; --json lists them.", term.Count(len(skipped)-i, "other is", "others are"))
			break
		}
		who := ""
		if s.Device != nil {
			who = " (" + term.Device(*s.Device) + ")"
		}
		a.term.Warn("%s is left as it is: %s%s.", term.Clean(s.Path), term.Clean(s.Message), who)
	}
	return nil
}

// maxSkipped is how many files that were left out are named to a person.
const maxSkipped = 20

// leftOut is the end of a command that did not do all of it: what it did is done,
// and was said.
func leftOut(skipped []api.SkippedFile) error {
	failed := map[string]int{} // by reason
	for _, s := range skipped {
		failed[s.Reason]++
	}
	again, inWay := failed[api.SkippedAway]+failed[api.SkippedFailed], failed[api.SkippedDirectory]
	hint := "Run it again for the rest."
	if inWay > 0 {
		hint = "Move away what is in the way, and run it again for the rest."
	}
	if again+inWay == 0 {
		return nil
	}
	return api.Errorf(api.CodeTrouble, hint, "%s could not be restored", term.Count(again+inWay, "file", "files"))
}
