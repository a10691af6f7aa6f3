package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/term"
)

func (a *app) newResumeCommand() *cobra.Command {
	var req api.ResumeRequest
	cmd := &cobra.Command{
		Use:   "resume [FOLDER]",
		Short: "Decide about files that vanished here and are held",
		Long: `When many files of a folder are deleted on this device at once, or overwritten with
nothing, that is held here: no other device is told until somebody has decided. All
else goes on being synced. Without a flag, say what is held, and on a terminal ask
what is to become of it; Enter leaves it as it is.

With --undo the files come back from the other devices, as they were there. With
--accept the others are told, and delete them as well; what they delete is kept in
.botsync/versions there.

A decision is carried out also if the time runs out, the command is interrupted or
the daemon killed meanwhile. In a folder that is receive-only now nobody can be
told: only --undo is possible. If FOLDER is named and its directory is missing, or
another one is in its place, it is made anew first, and everything that was in it
is what is held.`,
		Example: `  botsync resume
  botsync resume shared --undo
  botsync resume shared --accept
  botsync resume --json | jq '.folders[].files'`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitTimeout, api.ExitState),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return nArgs(1, "one folder at most")(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkTimeout(req.Timeout); err != nil {
				return err
			}
			if req.Accept && req.Undo {
				return usage("Choose one of them.", "--accept and --undo do not go together")
			}
			if len(args) == 1 {
				if req.Folder = args[0]; req.Folder == "" {
					return usage("Name a folder such as shared, or none.", "the name of the folder is empty")
				}
			}
			return a.runResume(cmd.Context(), req)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&req.Undo, "undo", false, "bring the files back from the other devices")
	f.BoolVar(&req.Accept, "accept", false, "have the other devices delete them as well")
	f.DurationVar(&req.Timeout, "timeout", api.DefaultResume, "how long to wait; what was decided is carried out all the same, and files come later")
	return cmd
}

func (a *app) runResume(ctx context.Context, req api.ResumeRequest) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, r)
	if err != nil {
		return err
	}
	defer c.Close()
	line, err := a.decide(ctx, c, req)
	if err != nil || line.Action != "" || !a.asks() {
		return err
	}
	for _, f := range line.Folders {
		if f.Busy {
			continue
		}
		req, decided, err := a.askResume(ctx, f)
		if err != nil {
			return err
		}
		if !decided {
			continue
		}
		if _, err := a.decide(ctx, c, req); err != nil {
			return err
		}
	}
	return nil
}

// decide makes one request and shows what came of it.
func (a *app) decide(ctx context.Context, c *control.Client, req api.ResumeRequest) (*api.ResumeLine, error) {
	spin := a.term.Spin(ctx, "Resuming")
	defer spin.Stop()
	limited, cancel := context.WithTimeout(ctx, req.Timeout+resumeGrace)
	defer cancel()
	line, err := c.Resume(limited, req)
	spin.Stop()
	if err != nil {
		return line, err
	}
	if a.json {
		err = a.term.JSON(line)
	} else {
		err = a.showResumed(line)
	}
	if err == nil && line.Left > 0 {
		err = api.Errorf(api.CodeTimeout, "What was decided is carried out by itself once that is possible; run the command again to wait for it.",
			"the decision could not be carried out for %s yet: %s", term.Count(line.Left, "file", "files"), line.Why)
	}
	if err == nil {
		err = undecided(line)
	}
	return line, err
}

// undecided is the error if nothing was decided about some of the folders. It is none
// that a folder only receives while others do not.
func undecided(line *api.ResumeLine) error {
	for _, u := range line.Undecided {
		if u.Error != nil && u.Error.Code != api.CodeReceiveOnly {
			return u.Error
		}
	}
	return nil
}

// resumeGrace is how much longer than its timeout the daemon may take to answer.
const resumeGrace = 30 * time.Second

func (a *app) showResumed(line *api.ResumeLine) error {
	if len(line.Folders) == 0 {
		a.term.Done("Nothing is held.")
		return nil
	}
	for _, f := range line.Folders {
		name, files := term.Clean(f.Name), term.Count(f.Files, "file", "files")
		switch line.Action {
		case "":
			if err := a.term.Data(name); err != nil {
				return err
			}
			a.term.Say("%s", term.HeldFiles(f.Name, f.Held))
			if f.Resting {
				a.term.Say(`  "botsync resume %[1]s --undo" brings them back. %[1]s/ is receive-only here now: nothing of it travels until it is not.`, name)
				continue
			}
			a.term.Say(`  "botsync resume %[1]s --undo" brings them back, "botsync resume %[1]s --accept" deletes them on the other devices as well.`, name)
		case api.ActionAccepted:
			a.term.Done("The other devices are told that %s of %s/ are gone.", files, name)
		default:
			for _, path := range f.Lost {
				if err := a.term.Data("lost " + term.Clean(path)); err != nil {
					return err
				}
			}
			if n := f.Files - len(f.Lost); n > 0 {
				a.term.Done("%s of %s/ come back from the other devices.", term.Count(n, "file", "files"), name)
			}
			if n := len(f.Lost); n > 0 {
				a.term.Warn("%s of %s/ cannot be brought back: no other device is known to have them.", term.Count(n, "file", "files"), name)
			}
		}
	}
	for _, u := range line.Undecided {
		if u.Error != nil {
			a.term.Warn("Nothing was decided about %s/: %s", term.Clean(u.Name), term.CleanLines(u.Error.Message))
		}
	}
	if line.Missing > 0 {
		why := ""
		if line.Why != "" {
			why = " (" + term.CleanLines(line.Why) + ")"
		}
		a.term.Warn("%s still to come from other devices%s; nothing has to be done for it.", term.Count(line.Missing, "file is", "files are"), why)
	}
	return nil
}
