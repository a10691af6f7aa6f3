package cli

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/term"
)

// The environment variables that switch on notifications to OpenClaw.
const (
	hookTokenEnv = "OPENCLAW_HOOKS_TOKEN"
	hookURLEnv   = "OPENCLAW_HOOKS_URL"
)

// maxTokenFile bounds what is read of a token, in bytes.
const maxTokenFile = 64 << 10

// hookFromEnv is the OpenClaw target that the environment asks for, or nil.
// Whatever is wrong with it is said before anything is made.
func hookFromEnv() (*api.NotifyTarget, error) {
	token, ok := os.LookupEnv(hookTokenEnv)
	if !ok {
		return nil, nil
	}
	t := &api.NotifyTarget{Name: api.NotifyOpenClaw, Kind: api.NotifyOpenClaw, URL: os.Getenv(hookURLEnv), Token: token}
	if t.URL == "" {
		t.URL = root.DefaultOpenClawURL
	}
	if err := root.ValidateTarget(*t); err != nil {
		e := explain(context.Background(), err)
		return nil, usage(e.Hint+" Or unset "+hookTokenEnv+".", "%s and %s switch on notifications, but %s", hookTokenEnv, hookURLEnv, e.Message)
	}
	return t, nil
}

// switchOn keeps a target that the environment asked for, unless it is nil.
func (a *app) switchOn(ctx context.Context, c *control.Client, t *api.NotifyTarget) error {
	if t == nil {
		return nil
	}
	_, err := c.SetTarget(ctx, *t)
	if err == nil {
		a.term.Say("OpenClaw is notified at %s.", term.Clean(t.URL))
	}
	return err
}

type hookOptions struct{ url, tokenFile string }

func (a *app) newNotifyOpenClawCommand() *cobra.Command {
	var opts hookOptions
	cmd := &cobra.Command{
		Use:   "openclaw [--url URL] [--token-file FILE]",
		Short: "Wake an OpenClaw agent",
		Long: `Send notifications to the hook of an OpenClaw gateway, so that its agent wakes up.
The token is hooks.token of OpenClaw's configuration, where hooks.enabled must be
true. It comes from a file, from standard input with "-", or from the environment
variable OPENCLAW_HOOKS_TOKEN, but never from an argument, which a list of processes
would show. With the same variable init, join and start switch this on too.`,
		Example: `  botsync notify openclaw --token-file ~/.openclaw/hooks-token
  pass show openclaw-hooks | botsync notify openclaw --token-file -
  OPENCLAW_HOOKS_TOKEN=… botsync notify openclaw --url http://127.0.0.1:18789/hooks/agent`,
		Annotations: notifyExits(),
		Args:        noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := a.hookTarget(opts)
			if err != nil {
				return err
			}
			return a.setTarget(cmd.Context(), *t)
		},
	}
	cmd.Flags().StringVar(&opts.url, "url", "", "the `URL` of the hook (env OPENCLAW_HOOKS_URL, default "+root.DefaultOpenClawURL+")")
	cmd.Flags().StringVar(&opts.tokenFile, "token-file", "", "the `file` that holds the token, or - for standard input (env OPENCLAW_HOOKS_TOKEN)")
	return cmd
}

func (a *app) hookTarget(opts hookOptions) (*api.NotifyTarget, error) {
	t := &api.NotifyTarget{Name: api.NotifyOpenClaw, Kind: api.NotifyOpenClaw, URL: opts.url}
	if t.URL == "" {
		t.URL = os.Getenv(hookURLEnv)
	}
	if t.URL == "" {
		t.URL = root.DefaultOpenClawURL
	}
	token, given := os.LookupEnv(hookTokenEnv)
	if opts.tokenFile != "" {
		var err error
		if token, err = a.readToken(opts.tokenFile); err != nil {
			return nil, err
		}
	} else if !given {
		return nil, usage("Name a file with --token-file, or set "+hookTokenEnv+".", "no token was given")
	}
	t.Token = token
	return t, root.ValidateTarget(*t)
}

// readToken reads a file or standard input, without the end of the line.
func (a *app) readToken(path string) (string, error) {
	in := a.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", usage("Name a file that can be read.", "the token cannot be read: %v", err)
		}
		defer f.Close()
		in = f
	} else if term.IsTerminal(a.stdin) {
		return "", usage("Pipe it in, or name a file.", "standard input is a terminal, which would show the token")
	}
	data, err := io.ReadAll(io.LimitReader(in, maxTokenFile))
	if err != nil {
		return "", usage("Name a file that can be read.", "the token cannot be read: %v", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}

func (a *app) newNotifyWebhookCommand() *cobra.Command {
	name := api.NotifyWebhook
	cmd := &cobra.Command{
		Use:   "webhook URL [--name NAME]",
		Short: "Send notifications as JSON to a URL, signed",
		Long: `Post each notification as JSON to a URL, signed as Standard Webhooks has it. The
secret with which the receiver checks that is printed once, on standard output, when
the target is new. A target of the same name is changed and keeps its secret.`,
		Example: `  botsync notify webhook https://example.com/hook
  secret=$(botsync notify webhook https://example.com/hook --name ops)`,
		Annotations: notifyExits(),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(seeHelp(cmd), "%s takes one URL, but got %d arguments", cmd.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.setTarget(cmd.Context(), api.NotifyTarget{Name: name, Kind: api.NotifyWebhook, URL: args[0]})
		},
	}
	cmd.Flags().StringVar(&name, "name", name, "the `name` of the target, if there are several")
	return cmd
}

func (a *app) newNotifyExecCommand() *cobra.Command {
	name, limit := api.NotifyExec, time.Duration(0)
	cmd := &cobra.Command{
		Use:   "exec [--name NAME] [--time-limit DURATION] -- COMMAND [ARG...]",
		Short: "Run a command for each notification",
		Long: `Hand each notification to a command, which runs in the root and gets it as JSON on
its standard input, with BOTSYNC_ROOT in its environment. Exit 0 accepts it, 75 asks
for a later attempt. After any other exit, and when the time limit is over, it is
tried again, ten times in all, and then kept for "botsync notify retry".`,
		Example: `  botsync notify exec -- /usr/local/bin/on-files
  botsync notify exec --name log -- sh -c 'jq -c .files[] >>/var/log/received'`,
		Annotations: notifyExits(),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(seeHelp(cmd), "%s needs a command to run", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.setTarget(cmd.Context(), api.NotifyTarget{Name: name, Kind: api.NotifyExec, Command: args, TimeLimit: limit})
		},
	}
	cmd.Flags().StringVar(&name, "name", name, "the `name` of the target, if there are several")
	cmd.Flags().DurationVar(&limit, "time-limit", 0, "how long the command may take (default 60s)")
	cmd.Flags().SetInterspersed(false) // what follows the command is its own
	return cmd
}

func (a *app) setTarget(ctx context.Context, t api.NotifyTarget) error {
	if err := root.ValidateTarget(t); err != nil {
		return err
	}
	return a.withDaemon(ctx, func(c *control.Client) error {
		line, err := c.SetTarget(ctx, t)
		if err != nil || a.json {
			return a.orJSON(line, err)
		}
		if line.Secret != "" {
			a.term.Say("The secret of this webhook, which is shown only now:")
			if err := a.term.Data(line.Secret); err != nil {
				return err
			}
		}
		a.term.Done(`Notifications go to %s. Try it: "botsync notify test %s".`, line.Name, line.Name)
		return nil
	})
}
