package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// Report is a text that can be sent to somebody: what was found, without names of
// devices, files and users, without secrets, and without addresses.
func (r *Result) Report() string {
	var b strings.Builder
	f := r.facts
	line := func(format string, args ...any) { b.WriteString(sayf(format, args...).safe + "\n") }
	line("botsync doctor, report of %v", plain(f.Now.UTC().Format(time.RFC3339)))
	line("Names, paths, addresses and secrets are left out; peer-1 is the same device throughout.")
	line("")
	line("botsync  %v", version(f.Version))
	line("engine   Syncthing %v", version(f.Engine))
	line("go       %v", oneOf(f.Go, goVersion(f.Go)))
	line("system   %v/%v", oneOf(f.OS, "linux", "darwin", "windows", "freebsd", "openbsd", "netbsd"), oneOf(f.Arch, "amd64", "arm64", "386", "arm", "riscv64"))
	if f.Live != nil {
		line("uptime   %v", f.Live.Uptime.Round(time.Second))
	}
	line("devices  %d others", len(f.Peers))
	for _, x := range f.Folders {
		line("folder   %v: lacks %d files, %d conflicts, %d failed, %d changes here only",
			oneOf(x.Name, "shared", "deliverables", "inbox"), x.NeedFiles, x.Conflicts, x.Failed, x.Local)
	}
	s := r.summary()
	line("checks   %d ok, %d warnings, %d failed, %d skipped", s.OK, s.Warn, s.Fail, s.Skipped)
	group := ""
	for _, c := range r.checks {
		if g := groups[groupOf(c.code)]; g != group {
			group = g
			line("\n%v", plain(group))
		}
		subject := ""
		if c.subject.safe != "" {
			subject = " " + c.subject.safe
		}
		line("  %v %v%v: %v", plain(fmt.Sprintf("%-7s", c.status)), plain(c.code), plain(subject), plain(c.message.safe))
		if c.fix.safe != "" && c.status != api.CheckOK {
			line("          fix: %v", plain(c.fix.safe))
		}
	}
	if len(f.Log) > 0 {
		line("\nthe end of the daemon's log")
		for _, l := range foldedLog(f.Log) {
			line("  %v", plain(l))
		}
	}
	return b.String()
}

// goVersion is s if it is the version of a Go, else nothing that anybody says.
func goVersion(s string) string {
	if rest, ok := strings.CutPrefix(s, "go"); ok && versionForm.MatchString(rest+strings.Repeat(".0", max(0, 2-strings.Count(rest, ".")))) {
		return s
	}
	return "\x00"
}
