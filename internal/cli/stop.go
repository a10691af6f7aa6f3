package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
)

// stoppedLine is the answer of "stop --json".
type stoppedLine struct {
	Schema int    `json:"schema"`
	Type   string `json:"type"` // stopped or not_running
	PID    int    `json:"pid,omitempty"`
	Root   string `json:"root"`
}

func (a *app) newStopCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "Stop the daemon",
		Long: `Ask the daemon to stop, and return once its process has ended, after 30 seconds at
most. Where none is running there is nothing to do, and that is no error.`,
		Example:     `  botsync stop`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitTimeout),
		Args:        noArgs,
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.runStop(cmd.Context()) },
	}
}

func (a *app) runStop(ctx context.Context) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	spin := a.term.Spin(ctx, "Stopping the daemon")
	pid, was, err := a.stopDaemon(ctx, r)
	spin.Stop()
	if err != nil {
		return err
	}
	kind := "stopped"
	if !was {
		kind = "not_running"
	}
	if a.json {
		return a.term.JSON(stoppedLine{api.Schema, kind, pid, r.Dir()})
	}
	if was {
		a.term.Done("The daemon of %s (process %d) has stopped.", r.Dir(), pid)
	} else {
		a.term.Done("The daemon of %s was not running.", r.Dir())
	}
	return nil
}
