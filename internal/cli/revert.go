package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/term"
)

func (a *app) newRevertCommand() *cobra.Command {
	var req api.RevertRequest
	cmd := &cobra.Command{
		Use:   "revert [FOLDER]",
		Short: "Take back what was changed here in a receive-only folder",
		Long: `Take back what was changed on this device in a folder that is receive-only here, as
its role has it: deliverables/ for a human, inbox/ for an agent. Files that were
deleted or edited come back from the other devices as they are there; files that
exist here only go.

Nothing is lost: what was edited and what exists here only is kept below
.botsync/reverted first, and the command says where.`,
		Example: `  botsync revert --dry-run
  botsync revert
  botsync revert deliverables --json`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitState),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return nArgs(1, "one folder at most")(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkTimeout(req.Timeout); err != nil {
				return err
			}
			if len(args) == 1 {
				if req.Folder = args[0]; req.Folder == "" {
					return usage("Name a folder such as deliverables, or none.", "the name of the folder is empty")
				}
			}
			return a.runRevert(cmd.Context(), req)
		},
	}
	cmd.Flags().BoolVar(&req.DryRun, "dry-run", false, "only say what would be taken back")
	cmd.Flags().DurationVar(&req.Timeout, "timeout", api.DefaultRevert, "how long to wait for what comes back from other devices; it comes later all the same")
	return cmd
}

func (a *app) runRevert(ctx context.Context, req api.RevertRequest) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, r)
	if err != nil {
		return err
	}
	defer c.Close()
	spin := a.term.Spin(ctx, "Reverting")
	defer spin.Stop()
	ctx, cancel := context.WithTimeout(ctx, req.Timeout+revertGrace)
	defer cancel()
	line, err := c.Revert(ctx, req)
	spin.Stop()
	if err != nil || a.json {
		return a.orJSON(line, err)
	}
	return a.showReverted(line)
}

// revertGrace is for what comes before the waiting: a look at whole folders, and
// copies of files where the file system has no links.
const revertGrace = time.Hour

func (a *app) showReverted(line *api.RevertedLine) error {
	for _, c := range line.Changes {
		if err := a.term.Data(term.Clean(c.Change) + " " + term.Clean(c.Path)); err != nil {
			return err
		}
	}
	n := term.Count(len(line.Changes), "change", "changes")
	switch {
	case len(line.Changes) == 0:
		a.term.Done("There is nothing to revert.")
	case line.DryRun:
		a.term.Say("%s would be reverted. What was edited, and what exists here only, would be kept.", n)
	default:
		a.term.Done("Reverted %s.", n)
	}
	if line.Kept != "" {
		a.term.Say("What was here is kept in %s.", line.Kept)
	}
	if line.Missing > 0 {
		a.term.Warn("%s still to come from other devices; nothing has to be done for it.", term.Count(line.Missing, "file is", "files are"))
	}
	return nil
}
