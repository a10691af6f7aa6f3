package root

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/botsync/botsync/internal/api"
)

// TestMain lets the test binary be a daemon: it locks the root named in the
// environment, says so, and waits to be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("BOTSYNC_TEST_LOCK"); dir != "" {
		r, err := Open(dir)
		if err == nil {
			_, err = r.Lock(LockInfo{PID: os.Getpid(), Socket: filepath.Join(r.StateDir(), "a-much-longer-name-than-the-next-one.sock")})
		}
		fmt.Println(err)
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestLock(t *testing.T) {
	t.Parallel()
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	wantHeld := func(want bool) {
		t.Helper()
		if held, err := r.Held(); err != nil || held != want {
			t.Errorf("held is %v, %v; want %v", held, err, want)
		}
	}
	wantHeld(false)
	if info, err := r.LockInfo(); err != nil || info != (LockInfo{}) {
		t.Errorf("before any daemon: %+v, %v", info, err)
	}

	daemon := exec.Command(os.Args[0])
	daemon.Env = append(os.Environ(), "BOTSYNC_TEST_LOCK="+r.Dir())
	if _, err := daemon.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "<nil>\n" {
		t.Fatalf("the daemon says %q, %v", line, err)
	}
	wantHeld(true)
	_, err = r.Lock(LockInfo{PID: os.Getpid()})
	if e := wantCode(t, err, api.CodeRunning); !strings.Contains(e.Message, fmt.Sprintf("process %d", daemon.Process.Pid)) {
		t.Errorf("%q does not name the process", e.Message)
	}

	// kill -9: the lock is free although the file says otherwise.
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = daemon.Wait()
	wantHeld(false)
	want := LockInfo{PID: os.Getpid(), Version: "v1", StartedAt: time.Now().UTC().Truncate(time.Second), Socket: "/s"}
	lock, err := r.Lock(want)
	if err != nil {
		t.Fatalf("a killed daemon's lock is not taken over: %v", err)
	}
	if got, err := r.LockInfo(); err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	wantHeld(true)
	// To other programs the whole file is JSON.
	if data, err := os.ReadFile(r.state(lockName)); runtime.GOOS != "windows" && (err != nil || !json.Valid(data)) {
		t.Errorf("daemon.lock is %q, %v", data, err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	wantHeld(false)
}

// Asking whether the lock is held must never keep a daemon from starting.
func TestAskingDoesNotDisturb(t *testing.T) {
	t.Parallel()
	r, _ := create(t, filepath.Join(t.TempDir(), "sync"))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := r.Held(); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	for range 50 {
		lock, err := r.Lock(LockInfo{PID: 1})
		if err != nil {
			t.Error(err)
			break
		}
		if err := lock.Unlock(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	<-stopped
}

func TestSocketPath(t *testing.T) {
	base, err := os.MkdirTemp("", "bs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	runtime := filepath.Join(base, "run")
	t.Setenv("XDG_RUNTIME_DIR", runtime)
	if err := os.Mkdir(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	short, _ := create(t, filepath.Join(base, "sync"))
	long, _ := create(t, filepath.Join(base, strings.Repeat("x", 200), "日本語"))

	if path, err := short.SocketPath(); err != nil || path != filepath.Join(short.StateDir(), "daemon.sock") {
		t.Errorf("short: %s, %v", path, err)
	}
	path, err := long.SocketPath()
	if err != nil || filepath.Dir(path) != filepath.Join(runtime, "botsync") || len(path) > maxSocketPath {
		t.Fatalf("long: %s, %v", path, err)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := long.Sockets(); len(got) != 0 {
		t.Errorf("without a daemon there are sockets %q", got)
	}
	lock, err := long.Lock(LockInfo{Socket: path})
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	if got := long.Sockets(); len(got) != 1 || got[0] != path {
		t.Errorf("the sockets are %q, not %q", got, path)
	}

	// A directory that others may enter is passed over.
	if err := os.Chmod(filepath.Join(runtime, "botsync"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", filepath.Join(base, "tmp"))
	if err := os.Mkdir(filepath.Join(base, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	if path, err := long.SocketPath(); err != nil || !strings.HasPrefix(path, filepath.Join(base, "tmp", "botsync-")) {
		t.Errorf("%s, %v", path, err)
	}
}

func TestResolve(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Chdir(home)
	for _, tc := range []struct{ flag, env, want string }{
		{"", "", filepath.Join(home, "sync")},
		{"", "/from/env", "/from/env"},
		{"/flag", "/from/env", "/flag"},
		{"rel", "", filepath.Join(home, "rel")},
		{"", "~/x", filepath.Join(home, "x")},
		{"~/x", "", filepath.Join(home, "x")},
		{"~", "", home},
		{"~x", "", filepath.Join(home, "~x")},
		{"/a//b/../c/", "", "/a/c"},
	} {
		t.Setenv(Env, tc.env)
		if got, err := Resolve(tc.flag); err != nil || got != tc.want {
			t.Errorf("%q, %q: got %q, %v; want %q", tc.flag, tc.env, got, err, tc.want)
		}
	}
	t.Setenv(Env, "")
	t.Setenv("HOME", "")
	if _, err := Resolve(""); err == nil {
		t.Error("no home directory, no root, no error")
	}
	_, err := Resolve("a\x00b")
	wantCode(t, err, api.CodeUsage)
}

func TestTail(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	if got := Tail(path, 2); got != nil {
		t.Errorf("of no file: %q", got)
	}
	write(t, path, strings.Repeat("x\n", 1<<16)+"a\nb\n")
	if got := Tail(path, 2); len(got) != 2 || got[0] != "a" || got[1] != "b" {
		t.Errorf("got %q", got)
	}
	if got := Head(path, 2); len(got) != 2 || got[0] != "x" || got[1] != "x" {
		t.Errorf("got %q", got)
	}
	// What comes back is whole.
	write(t, path, "one\ntwo\nthree\n")
	for size, want := range map[int64]string{100: "one two three", 14: "one two three", 13: "two three", 9: "three", 3: "ee"} {
		if got := strings.Join(End(path, size), " "); got != want {
			t.Errorf("of %d bytes: %s", size, got)
		}
	}
	write(t, path, "one\n")
	if head, tail := Head(path, 9), Tail(path, 9); len(head) != 1 || len(tail) != 1 || head[0] != "one" || tail[0] != "one" {
		t.Errorf("got %q and %q", head, tail)
	}
}
