package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/term"
)

const groupNotify = "notify"

func (a *app) newNotifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "notify",
		Short: "Tell an agent, a webhook or a command when peers change files",
		Long: `Show where notifications go, and how it is with each target. Further commands add
targets, test them and switch them off.

What peers do to files is gathered until two seconds after the last change and at
most ten after the first, and told in one notification. A new device is told of at
once; one that merely connects again is not, and neither is what this device
changes. Each notification is kept on disk until it is accepted, whatever is
restarted meanwhile. config.toml says which folders and patterns notify, and how
often at most.`,
		Example: `  botsync notify
  botsync notify openclaw --token-file ~/.openclaw/hooks-token
  botsync notify webhook https://example.com/hook
  botsync notify exec -- /usr/local/bin/on-files
  botsync notify test`,
		Annotations: notifyExits(),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.runNotify(cmd.Context()) },
	}
	cmd.AddGroup(&cobra.Group{ID: groupNotify, Title: "Commands:"})
	for _, c := range []*cobra.Command{
		a.newNotifyOpenClawCommand(), a.newNotifyWebhookCommand(), a.newNotifyExecCommand(),
		a.newNotifyTestCommand(), a.newNotifyRetryCommand(), a.newNotifyOffCommand(),
	} {
		c.GroupID = groupNotify
		cmd.AddCommand(c)
	}
	return cmd
}

func notifyExits(more ...int) map[string]string {
	return exits(append([]int{api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning}, more...)...)
}

// withDaemon calls do with a client of the running daemon.
func (a *app) withDaemon(ctx context.Context, do func(*control.Client) error) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, r)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c)
}

func (a *app) runNotify(ctx context.Context) error {
	return a.withDaemon(ctx, func(c *control.Client) error {
		st, err := c.Notify(ctx)
		if err != nil {
			return err
		}
		if a.json {
			return a.term.JSON(st)
		}
		return a.term.Notify(st, time.Now())
	})
}

func (a *app) newNotifyTestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "test [NAME]",
		Short: "Send a test to a target, or to all of them, and show the answer",
		Long: `Send a notification that tells of nothing to one target, or to all of them, and wait
for the answer. A target that accepts it is taken up again if it had been refused.`,
		Example: `  botsync notify test
  botsync notify test webhook`,
		Annotations: notifyExits(api.ExitUnreachable, api.ExitState),
		Args:        oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.forTargets(cmd.Context(), args, func(c *control.Client, name string) error {
				spin := a.term.Spin(cmd.Context(), "Waiting for the answer of "+term.Clean(name))
				line, err := c.TestTarget(cmd.Context(), name)
				spin.Stop()
				if err != nil || a.json {
					return a.orJSON(line, err)
				}
				a.term.Done("%s accepted the test after %s: %s", line.Name, term.Millis(line.MS), term.Clean(line.Answer))
				return nil
			})
		},
	}
}

func (a *app) newNotifyRetryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "retry [NAME]",
		Short: "Send again what a target refused",
		Long: `Send again the notifications that a target, or any of them, refused, take up a
target that refused all of them, and do not wait any longer for the next attempt.`,
		Example: `  botsync notify retry
  botsync notify retry openclaw`,
		Annotations: notifyExits(),
		Args:        oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.forTargets(cmd.Context(), args, func(c *control.Client, name string) error {
				line, err := c.RetryTarget(cmd.Context(), name)
				if err != nil || a.json {
					return a.orJSON(line, err)
				}
				a.term.Done("%s: %s to send.", line.Name, term.Count(line.Queued, "notification", "notifications"))
				return nil
			})
		},
	}
}

func (a *app) newNotifyOffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "off [NAME]",
		Short: "Remove a target",
		Long: `Send nothing more to a target, and forget what was to be sent to it. NAME can be
left out if there is only one.`,
		Example: `  botsync notify off
  botsync notify off webhook`,
		Annotations: notifyExits(),
		Args:        oneName,
		RunE:        func(cmd *cobra.Command, args []string) error { return a.runNotifyOff(cmd.Context(), args) },
	}
}

func (a *app) runNotifyOff(ctx context.Context, args []string) error {
	return a.withDaemon(ctx, func(c *control.Client) error {
		names, err := targetNames(ctx, c, args)
		if err != nil {
			return err
		}
		if len(names) > 1 {
			return usage("Name one of them.", "there are several targets: %s", strings.Join(names, ", "))
		}
		line, err := c.TargetOff(ctx, names[0])
		if err != nil || a.json {
			return a.orJSON(line, err)
		}
		a.term.Done("Nothing is sent to %s any more. %s dropped.", line.Name, term.Count(line.Dropped, "notification was", "notifications were"))
		return nil
	})
}

func (a *app) orJSON(v any, err error) error {
	if err != nil {
		return err
	}
	return a.term.JSON(v)
}

func oneName(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage(seeHelp(cmd), "%s takes one name, but got %q", cmd.CommandPath(), args)
	}
	return nil
}

// forTargets calls do for the target that is named, or for all of them. It
// returns what went wrong with the first, after all had their turn.
func (a *app) forTargets(ctx context.Context, args []string, do func(c *control.Client, name string) error) error {
	return a.withDaemon(ctx, func(c *control.Client) error {
		names, err := targetNames(ctx, c, args)
		if err != nil {
			return err
		}
		var first error
		for _, name := range names {
			err := do(c, name)
			if ctx.Err() != nil {
				return err
			}
			if err != nil && first != nil {
				var e *api.Error
				if errors.As(err, &e) {
					a.term.Warn("%s", term.CleanLines(e.Message))
				}
			} else if err != nil {
				first = err
			}
		}
		return first
	})
}

// targetNames is the one that was named, or all that there are.
func targetNames(ctx context.Context, c *control.Client, args []string) ([]string, error) {
	if len(args) > 0 {
		return args, nil
	}
	st, err := c.Notify(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(st.Targets))
	for i, t := range st.Targets {
		names[i] = t.Name
	}
	if len(names) == 0 {
		return nil, usage(`Add one: "botsync notify --help".`, "there is no target for notifications")
	}
	return names, nil
}
