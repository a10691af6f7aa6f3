package cli

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/atomicfile"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/term"
)

const (
	// doctorDial is how long a daemon may take to accept a request, and doctorWait
	// how long it may take to answer it: it gives up by itself before that. What
	// then comes from the disk takes as long again at most.
	doctorDial = 2 * time.Second
	doctorWait = 4500 * time.Millisecond
	// doctorNotify is likewise with tests of targets.
	doctorNotify = 21 * time.Second
)

type doctorOptions struct {
	verbose bool
	notify  bool
	report  bool
	file    string
	force   bool
}

func (a *app) newDoctorCommand() *cobra.Command {
	var opts doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor [--report [FILE]]",
		Short: "Say why something is not synced, and what to do about it",
		Long: `Look at everything that syncing needs, and say what is wrong, with the command or
the step that mends it: the daemon, the device's key, the disk, the folders, ways to
meet and to connect, each peer, the clocks, notifications. It changes nothing, takes
some seconds at most, and works without a daemon too.

With --report it also writes a file that can be sent to somebody: it holds no names
of files, devices or users, no addresses and no secrets.`,
		Example: `  botsync doctor
  botsync doctor -v
  botsync doctor --json | jq '.checks[] | select(.status == "fail") | .fix'
  botsync doctor --report report.txt`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitTrouble),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && !opts.report {
				return usage(seeHelp(cmd), "%s takes no argument but the file of --report, and got %q", cmd.CommandPath(), args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if opts.force && !opts.report {
				return usage("Leave it out.", "--force is for the file of --report")
			}
			opts.file = "botsync-report-" + time.Now().Format("20060102-150405") + ".txt"
			if len(args) == 1 {
				if opts.file = args[0]; opts.file == "" {
					return usage("Name a file, or none.", "the name of the file is empty")
				}
			}
			return a.runDoctor(cmd.Context(), opts)
		},
	}
	cmd.Flags().BoolVarP(&opts.verbose, "verbose", "v", false, "show what is in order, too")
	cmd.Flags().BoolVar(&opts.notify, "notify", false, "send each target of notifications a test, and wait for its answer")
	cmd.Flags().BoolVar(&opts.report, "report", false, "write a file that can be sent to somebody: the argument, or one in the working directory")
	cmd.Flags().BoolVar(&opts.force, "force", false, "replace the file of --report if it is there")
	return cmd
}

func (a *app) runDoctor(ctx context.Context, opts doctorOptions) error {
	dir, err := a.resolve()
	if err != nil {
		return err
	}
	spin := a.term.Spin(ctx, "Looking")
	answer, err := a.examine(ctx, dir, api.DoctorRequest{Version: a.deps.Version, Notify: opts.notify, Report: opts.report})
	spin.Stop()
	if err != nil {
		return err
	}
	var unwritten error
	if opts.report {
		answer.Report, unwritten = writeReport(opts, answer.ReportText)
	}
	answer.Schema, answer.Type, answer.ReportText = api.Schema, api.TypeDoctor, ""
	if a.json {
		err = a.term.JSON(answer)
	} else {
		err = a.term.Doctor(answer, opts.verbose)
	}
	if err = errors.Join(err, unwritten); err != nil {
		return err
	}
	if answer.Report != "" {
		a.term.Done("The report is in %s. Have a look at it before you send it.", term.Clean(answer.Report))
	}
	if n := answer.Summary.Fail; n > 0 {
		return api.Errorf(api.CodeTrouble, "What to do stands with each of them.", "%s failed", term.Count(n, "check", "checks"))
	}
	return nil
}

// examine asks the daemon, or looks at the disk if that does not answer.
func (a *app) examine(ctx context.Context, dir string, req api.DoctorRequest) (*api.Doctor, error) {
	r, err := root.Open(dir)
	if hasCode(err, api.CodeNotInitialised) {
		return nil, err
	}
	if err == nil {
		var answer *api.Doctor
		if answer, req.Daemon, err = askDoctor(ctx, r, req); err == nil {
			return answer, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return a.deps.OfflineDoctor(ctx, dir, req)
}

var errDoctorSilent = errors.New("it does not answer")

// askDoctor asks the daemon. For one that answers and cannot be asked this, it
// returns its version with the error.
func askDoctor(ctx context.Context, r *root.Root, req api.DoctorRequest) (*api.Doctor, string, error) {
	dialling, cancel := context.WithTimeoutCause(ctx, doctorDial, errDoctorSilent)
	c, err := control.Dial(dialling, r)
	cancel()
	if err != nil {
		return nil, "", err
	}
	defer c.Close()
	wait := doctorWait
	if req.Notify {
		wait = doctorNotify
	}
	asking, cancel := context.WithTimeoutCause(ctx, wait, errDoctorSilent)
	defer cancel()
	answer, err := c.Doctor(asking, req)
	if hasCode(err, api.CodeUnexpected) && c.Version().Version != req.Version {
		return nil, c.Version().Version, err
	}
	return answer, "", err
}

// writeReport writes the report for its owner alone, in one step.
func writeReport(opts doctorOptions, report string) (string, error) {
	path, err := filepath.Abs(opts.file)
	if err != nil {
		return "", err
	}
	write := atomicfile.WriteNew
	if opts.force {
		write = atomicfile.Write
	}
	switch err := write(path, []byte(report), 0o600); {
	case errors.Is(err, fs.ErrExist):
		return "", usage("Name another one, or add --force.", "%s is there already", path)
	case err != nil:
		return "", usage("Name a file in a directory that you can write to.", "the report cannot be written: %v", err)
	}
	return path, nil
}
