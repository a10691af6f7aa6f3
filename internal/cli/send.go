package cli

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/term"
)

type sendOptions struct {
	to      string
	toGiven bool
	name    string
	peers   []string
	wait    bool
	timeout time.Duration
}

func (a *app) newSendCommand() *cobra.Command {
	var opts sendOptions
	cmd := &cobra.Command{
		Use:   "send FILE... | -",
		Short: "Put copies of files into a folder, whole, and see them arrive",
		Long: `Copy files, or directories with all that is in them, to where --to says: without it
into deliverables/, or into inbox/ on a device with the role human. Each appears
whole, in one step, and replaces nothing: where its name is taken it is called
report-2.md. With "-" and --name it is standard input that is sent. A folder that is
receive-only here is refused (see "botsync devices role").

With --wait the command returns once the peers have exactly these files: all that
are connected, or those named with --peer. The answer is a receipt: path, size,
SHA-256, and which device had it when.`,
		Example: `  botsync send report.md
  botsync send build/ notes.md --to shared/build
  botsync send report.md --wait --peer laptop --json
  pg_dump shop | botsync send - --name shop.sql --to shared/backups`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitTimeout, api.ExitUnreachable, api.ExitState),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.toGiven = cmd.Flags().Changed("to")
			if err := opts.check(args); err != nil {
				return err
			}
			return a.runSend(cmd.Context(), opts, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&opts.to, "to", "", "the `folder`, or a directory in one, which is made if it is missing (default deliverables, or inbox with the role human)")
	f.StringVar(&opts.name, "name", "", "what to call the one file that is sent")
	f.StringArrayVar(&opts.peers, "peer", nil, "wait for this device: its `name` or the beginning of its ID; repeatable")
	f.BoolVar(&opts.wait, "wait", false, "return once the peers have the files")
	f.DurationVar(&opts.timeout, "timeout", api.DefaultWait, "how long to wait for the peers, then exit with 6")
	return cmd
}

// standardInput stands for it among the files.
const standardInput = "-"

func (o sendOptions) check(args []string) error {
	stdin := 0
	for _, arg := range args {
		if arg == standardInput {
			stdin++
		}
	}
	switch {
	case len(args) == 0:
		return usage(`Name a file, or "-" and --name for standard input.`, "there is nothing to send")
	case stdin > 1:
		return usage("Name it once.", "standard input can be sent once only")
	case stdin == 1 && o.name == "":
		return usage("Say with --name what to call it.", "standard input has no name")
	case o.name != "" && len(args) > 1:
		return usage("Send the files one by one.", "--name is for one file, and there are %d", len(args))
	case o.toGiven && o.to == "":
		return usage("Name a folder, or a directory in one: deliverables/reports.", "--to is empty")
	}
	return checkTimeout(o.timeout)
}

func (a *app) runSend(ctx context.Context, opts sendOptions, args []string) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, r)
	if err != nil {
		return err
	}
	defer c.Close()
	spin := a.term.Spin(ctx, "Sending")
	defer spin.Stop()
	req := api.SendRequest{To: opts.to, Peers: opts.peers, Wait: opts.wait || len(opts.peers) > 0, Timeout: opts.timeout}
	for _, arg := range args {
		source, end, err := a.source(ctx, r, arg)
		if err != nil {
			return err
		}
		defer end()
		source.Name = opts.name
		req.Sources = append(req.Sources, source)
	}
	sent, err := c.Send(ctx, req, func(l api.SendLine) {
		if l.Type == api.TypeReceived && l.Device != nil {
			spin.Count(func() string { return term.Device(*l.Device) + " has " + term.Clean(l.Path) })
		}
	})
	spin.Stop()
	if shown := a.showSent(sent); err == nil {
		err = shown
	}
	return err
}

// source is what to send for one argument, and what to do once it was sent.
func (a *app) source(ctx context.Context, r *root.Root, arg string) (api.SendSource, func(), error) {
	if arg != standardInput {
		path, err := filepath.Abs(arg)
		return api.SendSource{Path: path}, func() {}, err
	}
	path, err := r.Spool(ctx, a.stdin)
	return api.SendSource{Path: path}, func() { _ = os.RemoveAll(filepath.Dir(path)) }, err
}

// showSent shows what is in place, also if something went wrong after it.
func (a *app) showSent(sent *api.SentLine) error {
	if sent == nil || len(sent.Files) == 0 {
		return nil
	}
	if a.json {
		return a.term.JSON(sent)
	}
	had := map[string]int{}
	var order []api.Device
	for _, f := range sent.Files {
		if err := a.term.Data(term.Clean(f.Path)); err != nil {
			return err
		}
		for _, receipt := range f.Receipts {
			if had[receipt.Device.ID]++; had[receipt.Device.ID] == 1 {
				order = append(order, receipt.Device)
			}
		}
	}
	a.term.Done("Put %s in place, %s.", term.Count(len(sent.Files), "file", "files"), term.Bytes(sent.Bytes))
	for _, d := range order {
		a.term.Done("%s has %d of %d.", term.Strong(term.Device(d)), had[d.ID], len(sent.Files))
	}
	return nil
}
