//go:build unix

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
)

// run is one botsync command.
type run struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	out    output // standard output
	err    output
	start  time.Time
	took   time.Duration
	done   chan struct{} // closed when it has ended
}

// output can be read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// kill ends the command, if it has not ended yet, and waits until it is gone.
func (r *run) kill() {
	r.cancel()
	<-r.done
}

// passed are the variables of a script that its commands see.
var passed = []string{"PATH", "TMPDIR", "XDG_RUNTIME_DIR", "BOTSYNC_ROOT", "BOTSYNC_CODE", "BOTSYNC_RELAY", "OPENCLAW_HOOKS_TOKEN", "OPENCLAW_HOOKS_URL", "NO_COLOR", "TERM", "LANG"}

// start runs botsync as the present actor. An argument "<file" gives its
// standard input.
func (w *world) start(ts *testscript.TestScript, args []string) *run {
	if w.actor == "" {
		ts.Fatalf("say on which machine first: on NAME")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*botsynctest.Patience)
	r := &run{cancel: cancel, done: make(chan struct{})}
	var argv []string
	var stdin string
	for _, a := range args {
		if name, ok := strings.CutPrefix(a, "<"); ok {
			stdin = ts.ReadFile(name)
			continue
		}
		argv = append(argv, a)
	}
	r.cmd = exec.CommandContext(ctx, botsynctest.Binary(w.tb), argv...)
	r.cmd.Dir = w.home()
	r.cmd.Env = []string{"HOME=" + w.home()}
	for _, name := range passed {
		if v := ts.Getenv(name); v != "" {
			r.cmd.Env = append(r.cmd.Env, name+"="+v)
		}
	}
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = strings.NewReader(stdin), &r.out, &r.err
	if w.nobody {
		actAsNobody(r.cmd)
	}
	r.start = time.Now()
	ts.Check(r.cmd.Start())
	go func() {
		defer close(r.done)
		defer cancel()
		_ = r.cmd.Wait()
		r.took = time.Since(r.start)
	}()
	return r
}

// end waits for a command and makes it the last one.
func (w *world) finish(ts *testscript.TestScript, r *run, neg bool) {
	<-r.done
	w.last = r
	_, _ = ts.Stdout().Write([]byte(r.out.String()))
	_, _ = ts.Stderr().Write([]byte(r.err.String()))
	exit := r.cmd.ProcessState.ExitCode()
	switch {
	case exit < 0:
		ts.Fatalf("botsync ended by %v, after %v", r.cmd.ProcessState, r.took)
	case exit != 0 && !neg:
		ts.Fatalf("botsync: exit code %d", exit)
	case exit == 0 && neg:
		ts.Fatalf("botsync succeeded")
	}
}

func (w *world) home() string { return filepath.Join(w.work, w.actor) }

// root is the one that commands of the present actor are about.
func (w *world) root(ts *testscript.TestScript) string {
	if dir := ts.Getenv("BOTSYNC_ROOT"); dir != "" {
		return dir
	}
	return filepath.Join(w.home(), "sync")
}

// on NAME: the commands that follow are typed on that machine. Its home is
// $WORK/NAME, so that its root is NAME/sync.
func cmdOn(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, len(args) == 1, "on NAME")
	w := worldOf(ts)
	w.actor = args[0]
	ts.Check(os.MkdirAll(w.home(), 0o755))
}

func cmdBotsync(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	w.finish(ts, w.start(ts, args), neg)
}

// exits N: the last command ended with this exit code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "exits CODE")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := worldOf(ts).last.cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// within D: the last command took no longer; with ! it took longer.
func cmdWithin(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1, "[!] within DURATION")
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	if took := worldOf(ts).last.took; (took <= limit) == neg {
		ts.Fatalf("it took %v", took)
	}
}

var codeLine = regexp.MustCompile(`^[a-z]+(-[a-z]+){4}\n$`)

// code [NAME]: standard output is a code and nothing else, or an invite as JSON.
// Keep the code in $CODE or $NAME.
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) <= 1 && !neg, "code [NAME]")
	name := "CODE"
	if len(args) == 1 {
		name = args[0]
	}
	out := ts.ReadFile("stdout")
	var line api.InviteLine
	first, _, _ := strings.Cut(out, "\n")
	if json.Unmarshal([]byte(first), &line) == nil && line.Type == api.TypeInvite {
		out = line.Code + "\n"
	}
	if !codeLine.MatchString(out) {
		ts.Fatalf("this is no code: %q", out)
	}
	ts.Setenv(name, strings.TrimSpace(out))
}

// background NAME botsync ...: go on while it runs.
func cmdBackground(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) >= 2 && args[1] == "botsync" && !neg, "background NAME botsync [args...]")
	w := worldOf(ts)
	if w.runs[args[0]] != nil {
		ts.Fatalf("there is a command called %s already", args[0])
	}
	w.runs[args[0]] = w.start(ts, args[2:])
}

func (w *world) running(ts *testscript.TestScript, name string) *run {
	r := w.runs[name]
	if r == nil {
		ts.Fatalf("no command is called %s", name)
	}
	return r
}

// await-output NAME REGEXP [VAR]: until the command in the background printed
// that. The first group, or else all that matched, is kept in $VAR.
func cmdAwaitOutput(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, (len(args) == 2 || len(args) == 3) && !neg, "await-output NAME REGEXP [VAR]")
	r := worldOf(ts).running(ts, args[0])
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	var match []string
	await(ts, args[0]+" prints "+args[1], func() error {
		if match = re.FindStringSubmatch(r.out.String()); match == nil {
			match = re.FindStringSubmatch(r.err.String())
		}
		if match == nil {
			return errors.New("it printed\n" + r.out.String() + r.err.String())
		}
		return nil
	})
	if len(args) == 3 {
		ts.Setenv(args[2], match[len(match)-1])
	}
}

// finish NAME: wait until the command in the background has ended. It is the
// last command then, as if it had been typed here.
func cmdFinish(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1, "[!] finish NAME")
	w := worldOf(ts)
	r := w.running(ts, args[0])
	delete(w.runs, args[0])
	w.finish(ts, r, neg)
}

func need(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// await calls look until it returns nil.
func await(ts *testscript.TestScript, what string, look func() error) {
	var err error
	if !botsynctest.Within(botsynctest.Patience, func() bool { err = look(); return err == nil }) {
		ts.Fatalf("waited in vain for: %s: %v", what, err)
	}
}

// upper TEXT NAME, spaced TEXT NAME, words TEXT NAME...: a code, written in
// another way, in variables.
func cmdUpper(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, len(args) == 2, "upper TEXT NAME")
	ts.Setenv(args[1], strings.ToUpper(args[0]))
}

func cmdSpaced(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, len(args) == 2, "spaced TEXT NAME")
	ts.Setenv(args[1], "  "+strings.ReplaceAll(args[0], "-", " \t ")+" ")
}

func cmdWords(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, len(args) > 1, "words TEXT NAME...")
	words := strings.Split(args[0], "-")
	need(ts, len(words) == len(args)-1, "words TEXT NAME..., a name for each word")
	for i, word := range words {
		ts.Setenv(args[i+1], word)
	}
}
