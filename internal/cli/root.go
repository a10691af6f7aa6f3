package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

const (
	groupMain  = "main"
	groupOther = "other"
)

func (a *app) newRootCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "botsync COMMAND",
		Short: "Share a folder between machines, peer to peer, for people who work with AI agents",
		Long: `botsync shares a folder between machines, peer to peer and encrypted.

    botsync init            on the machine where the agent lives; prints a code
    botsync join CODE       on your machine; ~/sync is now the same folder on both

No server, no account, no configuration file to edit. With --json every command
prints JSON on standard output, and a failure is one object on standard error.`,
		Example: `  botsync init
  botsync join walrus-velvet-canyon-puppet-catnip
  botsync status`,
		Annotations:   exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitNotInitialised, api.ExitNotRunning, api.ExitCodeUnknown, api.ExitTimeout, api.ExitUnreachable, api.ExitState, api.ExitTrouble),
		Version:       a.deps.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          a.unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// Nobody asked for help, so it is no data.
			cmd.SetOut(a.err)
			if !a.json {
				_ = cmd.Help()
			}
			return usage(`Run "botsync help".`, "no command was named")
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.newTerminal()
			if cmd.Flags().Changed("root") && a.rootFlag == "" {
				return usage("Name a directory, or leave out --root.", "--root names no directory")
			}
			return nil
		},
	}
	cmd.SetOut(a.out)
	cmd.SetErr(a.err)
	cmd.SetVersionTemplate("botsync {{.Version}}\n")
	cmd.SetHelpTemplate(helpTemplate)
	cmd.SetUsageTemplate(usageTemplate)
	cmd.SuggestionsMinimumDistance = 2 // the most edits that pass for a misspelling
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.SetFlagErrorFunc(flagError)
	cmd.InitDefaultVersionFlag()
	cmd.Flags().Lookup("version").Usage = "print botsync's version"

	flags := cmd.PersistentFlags()
	flags.StringVar(&a.rootFlag, "root", "", "the `directory` that botsync manages (env BOTSYNC_ROOT, default ~/sync)")
	flags.BoolVar(&a.json, "json", false, "print JSON, for programs")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print nothing but what was asked for, warnings and errors")

	cmd.AddGroup(&cobra.Group{ID: groupMain, Title: "Commands:"}, &cobra.Group{ID: groupOther, Title: "More:"})
	cmd.SetHelpCommandGroupID(groupOther)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			cmd.AddCommand(c)
		}
	}
	add(groupMain, a.newInitCommand(), a.newInviteCommand(), a.newJoinCommand(), a.newStatusCommand(), a.newDevicesCommand(), a.newWaitCommand(), a.newSendCommand(), a.newEventsCommand(), a.newLogCommand(), a.newIgnoresCommand(), a.newRevertCommand(), a.newDoctorCommand(), a.newStartCommand(), a.newStopCommand())
	add(groupMain, a.newHistoryCommand(), a.newRestoreCommand(), a.newUndoCommand(), a.newResumeCommand())
	add(groupMain, a.newConflictsCommand())
	add(groupOther, a.newLeaveCommand(), a.newNotifyCommand(), a.newMCPCommand(), a.newSkillCommand(), a.newRelayCommand(), a.newDemoCommand(), a.newVersionCommand())
	return cmd
}

// resolve is the root that the command is about, initialised or not.
func (a *app) resolve() (string, error) { return root.Resolve(a.rootFlag) }

// open is the root that the command is about; not_initialised if it is none.
func (a *app) open() (*root.Root, error) {
	dir, err := a.resolve()
	if err != nil {
		return nil, err
	}
	return root.Open(dir)
}

// unknownCommand names the commands that were meant.
func (a *app) unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := `Run "botsync help" for the list of commands.`
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "Did you mean " + strings.Join(near, " or ") + "?"
	}
	return usage(hint, "there is no command %q", args[0])
}

// noArgs is for commands that take flags only.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(seeHelp(cmd), "%s takes no argument, but got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

func seeHelp(cmd *cobra.Command) string { return fmt.Sprintf("Run %q.", cmd.CommandPath()+" --help") }

// flagError names the flag that was meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usage(seeHelp(cmd), "%v", err)
	}
	name, best, distance := unknown.GetSpecifiedName(), "", 3
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		d := levenshtein.ComputeDistance(name, f.Name)
		if strings.HasPrefix(f.Name, name) {
			d = 1 // an abbreviation
		}
		if d < distance && !f.Hidden {
			best, distance = f.Name, d
		}
	})
	hint := seeHelp(cmd)
	if best != "" && len(name) > 1 {
		hint = "Did you mean --" + best + "?"
	}
	dashes := "--"
	if unknown.GetSpecifiedShortnames() != "" {
		dashes = "-"
	}
	return usage(hint, "%s has no flag %s%s", cmd.CommandPath(), dashes, name)
}
