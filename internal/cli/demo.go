package cli

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/term"
)

// demoResult is the answer of "demo --json".
type demoResult struct {
	Schema int        `json:"schema"`
	Type   string     `json:"type"` // demo
	Steps  []demoStep `json:"steps"`
	Timing api.Timing `json:"timing"` // of the join
}

// demoStep is one step that was measured.
type demoStep struct {
	Name  string  `json:"name"` // init, join, inbox, deliverables or stop
	MS    float64 `json:"ms"`
	Bytes int64   `json:"bytes,omitempty"` // of the file that travelled
}

func (a *app) newDemoCommand() *cobra.Command {
	var size int64
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Watch two devices pair and exchange files, on this machine",
		Long: `Make two roots in a temporary directory, pair them by a five-word code, send a file
each way, compare what arrived and print how long each step took. Nothing leaves
the local network, nothing is installed, and everything is removed again.

The two are real: what runs is botsync's own commands, as on two machines.`,
		Example: `  botsync demo
  botsync demo --size 1073741824`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitTimeout),
		Args:        noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if size < 0 {
				return usage("Give a number of bytes.", "the size %d is below zero", size)
			}
			return a.runDemo(cmd.Context(), size)
		},
	}
	cmd.Flags().Int64Var(&size, "size", 1<<20, "how many `bytes` the files have")
	return cmd
}

func (a *app) runDemo(ctx context.Context, size int64) (err error) {
	d, err := a.newDemo(size)
	if err != nil {
		return err
	}
	defer func() {
		if cleanup := d.remove(context.WithoutCancel(ctx)); cleanup != nil {
			err = errors.Join(err, cleanup)
		}
	}()
	if err := d.play(ctx); err != nil {
		return err
	}
	if a.json {
		return a.term.JSON(d.result)
	}
	return nil
}

// play goes through the steps, telling what it does before and what it took
// after each.
func (d *demo) play(ctx context.Context) error {
	say := d.term.Say
	say("\n%s\n%s\n", term.Strong("Two devices on this machine: an agent and a laptop."), term.Faint("They live in "+d.dir+" until this is over."))

	err := d.step(ctx, "init", "The agent makes its root, and an invite", d.initAgent)
	if err != nil {
		return err
	}
	say("  %s %s", term.Faint("the code:"), term.Command(d.code))
	err = d.step(ctx, "join", "The laptop joins with that code", d.joinLaptop)
	if err != nil {
		return err
	}
	t := d.result.Timing
	say("  %s", term.Faint("making keys of the code "+term.Millis(t.KeysMS)+", meeting "+term.Millis(t.MeetMS)+
		", pairing "+term.Millis(t.PairMS)+", connecting "+term.Millis(t.ConnectMS)))
	size := term.Bytes(d.size)
	err = d.step(ctx, "inbox", "A person drops "+size+" into inbox/ on the laptop; the agent has it", func(ctx context.Context) error {
		return d.travel(ctx, d.laptop, d.agent, "inbox", "task.bin")
	})
	if err != nil {
		return err
	}
	err = d.step(ctx, "deliverables", "The agent puts "+size+" into deliverables/; the laptop has it", func(ctx context.Context) error {
		return d.travel(ctx, d.agent, d.laptop, "deliverables", "report.bin")
	})
	if err != nil {
		return err
	}
	if err := d.step(ctx, "stop", "Both daemons stop", d.stop); err != nil {
		return err
	}
	say("\nBoth files arrived, and every byte was compared.\n\nNow for real. On the machine where the agent lives:\n\n    %s\n\nand on yours:\n\n    %s\n",
		term.Command("botsync init"), term.Command("botsync join CODE"))
	return nil
}

// step runs and measures one step.
func (d *demo) step(ctx context.Context, name, what string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, demoPatience,
		api.Errorf(api.CodeTimeout, `Try again; if that fails, "botsync init" and "botsync join" on two machines say more.`,
			"the demo took too long: %s", what))
	defer cancel()
	spin := d.term.Spin(ctx, what)
	d.started, d.finished = time.Now(), time.Time{}
	err := do(ctx)
	if d.finished.IsZero() {
		d.finished = time.Now()
	}
	took := float64(d.finished.Sub(d.started).Microseconds()) / 1000
	spin.Stop()
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	step := demoStep{Name: name, MS: took}
	if name == "inbox" || name == "deliverables" {
		step.Bytes = d.size
	}
	d.result.Steps = append(d.result.Steps, step)
	d.term.Step(what, took)
	return nil
}

func (a *app) newDemo(size int64) (*demo, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "botsync-demo-")
	if err != nil {
		return nil, err
	}
	return newDemoIn(a, exe, dir, size), nil
}
