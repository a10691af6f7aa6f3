package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/term"
)

const groupDevices = "devices"

func (a *app) newDevicesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "devices",
		Short: "List the devices of the network; add, rename or remove one, say what it is for",
		Long: `List the devices of the network: who is connected and how, when it was seen last,
and who let it in. Any device can rename and remove any other: there is no owner.

A device is named by its name, or by the beginning of its ID (at least 4
characters), here as everywhere. "botsync invite" adds a device that runs botsync.`,
		Example: `  botsync devices
  botsync devices rename laptop desk
  botsync devices role laptop human
  botsync devices remove phone
  botsync devices add ABCDEFG-… --name nas
  botsync devices --json | jq -r '.devices[] | select(.connected | not) | .name'`,
		Annotations: deviceExits(),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.runDevices(cmd.Context()) },
	}
	cmd.AddGroup(&cobra.Group{ID: groupDevices, Title: "Commands:"})
	for _, c := range []*cobra.Command{a.newDevicesRenameCommand(), a.newDevicesRoleCommand(), a.newDevicesRemoveCommand(), a.newDevicesAddCommand()} {
		c.GroupID = groupDevices
		cmd.AddCommand(c)
	}
	return cmd
}

func deviceExits(more ...int) map[string]string {
	return exits(append([]int{api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning}, more...)...)
}

func (a *app) runDevices(ctx context.Context) error {
	return a.withDaemon(ctx, func(c *control.Client) error {
		list, err := c.Devices(ctx)
		if err != nil || a.json {
			return a.orJSON(list, err)
		}
		return a.term.DeviceList(list, time.Now())
	})
}

// nArgs is for commands that take exactly so many arguments.
func nArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usage(seeHelp(cmd), "%s takes %s, but got %s", cmd.CommandPath(), what, term.Count(len(args), "argument", "arguments"))
		}
		return nil
	}
}

func (a *app) newDevicesRenameCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rename DEVICE NAME",
		Short: "Give a device another name, on all devices",
		Long: `Give a device, this one or another, the name by which all devices show it. Those
that are off learn of it later. No two devices are shown by the same name.`,
		Example:     `  botsync devices rename laptop desk`,
		Annotations: deviceExits(api.ExitState),
		Args:        nArgs(2, "a device and its new name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDaemon(cmd.Context(), func(c *control.Client) error {
				line, err := c.Rename(cmd.Context(), api.RenameRequest{Device: args[0], Name: args[1]})
				if err != nil || a.json {
					return a.orJSON(line, err)
				}
				a.term.Done("%s is called %s now.", term.Clean(line.Was), term.Strong(term.Clean(line.Device.Name)))
				return nil
			})
		},
	}
}

func (a *app) newDevicesRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove DEVICE",
		Short: "Remove a device from the network, for good",
		Long: `Remove another device from the network. It is disconnected at once and can connect
to no device any more that has heard of this; devices that are off hear of it
later. Nothing brings it back but a new invite, which lets it in as a new device.
Its copies of the files stay with it.

The last other device cannot be removed: "botsync leave" parts the two.`,
		Example: `  botsync devices remove phone
  botsync devices remove ABCDEFG`,
		Annotations: deviceExits(api.ExitState),
		Args:        nArgs(1, "a device"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDaemon(cmd.Context(), func(c *control.Client) error {
				line, err := c.RemoveDevice(cmd.Context(), api.RemoveRequest{Device: args[0]})
				if err != nil || a.json {
					return a.orJSON(line, err)
				}
				a.term.Done("%s is removed.", term.Strong(term.Device(line.Device)))
				if len(line.Offline) > 0 {
					a.term.Say("Not connected now, and told later: %s.", term.Devices(line.Offline))
				}
				if len(line.Stock) > 0 {
					a.term.Warn("%s can still connect to it, and pass on what it writes: remove it in that Syncthing too.", term.Devices(line.Stock))
				}
				if len(line.LetIn) > 0 {
					a.term.Warn("it had let in %s, which can still connect.", term.Devices(line.LetIn))
				}
				return nil
			})
		},
	}
}

func (a *app) newDevicesAddCommand() *cobra.Command {
	var req api.AddRequest
	cmd := &cobra.Command{
		Use:   "add ID --name NAME",
		Short: "Add a Syncthing without botsync, such as one on a phone or NAS",
		Long: `Add a device that runs Syncthing, 1.19 or later, but not botsync, by the ID that it
shows. It shares the folders and nothing else: it can neither add nor remove
devices. What has to be done on its side is printed. Run it again to see that once
more.`,
		Example: `  botsync devices add ABCDEFG-… --name phone
  botsync devices add ABCDEFG-… --name nas --address tcp://192.0.2.7:22000`,
		Annotations: deviceExits(api.ExitState),
		Args:        nArgs(1, "a Syncthing device ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if req.Name == "" {
				return usage("Give the device a name with --name.", "the device has no name")
			}
			req.ID = args[0]
			return a.withDaemon(cmd.Context(), func(c *control.Client) error {
				line, err := c.AddDevice(cmd.Context(), req)
				if err != nil || a.json {
					return a.orJSON(line, err)
				}
				return a.term.Added(line)
			})
		},
	}
	cmd.Flags().StringVar(&req.Name, "name", "", "the `name` by which all devices show it")
	cmd.Flags().StringArrayVar(&req.Addresses, "address", nil, "where it listens, if discovery does not find it: a `URL` such as tcp://192.0.2.7:22000; repeatable")
	return cmd
}
