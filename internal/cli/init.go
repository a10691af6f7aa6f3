package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
)

type initOptions struct {
	settings
	noWait bool
	ticket bool
}

func (a *app) newInitCommand() *cobra.Command {
	var opts initOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make this machine the first of a network, and print a code for the next one",
		Long: `Make the root, start its daemon and print a five-word code, with which one other
machine can join within ten minutes. Then wait until it has. The code is the only
line on standard output.

The daemon holds the invite: it stays open when this command is interrupted or
--no-wait is given. On a root that exists init starts the daemon and invites, and
flags that are given change its settings. Files that are in the folders already
stay there and are shared.

With --role agent inbox/ is receive-only here, with --role human deliverables/: what
the reader deletes or edits by mistake does not travel. See "botsync devices role".`,
		Example: `  botsync init
  botsync init --name vps --role agent --no-wait
  botsync init --relay https://relay.example.com
  botsync init --json | jq -r 'select(.type == "invite").code'`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotRunning, api.ExitTimeout, api.ExitUnreachable, api.ExitState),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.runInit(cmd.Context(), opts) },
	}
	opts.addFlags(cmd)
	cmd.Flags().BoolVar(&opts.noWait, "no-wait", false, "return at once; the daemon keeps the invite open")
	cmd.Flags().BoolVar(&opts.ticket, "ticket", false, ticketUsage)
	return cmd
}

func (a *app) runInit(ctx context.Context, opts initOptions) error {
	dir, err := a.resolve()
	if err != nil {
		return err
	}
	if err := checkRelay(opts.relay, opts.lanOnly); err != nil {
		return err
	}
	hook, err := hookFromEnv()
	if err != nil {
		return err
	}
	r, created, err := root.Create(dir, opts.config())
	if err != nil {
		return err
	}
	c, err := a.startForInit(ctx, r, created, &opts.settings)
	if err != nil {
		// Nothing half-made stays. If it cannot be removed, that helps nobody.
		_ = created.Undo()
		return err
	}
	defer c.Close()
	relay, err := pairingRelay(r, opts.relay)
	if err != nil {
		return err
	}
	var line *api.InviteLine
	if err = a.switchOn(ctx, c, hook); err == nil {
		line, err = c.Invite(ctx, api.InviteRequest{Relay: relay, Ticket: opts.ticket})
	}
	if err != nil {
		a.takeBackInit(context.WithoutCancel(ctx), r, created)
		return err
	}
	if created.Initialised {
		a.term.Done("%s is ready: shared/, deliverables/ and inbox/ are synced from now on.", r.Dir())
	}
	return a.showInvite(ctx, r, c, line, opts.noWait)
}

// takeBackInit removes a root that this command made and that has no use: the
// disk may be full.
func (a *app) takeBackInit(ctx context.Context, r *root.Root, created *root.Created) {
	if !created.Initialised {
		return
	}
	_, _, err := a.stopDaemon(ctx, r)
	if err == nil {
		err = created.Undo()
	}
	if err != nil {
		a.term.Warn("the root was not removed again: %v", err)
	}
}

// startForInit brings the daemon up with the settings that were asked for.
func (a *app) startForInit(ctx context.Context, r *root.Root, created *root.Created, s *settings) (*control.Client, error) {
	spin := a.term.Spin(ctx, "Starting the daemon")
	defer spin.Stop()
	if err := a.refuseRename(ctx, r, s); err != nil {
		return nil, err
	}
	if !created.Initialised {
		changed, _, err := a.update(r, s)
		if err != nil {
			return nil, err
		}
		if changed {
			spin.Stop()
			if err := a.restart(ctx, r); err != nil {
				return nil, err
			}
		}
	}
	c, _, err := a.ensureDaemon(ctx, r)
	return c, err
}

// refuseRename keeps a device from calling itself otherwise than its network
// knows it: config.toml is not what the others read.
func (a *app) refuseRename(ctx context.Context, r *root.Root, s *settings) error {
	if !s.changed("name") {
		return nil
	}
	st, err := a.statusOf(ctx, r)
	if err != nil || st.Network == nil || st.Device.Name == s.name {
		return err
	}
	return api.Errorf(api.CodeNamed, `Leave --name out, and run "botsync devices rename".`,
		"this device is %q in its network already", st.Device.Name)
}
