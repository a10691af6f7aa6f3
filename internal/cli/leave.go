package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/term"
)

func (a *app) newLeaveCommand() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "leave",
		Short: "Take this device out of its network; its files stay",
		Long: `Take this device out of its network. Its files stay where they are, and are not
synced any more. The other devices see it as removed, which is for good: it gets a
new identity, with which it can join a network, also the same one, or found another.`,
		Example: `  botsync leave
  botsync leave --json`,
		Annotations: deviceExits(api.ExitState),
		Args:        noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkTimeout(timeout); err != nil {
				return err
			}
			return a.runLeave(cmd.Context(), timeout)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", api.DefaultLeave, "how long to wait for others to take note; then it leaves all the same")
	return cmd
}

func (a *app) runLeave(ctx context.Context, timeout time.Duration) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, r)
	if err != nil {
		return err
	}
	defer c.Close()
	spin := a.term.Spin(ctx, "Telling the other devices")
	defer spin.Stop()
	line, err := c.Leave(ctx, api.LeaveRequest{Timeout: timeout})
	if err != nil {
		return err
	}
	again, err := a.awaitRenewed(ctx, r, line.Device.ID)
	spin.Stop()
	if err != nil {
		return err
	}
	again.Close()
	if a.json {
		return a.term.JSON(line)
	}
	a.term.Done("This device has left its network. Files in %s stay.", r.Dir())
	if len(line.Untold) > 0 {
		a.term.Warn(`not told: %s. To be sure, run "botsync devices remove %s" there.`, term.Devices(line.Untold), term.Clean(line.Device.Name))
	}
	return nil
}

// awaitRenewed waits until the daemon has another identity than the given one.
func (a *app) awaitRenewed(ctx context.Context, r *root.Root, id string) (*control.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(renewPoll)
	defer tick.Stop()
	for {
		c, _, err := a.ensureDaemon(ctx, r)
		if err != nil {
			return nil, err
		}
		if st, err := c.Status(ctx); err == nil && st.Device.ID != id {
			return c, nil
		}
		c.Close()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// renewPoll is how often it is looked whether the daemon has its new identity.
const renewPoll = 10 * time.Millisecond
