//go:build unix

package e2e

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/botsync/botsync/internal/api"
)

// check CODE[:SUBJECT] STATUS [MESSAGE [FIX]]: standard output is the answer of
// "doctor --json", in which that check came out like this; message and fix are
// regular expressions.
func cmdCheck(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) >= 2 && len(args) <= 4 && !neg, "check CODE[:SUBJECT] STATUS [MESSAGE [FIX]]")
	var d api.Doctor
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &d))
	code, subject, _ := strings.Cut(args[0], ":")
	patterns := append(args[2:], "", "")
	var seen []string
	for _, c := range d.Checks {
		if c.Code != code || subject != "" && c.Subject != subject {
			continue
		}
		seen = append(seen, c.Status+" "+c.Subject+": "+c.Message+" FIX "+c.Fix)
		if c.Status == args[1] && regexp.MustCompile(patterns[0]).MatchString(c.Message) && regexp.MustCompile(patterns[1]).MatchString(c.Fix) {
			return
		}
	}
	ts.Fatalf("no check %s is %s; there are %q", args[0], args[1:], seen)
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
	worldOf(ts).tb.Cleanup(func() { l.Close() })
	ts.Setenv("URL", "http://"+l.Addr().String())
	go http.Serve(l, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusForbidden) }))
}

// betrays-nothing FILE SECRET...: the file holds none of these, nor anything that tells
// of this machine: its name, its user, its addresses, the directories of the
// test, and the device IDs of all machines.
func cmdBetraysNothing(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 1 && !neg, "betrays-nothing FILE SECRET...")
	w := worldOf(ts)
	secrets := append([]string{w.work, w.home()}, args[1:]...)
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
		if len(s) > 4 && strings.Contains(text, strings.ToLower(s)) {
			ts.Fatalf("%s contains %q:\n%s", args[0], s, text)
		}
	}
}
