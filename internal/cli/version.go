package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/botsync/botsync/internal/api"
)

func (a *app) newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:         "version",
		Short:       "Print botsync's and the engine's versions",
		Long:        `Print the versions of botsync, of Syncthing inside it, and of Go.`,
		Example:     `  botsync version --json`,
		Annotations: exits(api.ExitOK, api.ExitUsage),
		Args:        noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := api.Version{
				Schema: api.Schema, Version: a.deps.Version, Engine: a.deps.Engine,
				Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
			}
			if a.json {
				return a.term.JSON(v)
			}
			return a.term.Data(fmt.Sprintf("botsync %s (Syncthing %s, %s, %s/%s)", v.Version, v.Engine, v.Go, v.OS, v.Arch))
		},
	}
}
