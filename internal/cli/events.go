package cli

import (
	"context"
	"errors"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
)

type eventsOptions struct {
	since    int64
	noFollow bool
}

func (a *app) newEventsCommand() *cobra.Command {
	var opts eventsOptions
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Print what happens, as it happens",
		Long: `Print a line for each thing that happens: files received, changed and deleted, peers
that connect and go, invites, states of folders. With --json each line is an object
whose id is the cursor: --since goes on after it, so that nothing falls between two
calls, also across restarts of the daemon. Events are kept for 30 days.

It goes on until it is interrupted, which is its normal end, or the daemon stops.`,
		Example: `  botsync events
  botsync events --json --since 4711
  botsync events --since 0 --no-follow --json | jq -r .path`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning),
		Args:        noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("since") {
				if opts.since = -1; opts.noFollow {
					opts.since = 0
				}
			} else if opts.since < 0 {
				return usage("Give the id of an event, or 0 for all.", "--since %d is below zero", opts.since)
			}
			return a.runEvents(cmd.Context(), opts)
		},
	}
	cmd.Flags().Int64Var(&opts.since, "since", 0, "go on after the event with this `id`; 0 for all that are kept; default: from now on")
	cmd.Flags().BoolVar(&opts.noFollow, "no-follow", false, "print what has happened, and return")
	return cmd
}

func (a *app) runEvents(ctx context.Context, opts eventsOptions) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, r)
	if err != nil {
		return err
	}
	defer c.Close()
	if opts.noFollow {
		var events []api.Event
		if events, err = c.Log(ctx, api.LogRequest{After: opts.since, Limit: -1, All: true}); err == nil {
			err = a.showEvents(events)
		}
	} else {
		err = c.Events(ctx, opts.since, a.eventPrinter())
	}
	if ctx.Err() != nil || errors.Is(err, syscall.EPIPE) {
		return nil // nobody wants to read on
	}
	return err
}

// eventPrinter returns what shows events in their order; to people only what
// changes of the states of folders.
func (a *app) eventPrinter() func(api.Event) error {
	if a.json {
		return func(e api.Event) error { return a.term.JSON(e) }
	}
	states := map[string]string{} // by folder, as shown last
	return func(e api.Event) error {
		if e.Type == api.EventFolderState {
			if states[e.Folder] == e.State {
				return nil
			}
			states[e.Folder] = e.State
		}
		return a.term.Event(e)
	}
}

func (a *app) showEvents(events []api.Event) error {
	show := a.eventPrinter()
	for _, e := range events {
		if err := show(e); err != nil {
			return err
		}
	}
	return nil
}
