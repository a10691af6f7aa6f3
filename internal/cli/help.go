package cli

import (
	"fmt"
	"strings"

	"github.com/botsync/botsync/internal/api"
)

// exitsKey is the annotation that holds a command's exit status section.
const exitsKey = "exits"

// meanings of the exit codes, as in docs/cli.md.
var meanings = map[int]string{
	api.ExitOK:             "done",
	api.ExitUnexpected:     "unexpected error, or interrupted",
	api.ExitUsage:          "wrong usage",
	api.ExitNotInitialised: "this root is not initialised",
	api.ExitNotRunning:     "the daemon is not running",
	api.ExitCodeUnknown:    "nobody is waiting under this code: wrong, expired or used",
	api.ExitTimeout:        "timed out",
	api.ExitUnreachable:    "no way to reach the other side",
	api.ExitState:          "not possible in this state",
	api.ExitTrouble:        "--check found trouble, or doctor did",
}

// exits makes the annotation that lists the exit codes of a command.
func exits(codes ...int) map[string]string {
	lines := make([]string, len(codes))
	for i, c := range codes {
		lines[i] = fmt.Sprintf("  %d  %s", c, meanings[c])
	}
	return map[string]string{exitsKey: strings.Join(lines, "\n")}
}

// usageTemplate is cobra's, without what botsync does not have, and with the
// flags of the command before those of every command.
const usageTemplate = `Usage:
  {{.UseLine}}
{{- with .Example}}

Examples:
{{.}}
{{- end}}
{{- $all := .Commands}}{{range $group := .Groups}}

{{.Title}}
{{- range $all}}{{if and (eq .GroupID $group.ID) (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}
{{- end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}
{{- end}}
{{- if .HasAvailableInheritedFlags}}

Flags of every command:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}
{{- end}}
{{- if .HasAvailableSubCommands}}

"{{.CommandPath}} COMMAND --help" says more about one of them.
{{- end}}
`

const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}{{with .Annotations.exits}}
Exit status:
{{.}}
{{end}}`
