//go:build unix

package e2e

import (
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/botsync/botsync/internal/botsynctest"
	"github.com/botsync/botsync/internal/needs"
)

// nobody is the user that owns nothing.
const nobody = 65534

// as-nobody: the commands that follow are typed by a user who owns nothing here.
// Somebody who is not root is such a user in a directory without write
// permission already.
func cmdAsNobody(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 0 && !neg, "as-nobody")
	worldOf(ts).nobody = true
}

func actAsNobody(cmd *exec.Cmd) {
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
}

// tmpfs DIR SIZE: a small disk.
func cmdTmpfs(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2 && !neg, "tmpfs DIR SIZE")
	w := worldOf(ts)
	needs.Linux(w.tb)
	needs.Root(w.tb)
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	if out, err := exec.Command(needs.Tool(w.tb, "mount"), "-t", "tmpfs", "-o", "size="+args[1], "tmpfs", dir).CombinedOutput(); err != nil {
		needs.Skip(w.tb, "this test needs the right to mount: %s", out)
	}
	ts.Defer(func() {
		w.end() // nobody is using it then
		// A daemon lets its lock go an instant before its process ends.
		botsynctest.Await(w.tb, "umount "+dir, func() bool { return exec.Command("umount", dir).Run() == nil })
	})
}

// serve web-page|rubbish|silence|nothing: a server on loopback that is no relay;
// its URL is in $URL.
func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "serve web-page|rubbish|silence|nothing")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("URL", "http://"+l.Addr().String())
	switch args[0] {
	case "web-page":
		go http.Serve(l, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(rw, "<!doctype html><title>Welcome</title>")
		}))
	case "rubbish":
		go answer(l, func(c net.Conn) {
			_, _ = c.Write([]byte("\x00\xff rubbish, and no HTTP\r\n\r\n"))
			c.Close()
		})
	case "silence":
		go answer(l, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	case "nothing":
		l.Close()
		return
	default:
		ts.Fatalf("serve what?")
	}
	worldOf(ts).tb.Cleanup(func() { l.Close() })
}

// answer serves connections until the listener is closed.
func answer(l net.Listener, with func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go with(c)
	}
}

// fill FILE: a file that takes all the room there is.
func cmdFill(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1 && !neg, "fill FILE")
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			ts.Fatalf("%v", err)
		}
	}
}

// random FILE BYTES: a file of which nobody else has a block.
func cmdRandom(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2 && !neg, "random FILE BYTES")
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = io.CopyN(f, rand.Reader, n)
	ts.Check(errors.Join(err, f.Close()))
}
