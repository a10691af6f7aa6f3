package cli

import (
	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/term"
)

func (a *app) newDevicesRoleCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "role DEVICE agent|human|none",
		Short: "Say what a device is for, which decides what it only receives",
		Long: `Give a device, this one ("self") or another, a role. On a device with the role
human deliverables/ is receive-only, on one with the role agent inbox/ is: what its
reader deletes or edits there by mistake does not travel to the others, shows in
"botsync status", and is taken back by "botsync revert". Without a role everything
goes both ways.

A folder that is no longer receive-only sends what was changed in it. Where there
is something, that needs --force.`,
		Example: `  botsync devices role self agent
  botsync devices role laptop human
  botsync devices role laptop none`,
		Annotations: deviceExits(api.ExitState),
		Args:        nArgs(2, "a device and a role"),
		RunE: func(cmd *cobra.Command, args []string) error {
			role := api.Role(args[1])
			if args[1] == api.RoleWord {
				role = api.RoleNone
			} else if role == api.RoleNone || !role.Valid() {
				return usage("Choose agent, human or none.", "the role %q does not exist", args[1])
			}
			return a.withDaemon(cmd.Context(), func(c *control.Client) error {
				line, err := c.SetRole(cmd.Context(), api.RoleRequest{Device: args[0], Role: role, Force: force})
				if err != nil || a.json {
					return a.orJSON(line, err)
				}
				a.term.Done("%s has %s now.", term.Strong(term.Clean(line.Device.Name)), roleWords(line.Device.Role))
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "let what was changed in a receive-only folder travel to the other devices")
	return cmd
}

func roleWords(r api.Role) string {
	if r == api.RoleNone {
		return "no role"
	}
	return "the role " + term.Clean(string(r))
}
