package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
)

const (
	// commandPatience is how long a command may take unless the target says
	// otherwise.
	commandPatience = time.Minute
	// commandGrace is how long what a command started may go on writing to its
	// output after it has ended.
	commandGrace = time.Second
	// maxTail bounds what is kept of a command's output, in bytes.
	maxTail = 1 << 10
	// exitTempFail is sendmail's word for: try again later (EX_TEMPFAIL of
	// sysexits.h).
	exitTempFail = 75
)

// command runs a program for each notification. It gets the batch as JSON on
// its standard input; exit 0 accepts it, 75 asks for a later attempt.
type command struct {
	argv     []string
	root     string
	patience time.Duration
}

func newCommand(t api.NotifyTarget, root string) *command {
	c := &command{argv: t.Command, root: root, patience: t.TimeLimit}
	if c.patience == 0 {
		c.patience = commandPatience
	}
	return c
}

// Runnable refuses the program of a command that is not there or may not be run,
// as the calling process sees it: with its PATH, and a path that is not absolute
// from the root. The error is an [api.Error] of usage.
func Runnable(program, root string) error {
	path := program
	if filepath.Base(path) != path && !filepath.IsAbs(path) {
		path = filepath.Join(root, path)
	}
	if _, err := exec.LookPath(path); err != nil {
		if wrapped, ok := errors.AsType[*exec.Error](err); ok {
			err = wrapped.Err
		}
		if wrapped, ok := errors.AsType[*fs.PathError](err); ok {
			err = wrapped.Err
		}
		return api.Errorf(api.CodeUsage, "Give its absolute path; a command runs in the root, with the PATH of the daemon.",
			"the command %q cannot be run: %v", program, err)
	}
	return nil
}

func (c *command) close() {}

func (c *command) send(ctx context.Context, key string, body []byte) answer {
	limited, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	cmd := exec.CommandContext(limited, c.argv[0], c.argv[1:]...)
	var out tail
	read, write, err := os.Pipe()
	if err != nil {
		return notNow(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(body), write, write
	cmd.Dir = c.root
	cmd.Env = append(slices.DeleteFunc(os.Environ(), isSecret), "BOTSYNC_ROOT="+c.root, "BOTSYNC_NOTIFICATION="+key)
	cmd.WaitDelay = commandGrace
	ownGroup(cmd)
	err = cmd.Start()
	write.Close()
	if err != nil {
		read.Close()
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) || errors.Is(err, exec.ErrDot) {
			return answer{verdict: pause, text: "the command cannot be run: " + harmless(shorten(err.Error()))}
		}
		return notNow(err)
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		_, _ = io.Copy(&out, read)
	}()
	ended(cmd)
	select {
	case <-heard:
	case <-time.After(commandGrace):
	}
	// What it left behind would gather, with every attempt.
	_ = endGroup(cmd)
	// A command that does not read its input, or whose children outlive it, may
	// have done its work all the same: its exit code says so.
	_ = cmd.Wait()
	read.Close()
	<-heard
	exit := cmd.ProcessState.ExitCode()
	switch {
	case exit == 0:
		return answer{verdict: accepted, text: "exit 0" + out.said()}
	case ctx.Err() != nil:
		return answer{verdict: retry, text: "the daemon was stopped meanwhile"}
	case limited.Err() != nil:
		return answer{verdict: retryFew, text: fmt.Sprintf("the command was ended after %s", c.patience) + out.said()}
	case exit == exitTempFail:
		return answer{verdict: retry, text: "exit 75, which asks for a later attempt" + out.said()}
	case exit < 0:
		return answer{verdict: retryFew, text: "the command ended by " + cmd.ProcessState.String() + out.said()}
	}
	return answer{verdict: retryFew, text: fmt.Sprintf("exit %d", exit) + out.said()}
}

func notNow(err error) answer {
	return answer{verdict: retry, text: "the command cannot be run now: " + harmless(shorten(err.Error()))}
}

// isSecret reports whether a variable is what switched on another target.
func isSecret(env string) bool { return strings.HasPrefix(env, "OPENCLAW_HOOKS_TOKEN=") }

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	b   []byte
	cut bool // something was before it
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cut = t.cut || len(t.b)+len(p) > maxTail
	t.b = append(t.b, p[max(0, len(p)-maxTail):]...)
	t.b = append(t.b[:0], t.b[max(0, len(t.b)-maxTail):]...)
	return len(p), nil
}

// said is the end of the output for people: whole words on one line, of at most
// maxSaid bytes, escapes and all.
func (t *tail) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	words := strings.Fields(string(t.b))
	if t.cut && len(words) > 1 {
		words = words[1:] // of which the beginning may be missing
	}
	text := harmless(strings.Join(words, " "))
	if over := len(text) - maxSaid; over > 0 {
		text = text[over:]
		if _, whole, ok := strings.Cut(text, " "); ok {
			text = whole
		}
		text = strings.ToValidUTF8(text, "")
	} else if text == "" {
		return ""
	} else if !t.cut {
		return ": " + text
	}
	return ": … " + text
}
