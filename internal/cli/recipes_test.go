package cli

import (
	"encoding/json"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"github.com/botsync/botsync/skills"
)

// pages are the texts that tell agents what to type.
func pages(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{"SKILL.md": skills.Botsync}
	for name, path := range map[string]string{
		"agents.md": "../../docs/agents.md", "mcp.md": "../../docs/mcp.md", "BOTSYNC.md": "../root/BOTSYNC.md",
	} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(data)
	}
	return texts
}

// Every command in a text for agents exists, with these flags.
func TestCommandsOfRecipes(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile("(?ms)```sh\n(.*?)```|^    (.*?)$|`([^`]*)`")
	command := regexp.MustCompile(`(?:^|[\s(|])botsync((?: +(?:"[^"]*"|'[^']*'|[^\s|;&<>()#"'…]+))+)`)
	checked := 0
	for name, page := range pages(t) {
		for _, m := range code.FindAllStringSubmatch(page, -1) {
			for line := range strings.Lines(m[1] + m[2] + m[3]) {
				// Other programs are given it as a name, and lists name two commands.
				line = strings.NewReplacer("mcp add botsync", "", "add --scope user botsync", "", "--command botsync", "", `"$cursor"`, "0",
					"start, stop", "start", "log, events", "log").Replace(line)
				for _, m := range command.FindAllStringSubmatch(line, -1) {
					checked++
					checkCommand(t, name, m[1])
				}
			}
		}
	}
	if checked < 40 {
		t.Errorf("only %d commands were found", checked)
	}
}

func checkCommand(t *testing.T, page, line string) {
	t.Helper()
	args := strings.Fields(strings.NewReplacer(`"`, "", "'", "").Replace(line))
	// In a list of commands their descriptions stand beside them.
	if i := strings.Index(strings.TrimLeft(line, " "), "   "); i > 0 {
		args = strings.Fields(strings.TrimLeft(line, " ")[:i])
	}
	a := &app{deps: fakeDeps(), out: io.Discard, err: io.Discard}
	a.newTerminal()
	cmd, rest, err := a.newRootCommand().Find(args)
	if err != nil || !cmd.HasParent() && args[0] != "help" {
		t.Errorf("%s: botsync%s: no such command: %v", page, line, err)
		return
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%s: botsync%s: %v", page, line, err)
	}
}

// The settings of other programs that the pages show can be read.
func TestSettingsOfRecipes(t *testing.T) {
	t.Parallel()
	page := pages(t)["agents.md"]
	found := 0
	for _, m := range regexp.MustCompile("(?ms)^```(json|toml)\n(.*?)^```").FindAllStringSubmatch(page, -1) {
		found++
		var v map[string]any
		read := json.Unmarshal
		if m[1] == "toml" {
			read = toml.Unmarshal
		}
		if err := read([]byte(m[2]), &v); err != nil {
			t.Errorf("%v in\n%s", err, m[2])
		}
	}
	if found != 4 {
		t.Errorf("found %d", found)
	}
}

// What OpenClaw, Claude Code and Codex ask of a skill.
func TestFrontMatterOfTheSkill(t *testing.T) {
	t.Parallel()
	m := regexp.MustCompile(`^---\nname: ([a-z0-9-]+)\ndescription: ([^\n:]+)\nmetadata: (\{.*\})\n---\n`).FindStringSubmatch(skills.Botsync)
	if m == nil {
		t.Fatalf("front matter:\n%.300s", skills.Botsync)
	}
	var metadata struct {
		OpenClaw struct{ Requires struct{ Bins []string } }
	}
	if err := json.Unmarshal([]byte(m[3]), &metadata); err != nil || len(metadata.OpenClaw.Requires.Bins) != 1 {
		t.Errorf("metadata %+v, %v", metadata, err)
	}
	if m[1] != skills.Name || len(m[2]) >= 160 || len(m[2]) < 60 {
		t.Errorf("name %q, description of %d characters", m[1], len(m[2]))
	}
}
