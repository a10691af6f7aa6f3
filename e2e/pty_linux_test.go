package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/botsync/botsync/internal/botsynctest"
)

// terminal is a pseudo terminal with one command in it, which leads a session of
// its own as a shell does.
type terminal struct {
	t      testing.TB
	master *os.File
	cmd    *exec.Cmd
	ended  chan error

	mu   sync.Mutex
	text bytes.Buffer // all that was ever shown
}

// openTerminal runs the command of a node in a terminal of 100 by 40.
func openTerminal(t testing.TB, n *botsynctest.Node, env []string, args ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 100}); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := n.Command(t.Context(), args...)
	cmd.Env = append(append(cmd.Env, "TERM=xterm-256color", "LANG=C.UTF-8"), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	term := &terminal{t: t, master: master, cmd: cmd, ended: make(chan error, 1)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	var reading sync.WaitGroup
	reading.Go(func() {
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			term.mu.Lock()
			term.text.Write(b[:n])
			term.mu.Unlock()
			if err != nil {
				return // EIO: nobody has it open any more
			}
		}
	})
	go func() { term.ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		master.Close()
		reading.Wait()
	})
	return term
}

func (tt *terminal) shown() string {
	tt.mu.Lock()
	defer tt.mu.Unlock()
	return tt.text.String()
}

// await waits until all of these were shown.
func (tt *terminal) await(texts ...string) {
	tt.t.Helper()
	for _, text := range texts {
		ok := false
		defer func() {
			if !ok {
				tt.t.Logf("it showed %q", tt.shown())
			}
		}()
		botsynctest.Await(tt.t, fmt.Sprintf("%q on the terminal", text), func() bool {
			return bytes.Contains([]byte(tt.shown()), []byte(text))
		})
		ok = true
	}
}

// typed is what the person at the terminal types.
func (tt *terminal) typed(text string) {
	tt.t.Helper()
	if _, err := tt.master.WriteString(text); err != nil {
		tt.t.Fatal(err)
	}
}

// exit waits for the end of the command and returns its exit code.
func (tt *terminal) exit() int {
	tt.t.Helper()
	err := <-tt.ended
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		tt.t.Fatal(err)
	}
	return tt.cmd.ProcessState.ExitCode()
}
