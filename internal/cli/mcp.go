package cli

import (
	"context"
	"log/slog"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/mcp"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/term"
)

type mcpOptions struct{ start bool }

func (a *app) newMCPCommand() *cobra.Command {
	var opts mcpOptions
	cmd := &cobra.Command{
		Use:   "mcp [--start]",
		Short: "Be the tools of an agent: an MCP server on standard input and output",
		Long: `Serve the Model Context Protocol on standard input and output, for an agent that
starts this command itself: OpenClaw, Claude Code, Codex and others. Its tools tell
what is there, wait for files, put files in, and confirm that peers have them. No
tool reaches outside of the root.

Without a daemon or a root the server runs all the same; its tools then answer with
what to do. It ends when the agent closes standard input, and logs to standard
error.`,
		Example: `  botsync mcp
  botsync mcp --start
  claude mcp add --scope user botsync -- botsync mcp
  codex mcp add botsync -- botsync mcp
  openclaw mcp add botsync --command botsync --arg mcp`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.runMCP(cmd.Context(), opts) },
	}
	cmd.Flags().BoolVar(&opts.start, "start", false, "start the daemon where a tool needs it and none is running")
	return cmd
}

func (a *app) runMCP(ctx context.Context, opts mcpOptions) error {
	if _, err := a.resolve(); err != nil {
		return err
	}
	o := mcp.Options{
		Version: a.deps.Version,
		Root:    a.open,
		Log:     slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if opts.start {
		var one sync.Mutex // tools run at the same time, commands do not
		o.Start = func(ctx context.Context, r *root.Root) error {
			one.Lock()
			defer one.Unlock()
			c, _, err := a.ensureDaemon(ctx, r)
			if err == nil {
				c.Close()
			}
			return err
		}
	}
	if term.IsTerminal(a.stdin) {
		a.term.Say("This is for agents, and waits for one on standard input. docs/mcp.md says how to set it up.")
	}
	return mcp.Run(ctx, o, a.stdin, os.Stdout)
}
