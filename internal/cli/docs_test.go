package cli

import (
	"io"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/code"
)

// commands are all commands that a user can run, the root first.
func commands(t *testing.T) []*cobra.Command {
	t.Helper()
	a := &app{deps: fakeDeps(), out: io.Discard, err: io.Discard}
	a.newTerminal()
	rootCmd := a.newRootCommand()
	rootCmd.InitDefaultHelpFlag()
	list := []*cobra.Command{rootCmd}
	var add func(*cobra.Command)
	add = func(of *cobra.Command) {
		for _, c := range of.Commands() {
			if c.Name() != "help" {
				c.InitDefaultHelpFlag()
				list = append(list, c)
				add(c)
			}
		}
	}
	add(rootCmd)
	if len(list) != 39 {
		t.Fatalf("there are %d commands", len(list))
	}
	return list
}

func TestHelpIsWhole(t *testing.T) {
	t.Parallel()
	a := regexp.MustCompile(`^[A-Z][^\n]*[^.\n]$`)
	for _, c := range commands(t) {
		if !a.MatchString(c.Short) {
			t.Errorf("%s: Short is %q: want one line, a capital and no full stop", c.Name(), c.Short)
		}
		if !strings.HasSuffix(c.Long, ".") || strings.HasPrefix(c.Long, c.Short) {
			t.Errorf("%s: Long is no text of its own", c.Name())
		}
		for line := range strings.SplitSeq(c.Long, "\n") {
			if len(line) > 84 {
				t.Errorf("%s: a line of Long has %d characters: %s", c.Name(), len(line), line)
			}
		}
		if !strings.HasPrefix(c.Example, "  botsync ") && c.Name() != "join" {
			t.Errorf("%s: Example is %q", c.Name(), c.Example)
		}
		if !strings.Contains(c.Annotations[exitsKey], "  0  done") {
			t.Errorf("%s: no exit status", c.Name())
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && (f.Usage == "" || strings.HasSuffix(f.Usage, ".")) {
				t.Errorf("%s --%s: usage is %q", c.Name(), f.Name, f.Usage)
			}
		})
	}
}

// The codes in the examples are such as botsync prints.
func TestCodesInExamples(t *testing.T) {
	t.Parallel()
	looksLike := regexp.MustCompile(`[a-z]+(-[a-z]+){4}|[a-z]+( [a-z]+){4}"`)
	found := 0
	texts := []string{contract(t)}
	for _, c := range commands(t) {
		texts = append(texts, c.Example)
	}
	for _, text := range texts {
		for _, s := range looksLike.FindAllString(text, -1) {
			found++
			if _, err := code.Parse(strings.Trim(s, `"`)); err != nil {
				t.Errorf("%q: %v", s, err)
			}
		}
	}
	if found < 4 {
		t.Errorf("found %d codes", found)
	}
}

func contract(t *testing.T) string {
	t.Helper()
	return page(t, "cli.md")
}

func page(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// docs/cli.md and the commands say the same.
func TestContractIsWhole(t *testing.T) {
	t.Parallel()
	doc := contract(t)
	sections := map[string]string{} // by heading
	for _, part := range strings.Split(doc, "\n## ") {
		title, text, _ := strings.Cut(part, "\n")
		sections[title] = text
	}
	flag := regexp.MustCompile("`(--[a-z-]+)")
	for _, c := range commands(t) {
		title := c.CommandPath()
		flags := c.LocalNonPersistentFlags()
		if !c.HasParent() {
			title, flags = "Every command", c.Flags() // those of all, and --help
		}
		text, ok := sections[title]
		if !ok {
			t.Errorf("there is no section %q", title)
			continue
		}
		known := map[string]bool{}
		flags.VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "version" || f.Name == "help" && c.HasParent() {
				return
			}
			known["--"+f.Name] = true
			if !strings.Contains(text, "| `--"+f.Name) {
				t.Errorf("%s does not describe --%s", title, f.Name)
			}
		})
		for line := range strings.SplitSeq(text, "\n") {
			if m := flag.FindStringSubmatch(line); strings.HasPrefix(line, "| `--") && !known[m[1]] {
				t.Errorf("%s describes %s, which does not exist", title, m[1])
			}
		}
		// The exit codes of a command, in its help and in the contract.
		for line := range strings.SplitSeq(c.Annotations[exitsKey], "\n") {
			n := strings.Fields(line)[0]
			if c.HasParent() && !regexp.MustCompile(`Exit status:.*\b`+n+`\b`).MatchString(text) {
				t.Errorf("%s does not list exit status %s", title, n)
			}
		}
	}
	for n, meaning := range meanings {
		if !strings.Contains(strings.ReplaceAll(sections["Exit status"], "`", ""), "| "+strconv.Itoa(n)+" | "+meaning) {
			t.Errorf("exit status %d is not %q", n, meaning)
		}
	}
	for _, env := range []string{"BOTSYNC_ROOT", relayEnv, codeEnv, hookTokenEnv, hookURLEnv, "NO_COLOR"} {
		if !strings.Contains(sections["Environment"], "`"+env+"`") {
			t.Errorf("the environment variable %s is not described", env)
		}
	}
}

// Every field of every object that is printed is described.
func TestEveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	doc := contract(t) + page(t, "notify.md") // of what a webhook gets
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] || typ.PkgPath() == "time" {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name != "" && !strings.Contains(doc, "`"+name+"`") {
				t.Errorf("field %s of %s is not described", name, typ)
			}
			walk(f.Type)
		}
	}
	for _, v := range []any{
		api.Status{}, api.Version{}, api.InviteLine{}, api.JoinedLine{}, api.ExpiredLine{}, api.ErrorReply{}, api.Event{},
		api.SyncedLine{}, api.FileHere{}, api.NewFile{}, api.SentLine{},
		api.NotifyStatus{}, api.NotifySetLine{}, api.NotifyOffLine{}, api.NotifyRetryLine{}, api.NotifyTestLine{}, api.NotifyBatch{},
		api.Devices{}, api.RenamedLine{}, api.RemovedLine{}, api.AddedLine{}, api.LeftLine{}, api.RoleLine{}, api.RevertedLine{},
		api.Doctor{}, api.ResumeLine{},
		api.History{}, api.RestoredLine{}, api.UndoneLine{},
		api.Conflicts{}, api.Ignores{}, api.ConflictDiffs{}, api.ResolvedLine{},
		startedLine{}, stoppedLine{}, listeningLine{}, demoResult{}, skillLine{},
	} {
		walk(reflect.TypeOf(v))
	}
}
