package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/term"
)

type inviteOptions struct {
	relay  string
	noWait bool
	ticket bool
}

// ticketUsage describes the flag of init and invite.
const ticketUsage = "print a ticket instead: one long code that holds this machine's addresses"

func (a *app) newInviteCommand() *cobra.Command {
	var opts inviteOptions
	cmd := &cobra.Command{
		Use:   "invite",
		Short: "Print a code with which one more device can join",
		Long: `Print a new five-word code and wait until a device has joined with it, for ten
minutes at most. Any device of a network can invite, and several invites can be
open at once. The code is the only line on standard output.`,
		Example: `  botsync invite
  botsync invite --no-wait
  botsync invite --ticket
  code=$(botsync invite --no-wait --quiet)`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitTimeout, api.ExitUnreachable, api.ExitState),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.runInvite(cmd.Context(), opts) },
	}
	cmd.Flags().StringVar(&opts.relay, "relay", "", "the `URL` of a pairing relay, for this invite (env BOTSYNC_RELAY)")
	cmd.Flags().BoolVar(&opts.noWait, "no-wait", false, "return at once; the daemon keeps the invite open")
	cmd.Flags().BoolVar(&opts.ticket, "ticket", false, ticketUsage)
	return cmd
}

func (a *app) runInvite(ctx context.Context, opts inviteOptions) error {
	if err := checkRelay(opts.relay, false); err != nil {
		return err
	}
	r, err := a.open()
	if err != nil {
		return err
	}
	relay, err := pairingRelay(r, opts.relay)
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, r)
	if err != nil {
		return err
	}
	defer c.Close()
	line, err := c.Invite(ctx, api.InviteRequest{Relay: relay, Ticket: opts.ticket})
	if err != nil {
		return err
	}
	return a.showInvite(ctx, r, c, line, opts.noWait)
}

// showInvite shows the code of an invite, and waits for the guest.
func (a *app) showInvite(ctx context.Context, r *root.Root, c *control.Client, line *api.InviteLine, noWait bool) (err error) {
	if a.json {
		err = a.term.JSON(line)
	} else {
		err = a.term.Invite(line)
	}
	if err != nil || noWait {
		return err
	}
	spin := a.term.Spin(ctx, "")
	spin.Count(term.Waiting(line.ExpiresAt))
	end, err := a.awaitGuest(ctx, r, c, line)
	spin.Stop()
	if ctx.Err() != nil && err != nil {
		return interrupted("stopped waiting; nobody has joined yet",
			"The invite stays open until "+term.Clock(line.ExpiresAt)+".")
	}
	if err != nil {
		return err
	}
	return a.showEnd(r, line, end)
}

// showEnd reports how an invite ended.
func (a *app) showEnd(r *root.Root, line *api.InviteLine, end *api.Event) error {
	if end.Type == api.EventInviteExpired {
		if a.json {
			if err := a.term.JSON(api.ExpiredLine{Schema: api.Schema, Type: api.TypeExpired, ID: line.ID}); err != nil {
				return err
			}
		}
		return api.Errorf(api.CodeTimeout, `Run "botsync invite" for a new code.`, "nobody joined before the code expired")
	}
	var guest api.Device
	if end.Device != nil {
		guest = *end.Device
	}
	if a.json {
		return a.term.JSON(api.JoinedLine{Schema: api.Schema, Type: api.TypeJoined, Device: guest})
	}
	a.term.Done("%s has joined. Files in %s now go both ways.", term.Strong(term.Device(guest)), r.Dir())
	return nil
}

// errEnded ends the reading of events.
var errEnded = errors.New("the invite ended")

// expiryGrace is how much later than its time an invite may be seen to end.
const expiryGrace = 5 * time.Second

// awaitGuest waits for the event that ends the invite. The daemon may be
// restarted meanwhile: it takes the invite up again, and so does this.
func (a *app) awaitGuest(ctx context.Context, r *root.Root, c *control.Client, line *api.InviteLine) (*api.Event, error) {
	ctx, cancel := context.WithDeadlineCause(ctx, line.ExpiresAt.Add(expiryGrace), errEnded)
	defer cancel()
	for {
		end, err := readEnd(ctx, c, line.ID)
		if end != nil {
			return end, nil
		}
		if errors.Is(err, errEnded) {
			return &api.Event{Type: api.EventInviteExpired, Invite: line.ID}, nil
		}
		if !hasCode(err, api.CodeNotRunning) {
			return nil, err
		}
		stopped := err
		retry, cancel := context.WithTimeout(ctx, restartPatience)
		again, err := control.WaitReady(retry, r)
		cancel()
		if err != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, stopped
		}
		defer again.Close()
		if c = again; !stillOpen(ctx, c, line) {
			return nil, api.Errorf(api.CodeUnexpected, `Run "botsync status" to see whether it was used.`,
				"the daemon was restarted, and the invite is no longer open")
		}
	}
}

// restartPatience is how long a daemon that stopped may take to come back before
// waiting for it is given up.
const restartPatience = 5 * time.Second

// readEnd reads events, from the first that the daemon remembers: the guest may
// have been faster than this request.
func readEnd(ctx context.Context, c *control.Client, invite string) (end *api.Event, err error) {
	err = c.Events(ctx, 0, func(e api.Event) error {
		if e.Invite == invite && (e.Type == api.EventInviteJoined || e.Type == api.EventInviteExpired) {
			end = &e
			return errEnded
		}
		return nil
	})
	return end, err
}

func stillOpen(ctx context.Context, c *control.Client, line *api.InviteLine) bool {
	st, err := c.Status(ctx)
	if err != nil {
		return true // the next reading of events says what is wrong
	}
	for _, in := range st.Invites {
		if in.ID == line.ID || in.ID == "" && in.ExpiresAt.Equal(line.ExpiresAt) {
			return true
		}
	}
	return false
}
