package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
)

func (a *app) newIgnoresCommand() *cobra.Command {
	limit := 0
	cmd := &cobra.Command{
		Use:   "ignores [PATH]",
		Short: "Show what is kept out of the folders, and why",
		Long: `List what stays on this device: secrets, version control, caches and what else the
defaults keep out, and what .botsyncignore and .stignore of a folder do. Of a
directory that is kept out whole only the directory is listed.

With PATH: say whether it is synced, and which pattern decides; it need not exist.
Of a folder, or a directory that is synced, all is listed that is kept out below it.

A line with ! in .botsyncignore, at the top of a folder, syncs what a default keeps
out, on all devices: !node_modules. Secrets and version control are synced by a
device only if its own .stignore says so, which no peer can write. docs/ignores.md
says what the lines can be.`,
		Example: `  botsync ignores
  botsync ignores shared/.env
  botsync ignores shared/web --json
  echo '!node_modules' >>~/sync/shared/.botsyncignore`,
		Annotations: deviceExits(api.ExitState),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("Name one, or none for all.", "ignores takes one path, but got %q as well", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usage("Give a number from 0.", "--limit %d is below zero", limit)
			}
			req := api.IgnoresRequest{Limit: limit}
			if limit == 0 && cmd.Flags().Changed("limit") {
				req.Limit = -1
			}
			if len(args) > 0 {
				r, err := a.open()
				if err != nil {
					return err
				}
				if req.Path, err = inRoot(r, args[0]); err != nil {
					return err
				}
			}
			return a.runIgnores(cmd.Context(), req)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "list so many at most; 0 for all; default 200")
	return cmd
}

func (a *app) runIgnores(ctx context.Context, req api.IgnoresRequest) error {
	return a.withDaemon(ctx, func(c *control.Client) error {
		list, err := c.Ignores(ctx, req)
		if err != nil || a.json {
			return a.orJSON(list, err)
		}
		for _, p := range list.Problems {
			a.term.Warn("%s", p.Message)
		}
		return a.term.Ignores(list)
	})
}
