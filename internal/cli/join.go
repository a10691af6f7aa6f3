package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/code"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/term"
)

const defaultJoinTimeout = time.Minute

type joinOptions struct {
	settings
	timeout time.Duration
}

func (a *app) newJoinCommand() *cobra.Command {
	var opts joinOptions
	cmd := &cobra.Command{
		Use:   "join [CODE | -]",
		Short: "Join the network of the device that printed the code",
		Long: `Make the root, start its daemon and join the device that printed CODE. Returns
once both sides have accepted each other and are connected; files follow at once.

The words of a code can be written with any case, spaces or dashes. CODE may also
be a ticket ("botsync invite --ticket"). So that it need not show in a list of
processes it may also come from standard input, with "-", or from BOTSYNC_CODE.

Files that are in the folders already stay there and are shared; where both sides
have a different file of one name both are kept. If the join fails, a root that
this command made is removed again. The code stays good until somebody has joined
with it.`,
		Example: `  botsync join walrus-velvet-canyon-puppet-catnip
  botsync join "walrus velvet canyon puppet catnip" --name laptop --role human
  pass show botsync-code | botsync join -
  BOTSYNC_CODE=walrus-velvet-canyon-puppet-catnip botsync join --json`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotRunning, api.ExitCodeUnknown, api.ExitTimeout, api.ExitUnreachable, api.ExitState),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runJoin(cmd.Context(), opts, args)
		},
	}
	opts.addFlags(cmd)
	cmd.Flags().DurationVar(&opts.timeout, "timeout", defaultJoinTimeout, "how long the whole join may take")
	return cmd
}

func (a *app) runJoin(ctx context.Context, opts joinOptions, args []string) error {
	if opts.timeout <= 0 {
		return usage("Give a time such as 60s or 2m.", "the timeout %s is not above zero", opts.timeout)
	}
	deadline := time.Now().Add(opts.timeout)
	// Whatever is wrong with the code is said before anything is made or sent.
	words, err := a.readCode(ctx, args, deadline)
	if err != nil {
		return err
	}
	if err := checkRelay(opts.relay, opts.lanOnly); err != nil {
		return err
	}
	dir, err := a.resolve()
	if err != nil {
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
	j := &join{app: a, root: r, created: created, settings: &opts.settings, deadline: deadline, hook: hook}
	joined, err := j.run(ctx, words)
	if err != nil {
		if ctx.Err() != nil {
			err = interrupted("the join was interrupted", "Run it again; if the code was used meanwhile, ask for a new one.")
		}
		j.takeBack(context.WithoutCancel(ctx))
		return err
	}
	if a.json {
		return a.term.JSON(joined)
	}
	a.showJoined(r, joined)
	return nil
}

func (a *app) showJoined(r *root.Root, joined *api.JoinedLine) {
	took := ""
	if t := joined.Timing; t != nil {
		took = " in " + term.Millis(t.KeysMS+t.MeetMS+t.PairMS+t.ConnectMS)
	}
	a.term.Done("Joined %s%s. %s is now the same folder on both machines.", term.Strong(term.Device(joined.Device)), took, r.Dir())
}

// join is one attempt, with what is needed to take it back.
type join struct {
	*app
	root     *root.Root
	created  *root.Created
	settings *settings
	deadline time.Time
	hook     *api.NotifyTarget // to switch on; nil if none

	client   *control.Client
	restored func() error // puts back the settings of a root that existed
}

// joinGrace is how much longer than the daemon this command waits, so that it is
// the daemon that says what took so long.
const joinGrace = 3 * time.Second

func (j *join) run(ctx context.Context, words string) (*api.JoinedLine, error) {
	ctx, cancel := context.WithDeadline(ctx, j.deadline.Add(joinGrace))
	defer cancel()
	spin := j.term.Spin(ctx, "Starting the daemon")
	defer spin.Stop()
	err := j.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := j.switchOn(ctx, j.client, j.hook); err != nil {
		return nil, err
	}
	relay, err := pairingRelay(j.root, j.settings.relay)
	if err != nil {
		return nil, err
	}
	var self string
	if st, err := j.client.Status(ctx); err == nil {
		self = st.Device.ID
	}
	for {
		left := time.Until(j.deadline)
		if left <= 0 {
			return nil, context.DeadlineExceeded
		}
		joined, err := j.client.Join(ctx, api.JoinRequest{Code: words, Relay: relay, Timeout: left}, func(p api.ProgressLine) { spin.Progress(term.Sentence(p.Text)) })
		if !hasCode(err, api.CodeRestarting) {
			return joined, err
		}
		// It was removed from its network: now it is a new device.
		spin.Progress("Starting anew")
		j.client.Close()
		if j.client, err = j.awaitRenewed(ctx, j.root, self); err != nil {
			return nil, err
		}
	}
}

// connect brings the daemon up. Settings for a root that existed are changed
// only if it can join at all.
func (j *join) connect(ctx context.Context) (err error) {
	if j.client, _, err = j.ensureDaemon(ctx, j.root); err != nil || j.created.Initialised || !j.settings.any() {
		return err
	}
	st, err := j.client.Status(ctx)
	if err != nil || len(st.Peers) > 0 {
		return err // with peers the daemon will refuse, and say why
	}
	changed, undo, err := j.update(j.root, j.settings)
	if err != nil || !changed {
		return err
	}
	j.restored = undo
	j.client.Close()
	if err := j.restart(ctx, j.root); err != nil {
		return err
	}
	j.client, _, err = j.ensureDaemon(ctx, j.root)
	return err
}

// cleanupPatience bounds how long a failed join may take to leave.
const cleanupPatience = stopPatience + 5*time.Second

// takeBack undoes a join that failed, unless the other side may have us by now
// or the root serves another purpose: then a retry completes what was begun.
func (j *join) takeBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, cleanupPatience)
	defer cancel()
	if j.client != nil {
		defer j.client.Close()
	}
	if j.inUse(ctx) {
		return
	}
	if j.restored != nil {
		if err := j.restored(); err != nil {
			j.term.Warn("the settings were not put back: %v", err)
			return
		}
		if err := j.restart(ctx, j.root); err == nil {
			_, _, err = j.ensureDaemon(ctx, j.root)
			if err != nil {
				j.term.Warn("the daemon was not started again: %v", err)
			}
		}
	}
	if !j.created.Initialised {
		return
	}
	_, _, err := j.stopDaemon(ctx, j.root)
	if err == nil && j.inUse(ctx) {
		// The host let us in just before the daemon stopped.
		_, _, err = j.ensureDaemon(ctx, j.root)
	} else if err == nil {
		err = j.created.Undo()
	}
	if err != nil {
		j.term.Warn("the root was not removed again: %v", err)
	}
}

// inUse reports whether the root has a peer or an open invite, as far as anybody
// can say. When in doubt it has.
func (j *join) inUse(ctx context.Context) bool {
	st, err := j.statusOf(ctx, j.root)
	if err != nil {
		// A root without an identity never had a daemon that came up.
		return !hasCode(err, api.CodeNotInitialised) && j.client != nil
	}
	return len(st.Peers) > 0 || len(st.Invites) > 0
}

// codeError explains what is wrong with a code.
func codeError(err error) error {
	var (
		word  *code.WordError
		count *code.CountError
		hint  = "Write the code as it was printed: five words."
	)
	switch {
	case errors.As(err, &word):
		hint = "Correct the word, and run the command again."
	case errors.As(err, &count) && count.Got == 0:
		hint = `Pass the code as an argument, with "-" on standard input, or in ` + codeEnv + "."
	}
	return api.Errorf(api.CodeBadCode, hint, "%v", err)
}
