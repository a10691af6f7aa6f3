package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/term"
	"github.com/botsync/botsync/skills"
)

type skillOptions struct{ force bool }

func (a *app) newSkillCommand() *cobra.Command {
	var opts skillOptions
	cmd := &cobra.Command{
		Use:   "skill [install [DIR]]",
		Short: "Print or install the skill that teaches an agent to use botsync",
		Long: `Print the skill, a SKILL.md as OpenClaw, Claude Code, Codex and other agents read
it; or install it into DIR, the directory that holds skills, as
DIR/botsync/SKILL.md.

Without DIR it is installed for each agent that is found in the home directory:
~/.claude/skills, ~/.openclaw/workspace/skills, and ~/.agents/skills, where Codex
and others look. A skill that somebody edited is not replaced without --force.`,
		Example: `  botsync skill
  botsync skill install
  botsync skill install ~/.openclaw/workspace/skills`,
		Annotations: exits(api.ExitOK, api.ExitUnexpected, api.ExitUsage, api.ExitState),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && args[0] != "install" || len(args) > 2 {
				return usage(seeHelp(cmd), "%s takes nothing, or install and a directory, but got %q", cmd.CommandPath(), args)
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return a.printSkill()
			case 1:
				return a.installSkills(opts)
			}
			return a.installSkill(args[1], opts)
		},
	}
	cmd.Flags().BoolVar(&opts.force, "force", false, "replace a skill that somebody edited")
	return cmd
}

// skillLine is the answer of "skill --json", and of "skill install --json" for
// each directory.
type skillLine struct {
	Schema int    `json:"schema"`
	Type   string `json:"type"`           // skill, installed, renewed or unchanged
	Path   string `json:"path,omitempty"` // of the SKILL.md
	Text   string `json:"text,omitempty"` // of a skill that is printed
}

func (a *app) printSkill() error {
	if a.json {
		return a.term.JSON(skillLine{Schema: api.Schema, Type: "skill", Text: skills.Botsync})
	}
	return a.term.Data(strings.TrimSuffix(skills.Botsync, "\n"))
}

// installSkills installs the skill for every agent that this user has.
func (a *app) installSkills(opts skillOptions) error {
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return usage("Name the directory: botsync skill install DIR.", "this user has no home directory")
	}
	dirs := skillDirs(home)
	if len(dirs) == 0 {
		return api.Errorf(api.CodeUsage, "Name the directory that holds its skills: botsync skill install DIR.",
			"no agent that is known here was found in %s", home)
	}
	// One that cannot be written must not keep the others from it.
	var first error
	for _, dir := range dirs {
		if err := a.installSkill(dir, opts); err != nil && first == nil {
			first = err
		} else if err != nil {
			a.term.Warn("%v", err)
		}
	}
	return first
}

// skillDirs are the directories in which the agents of a user look for skills:
// https://docs.openclaw.ai/tools/skills, https://code.claude.com/docs/en/skills
// and https://developers.openai.com/codex/skills.
func skillDirs(home string) []string {
	var dirs []string
	for _, agent := range []struct{ sign, skills string }{
		{".claude", ".claude/skills"},
		{".openclaw", ".openclaw/workspace/skills"},
		{".agents", ".agents/skills"},
		{".codex", ".agents/skills"},
	} {
		dir := filepath.Join(home, filepath.FromSlash(agent.skills))
		if info, err := os.Stat(filepath.Join(home, agent.sign)); err == nil && info.IsDir() && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

func (a *app) installSkill(dir string, opts skillOptions) error {
	path, did, err := writeSkill(dir, opts.force)
	if err != nil {
		return err
	}
	if a.json {
		return a.term.JSON(skillLine{Schema: api.Schema, Type: did, Path: path})
	}
	a.term.Done("%s: %s", term.Clean(path), did)
	return nil
}
