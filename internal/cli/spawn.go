package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/term"
)

// ready is the line that a daemon started by [app.spawn] writes to its standard
// output; an api.ErrorReply stands in its place when it cannot run.
type ready struct {
	Schema int        `json:"schema"`
	Ready  bool       `json:"ready"`
	PID    int        `json:"pid"`
	Error  *api.Error `json:"error,omitempty"`
}

// spawn starts the daemon of r in the background, detached from the terminal,
// and returns once it answers; if it cannot run, with the daemon's own error.
func (a *app) spawn(ctx context.Context, r *root.Root) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the program to start: %w", err)
	}
	stderr, err := os.OpenFile(r.StderrPath(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return api.Errorf(api.CodeRootUnusable, "Make it writable for this user.", "the daemon has no place for its log: %v", err)
	}
	defer stderr.Close()
	stdout, childOut, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdout.Close()

	cmd := exec.Command(exe, "start", "--foreground", "--handshake", "--root", r.Dir())
	cmd.Stdout, cmd.Stderr = childOut, stderr // standard input is the null device
	cmd.Dir = r.StateDir()                    // so that it keeps no other directory busy
	cmd.Env = daemonEnv(a.env)
	cmd.SysProcAttr = detached()
	err = cmd.Start()
	childOut.Close()
	if err != nil {
		return fmt.Errorf("starting the daemon: %w", err)
	}
	answer, err := readHandshake(ctx, stdout)
	switch {
	case err == nil && answer.Ready:
		return cmd.Process.Release()
	case err == nil && answer.Error != nil:
		_ = cmd.Wait()
		return answer.Error
	case ctx.Err() != nil:
		// Nobody waits for it any more, and it has not begun to work.
		_ = terminate(cmd.Process.Pid)
		_ = cmd.Wait()
		return ctx.Err()
	}
	return diedSilently(r, cmd.Wait())
}

// daemonEnv is the environment without a code, which stands for an invite, and
// without a token: a daemon's environment can be read for as long as it lives.
func daemonEnv(env []string) []string {
	kept := make([]string, 0, len(env))
	for _, e := range env {
		if !strings.HasPrefix(e, codeEnv+"=") && !strings.HasPrefix(e, hookTokenEnv+"=") {
			kept = append(kept, e)
		}
	}
	return kept
}

// readHandshake reads the one line, or gives up when ctx is done.
func readHandshake(ctx context.Context, pipe *os.File) (ready, error) {
	stop := context.AfterFunc(ctx, func() { _ = pipe.Close() })
	defer stop()
	var answer ready
	line, err := bufio.NewReader(io.LimitReader(pipe, 64<<10)).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(bytes.TrimSpace(line), &answer)
	}
	return answer, err
}

func diedSilently(r *root.Root, exit error) error {
	said := root.Head(r.StderrPath(), 12) // a crash says first what happened
	if len(said) == 0 {
		said = root.Tail(r.LogPath(), 5)
	}
	reason := "without a word"
	if exit != nil {
		reason = exit.Error()
	}
	message := "the daemon ended before it was ready: " + reason
	for _, line := range said {
		message += "\n  " + term.Clean(strings.ReplaceAll(line, "\t", "  "))
	}
	return api.Errorf(api.CodeUnexpected, "The log is "+r.LogPath()+".", "%s", message)
}
