//go:build unix

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

// check CODE[:SUBJECT] STATUS [MESSAGE [FIX]]: standard output is the answer of
// "doctor --json", in which that check came out like this; message and fix are
// regular expressions.
func cmdCheck(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) >= 2 && len(args) <= 4 && !neg, "check CODE[:SUBJECT] STATUS [MESSAGE [FIX]]")
	ts.Check(hasCheck(ts.ReadFile("stdout"), args))
}

// hasCheck says why an answer of "doctor --json" has no check as cmdCheck wants it.
func hasCheck(answer string, args []string) error {
	patterns := append(slices.Clone(args[2:]), "", "")
	checks, err := checksOf(answer, args[0])
	if err != nil {
		return err
	}
	for _, c := range checks {
		if c.Status == args[1] && regexp.MustCompile(patterns[0]).MatchString(c.Message) && regexp.MustCompile(patterns[1]).MatchString(c.Fix) {
			return nil
		}
	}
	return fmt.Errorf("no check %s is %s; there are %+v", args[0], args[1:], checks)
}

// checksOf are the checks CODE[:SUBJECT] of an answer.
func checksOf(answer, which string) (checks []api.DoctorCheck, err error) {
	var d api.Doctor
	if err := json.Unmarshal([]byte(answer), &d); err != nil {
		return nil, err
	}
	code, subject, _ := strings.Cut(which, ":")
	for _, c := range d.Checks {
		if c.Code == code && (subject == "" || c.Subject == subject) {
			checks = append(checks, c)
		}
	}
	return checks, nil
}

// [!] await-check CODE[:SUBJECT] STATUS [MESSAGE [FIX]]: until "doctor --json" has that
// check, or with ! until it has none such. Standard output is its last answer.
func cmdAwaitCheck(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) >= 2 && len(args) <= 4, "[!] await-check CODE[:SUBJECT] STATUS [MESSAGE [FIX]]")
	w := worldOf(ts)
	answer := ""
	await(ts, "doctor says "+strings.Join(args, " "), func() error {
		w.last = w.start(ts, []string{"doctor", "--json"})
		<-w.last.done
		answer = w.last.out.String()
		err := hasCheck(answer, args)
		if neg && err == nil {
			return errors.New("doctor says so still: " + answer)
		} else if neg {
			return nil
		}
		return err
	})
	_, _ = ts.Stdout().Write([]byte(answer))
}

// mend CODE[:SUBJECT] COMMAND: the fix of that check, in the last answer of "doctor
// --json", holds the command, a regular expression. What matches is run as it
// stands, as somebody does who copies it: several with commas or "then:" between
// them one after the other.
func cmdMend(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2 && !neg, "mend CODE[:SUBJECT] COMMAND")
	checks, err := checksOf(ts.ReadFile("stdout"), args[0])
	ts.Check(err)
	var commands string
	for _, c := range checks {
		if c.Status != api.CheckOK && commands == "" {
			commands = regexp.MustCompile(args[1]).FindString(c.Fix)
		}
	}
	if commands == "" {
		ts.Fatalf("no fix has the command %s: %+v", args[1], checks)
	}
	w := worldOf(ts)
	bin := filepath.Join(w.work, ".bin")
	ts.Check(os.MkdirAll(bin, 0o755))
	if err := os.Symlink(botsynctest.Binary(w.tb), filepath.Join(bin, "botsync")); !errors.Is(err, fs.ErrExist) {
		ts.Check(err)
	}
	for command := range strings.SplitSeq(strings.ReplaceAll(commands, ", then: ", ", "), ", ") {
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = w.home()
		cmd.Env = []string{"HOME=" + w.home(), "PATH=" + bin + ":" + ts.Getenv("PATH")}
		if dir := ts.Getenv("BOTSYNC_ROOT"); dir != "" {
			cmd.Env = append(cmd.Env, "BOTSYNC_ROOT="+dir)
		}
		out, err := cmd.CombinedOutput()
		ts.Logf("%s\n%s", command, out)
		if err != nil {
			ts.Fatalf("%s: %v", command, err)
		}
	}
}

// read-only DIR and writable DIR: nothing can be written to a directory, in which a
// daemon may be running, and again everything.
func cmdReadOnly(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "read-only DIR")
	w := worldOf(ts)
	needs.Linux(w.tb)
	needs.Root(w.tb)
	dir := ts.MkAbs(args[0])
	mount := needs.Tool(w.tb, "mount")
	if out, err := exec.Command(mount, "--bind", dir, dir).CombinedOutput(); err != nil {
		needs.Skip(w.tb, "this test needs the right to mount: %s", out)
	}
	ts.Defer(func() { unmount(w, dir) })
	if out, err := exec.Command(mount, "-o", "remount,bind,ro", dir).CombinedOutput(); err != nil {
		ts.Fatalf("%s", out)
	}
}

func cmdWritable(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "writable DIR")
	unmount(worldOf(ts), ts.MkAbs(args[0]))
}

// unmount undoes cmdReadOnly, if that was not done already.
func unmount(w *world, dir string) {
	for mounted(dir) {
		botsynctest.Await(w.tb, "umount "+dir, func() bool { return exec.Command("umount", dir).Run() == nil })
	}
}

func mounted(dir string) bool {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	return strings.Contains(string(mounts), " "+dir+" ")
}

// relent: the server of serve-refusals accepts everything from now on.
func cmdRelent(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 0 && !neg, "relent")
	worldOf(ts).relented.Store(true)
}

// suspend and continue: this machine's daemon gets SIGSTOP and SIGCONT.
func cmdSuspend(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 0 && !neg, "suspend")
	ts.Check(syscall.Kill(worldOf(ts).daemon(ts), syscall.SIGSTOP))
}

func cmdContinue(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 0 && !neg, "continue")
	ts.Check(syscall.Kill(worldOf(ts).daemon(ts), syscall.SIGCONT))
}

// take-port: while this machine's daemon does not run, another program takes its port,
// which is kept in $PORT.
func cmdTakePort(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 0 && !neg, "take-port")
	config := ts.ReadFile(filepath.Join(worldOf(ts).root(ts), ".botsync", "engine", "config.xml"))
	found := regexp.MustCompile(`<listenAddress>tcp://[^<]*:(\d+)</listenAddress>`).FindStringSubmatch(config)
	if found == nil {
		ts.Fatalf("no port is kept")
	}
	port, err := strconv.Atoi(found[1])
	ts.Check(err)
	l, err := net.ListenTCP("tcp", &net.TCPAddr{Port: port})
	ts.Check(err)
	worldOf(ts).tb.Cleanup(func() { l.Close() })
	ts.Setenv("PORT", found[1])
}

// serve-refusals: a server at $URL that forbids everything.
func cmdServeRefusals(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 0 && !neg, "serve-refusals")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	w := worldOf(ts)
	w.relented.Store(false)
	w.tb.Cleanup(func() { l.Close() })
	ts.Setenv("URL", "http://"+l.Addr().String())
	go http.Serve(l, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if !w.relented.Load() {
			rw.WriteHeader(http.StatusForbidden)
		}
	}))
}

// betrays-nothing FILE SECRET...: the file holds none of these, or for <FILE of what is
// in that, nor anything that tells of this machine: its name, its user, its addresses, the directories of the
// test, and the device IDs of all machines.
func cmdBetraysNothing(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 1 && !neg, "betrays-nothing FILE SECRET...")
	w := worldOf(ts)
	secrets := []string{w.work, w.home()}
	for _, s := range args[1:] {
		if name, ok := strings.CutPrefix(s, "<"); ok {
			if s = strings.TrimSpace(ts.ReadFile(name)); s == "" {
				ts.Fatalf("%s is empty", name)
			}
		}
		secrets = append(secrets, s)
	}
	if host, err := os.Hostname(); err == nil && len(host) > 3 && host != "localhost" {
		secrets = append(secrets, host)
	}
	addresses, err := net.InterfaceAddrs()
	ts.Check(err)
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok {
			secrets = append(secrets, n.IP.String())
		}
	}
	ids, err := filepath.Glob(filepath.Join(w.root(ts), ".botsync", "network", "devices", "*.json"))
	ts.Check(err)
	if len(ids) < 2 {
		ts.Fatalf("there are only %d devices", len(ids))
	}
	for _, id := range ids {
		secrets = append(secrets, filepath.Base(id)[:7])
	}
	text := strings.ToLower(ts.ReadFile(args[0]))
	for _, s := range secrets {
		// An address such as ::1 is in many a word and time.
		if (len(s) > 4 || slices.Contains(args[1:], s)) && strings.Contains(text, strings.ToLower(s)) {
			ts.Fatalf("%s contains %q:\n%s", args[0], s, text)
		}
	}
}
