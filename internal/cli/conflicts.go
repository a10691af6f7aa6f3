package cli

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/term"
)

const groupConflicts = "conflicts"

func (a *app) newConflictsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "conflicts",
		Short: "List files that two devices changed at the same time; compare and resolve them",
		Long: `List the files that two devices changed without knowing of each other's change, with
all versions: who made them, when, how large they are. The newest keeps the name;
the others are beside it as conflict copies, which are ordinary files and sync.

"conflicts diff" compares the versions, "conflicts keep" resolves. What is not kept
goes to the history, and can be restored.`,
		Example: `  botsync conflicts
  botsync conflicts diff shared/report.md
  botsync conflicts keep mine shared/report.md
  botsync conflicts --json | jq -r '.conflicts[].path'`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning),
		Args:        noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDaemon(cmd.Context(), func(c *control.Client) error {
				list, err := c.Conflicts(cmd.Context())
				if err != nil || a.json {
					return a.orJSON(list, err)
				}
				return a.term.Conflicts(list, time.Now())
			})
		},
	}
	cmd.AddGroup(&cobra.Group{ID: groupConflicts, Title: "Commands:"})
	for _, c := range []*cobra.Command{a.newConflictsDiffCommand(), a.newConflictsKeepCommand()} {
		c.GroupID = groupConflicts
		cmd.AddCommand(c)
	}
	return cmd
}

func (a *app) newConflictsDiffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff [PATH…]",
		Short: "Compare the versions of files in conflict",
		Long: `Compare each conflict copy with the version that has the name of the file, in the
unified format: lines that only the copy has begin with +. PATH is a file, or one of
its conflict copies; without it all conflicts are compared.

Of what is not text sizes and hashes are shown. What has more than 1 MiB is not
read, and sizes and times are shown. One answer reads no more than 64 MiB. Control
characters are replaced; --json has the lines as they are.`,
		Example: `  botsync conflicts diff
  botsync conflicts diff shared/report.md
  botsync conflicts diff shared/report.md --json | jq -r '.files[].diff'`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitState),
		Args:        cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := a.pathsInRoot(args)
			if err != nil {
				return err
			}
			return a.withDaemon(cmd.Context(), func(c *control.Client) error {
				diffs, err := c.ConflictDiff(cmd.Context(), api.DiffRequest{Paths: paths})
				if err != nil || a.json {
					return a.orJSON(diffs, err)
				}
				return a.term.ConflictDiffs(diffs)
			})
		},
	}
}

func (a *app) newConflictsKeepCommand() *cobra.Command {
	var req api.KeepRequest
	words := []string{api.KeepMine, api.KeepTheirs, api.KeepBoth, api.KeepNewest, api.KeepOldest}
	cmd := &cobra.Command{
		Use:   "keep mine|theirs|both|newest|oldest [PATH…]",
		Short: "Resolve conflicts: keep one version of a file, or all beside each other",
		Long: `Resolve conflicts, on all devices. "mine" is the version that this device made,
"theirs" that of another one, and "both" gives conflict copies ordinary names beside
the file. Where these words do not say which, with three versions for one, nothing
is done: name the device that made the version, or say newest or oldest.

PATH is a file, for all of its versions, or one of its conflict copies, for that and
the current version; or give --all. --all leaves alone what only looks like a
conflict: files whose names botsync did not make.

What is not kept goes to the history first.`,
		Example: `  botsync conflicts keep mine shared/report.md
  botsync conflicts keep newest --all --dry-run
  botsync conflicts keep --device laptop shared/plan.md
  botsync conflicts keep both --all --json`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitState),
		Args:        cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case cmd.Flags().Changed("device") && req.Device == "":
				return usage("Name a device, or leave out --device.", "--device names no device")
			case len(args) > 0 && slices.Contains(words, args[0]):
				req.Keep, args = args[0], args[1:]
			case req.Device == "":
				return usage("Say mine, theirs, both, newest or oldest, or name a device with --device.", "it is not said which version to keep")
			}
			if (len(args) > 0) == req.All {
				return usage("Name files, or give --all.", "it is not said which conflicts to resolve")
			}
			var err error
			if req.Paths, err = a.pathsInRoot(args); err != nil {
				return err
			}
			return a.runKeep(cmd.Context(), req)
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Device, "device", "", "only versions that this `device` made are meant: its name or the beginning of its ID")
	f.BoolVar(&req.All, "all", false, "all conflicts")
	f.BoolVar(&req.DryRun, "dry-run", false, "only say what would be done")
	return cmd
}

func (a *app) runKeep(ctx context.Context, req api.KeepRequest) error {
	return a.withDaemon(ctx, func(c *control.Client) error {
		spin := a.term.Spin(ctx, "Resolving")
		defer spin.Stop()
		line, err := c.KeepVersions(ctx, req)
		spin.Stop()
		if err != nil {
			return err
		}
		if a.json {
			err = a.term.JSON(line)
		} else {
			err = a.term.Resolved(line)
		}
		switch {
		case err != nil:
			return err
		case line.Untold != nil && len(line.Skipped) == 0:
			return line.Untold
		case len(line.Skipped) == 0:
			return nil
		}
		first := line.Skipped[0]
		return api.Errorf(first.Code, `"botsync conflicts" shows what is left.`, "%s, the first because %s",
			term.Count(len(line.Skipped), "conflict was left as it was", "conflicts were left as they were"), first.Reason)
	})
}

// pathsInRoot are arguments as the daemon takes them.
func (a *app) pathsInRoot(args []string) ([]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	r, err := a.open()
	if err != nil {
		return nil, err
	}
	out := make([]string, len(args))
	for i, arg := range args {
		if out[i], err = inRoot(r, arg); err != nil {
			return nil, err
		}
	}
	return out, nil
}
