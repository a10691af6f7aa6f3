package botsynctest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// aloneEnv tells a process that it was started by MainAlone.
const aloneEnv = "BOTSYNC_TEST_ALONE"

// MainAlone is [Main] in a network namespace in which there is nothing but the
// loopback interface, where the system allows to make one: nothing that a daemon
// does can leave this machine, and no other program is in the way. The interface
// also has an address as other interfaces have one: devices that meet at a relay
// do not tell each other those that mean another machine everywhere else.
func MainAlone(m *testing.M) {
	if os.Getenv(aloneEnv) == "1" {
		os.Unsetenv(aloneEnv)
		if err := upLoopback(); err != nil {
			fmt.Fprintln(os.Stderr, "botsynctest: bringing up the loopback interface:", err)
			os.Exit(1)
		}
		Main(m)
	}
	self, err := os.Executable()
	if err != nil {
		Main(m)
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), aloneEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_NET_ADMIN}
	}
	// A signal to this process, such as that of go test after its -timeout, is
	// for the one that runs the tests.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGQUIT, syscall.SIGTERM)
	runtime.LockOSThread() // Pdeathsig means the thread that starts it
	if err := cmd.Start(); err != nil {
		Main(m) // not allowed here: among the others then
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		os.Exit(0)
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		os.Exit(exit.ExitCode())
	}
	fmt.Fprintln(os.Stderr, "botsynctest:", err)
	os.Exit(1)
}

func upLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		return err
	}
	second, err := unix.NewIfreq("lo:1")
	if err != nil {
		return err
	}
	if err := second.SetInet4Addr([]byte{192, 0, 2, 1}); err != nil { // of TEST-NET-1, RFC 5737
		return err
	}
	return unix.IoctlIfreq(fd, unix.SIOCSIFADDR, second)
}
