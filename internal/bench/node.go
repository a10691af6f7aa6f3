package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

// patience is how long anything may take before the run is given up.
const patience = 5 * time.Minute

// node is one root.
type node struct {
	binary string
	name   string
	dir    string
}

// lanOnly keeps a daemon from sending anything beyond the local network.
var lanOnly = []string{"--lan-only", "--discovery-server", "none", "--syncthing-relay", "none"}

func (n *node) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, n.binary, append(args, "--root", n.dir, "--json")...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "BOTSYNC_") })
	return cmd
}

// run runs a command to its end and decodes the object that it prints. It
// returns how long the command took, from before its start to after its end.
func (n *node) run(ctx context.Context, into any, args ...string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := n.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	if err == nil && into != nil {
		err = json.Unmarshal(stdout.Bytes(), into)
	}
	if err != nil {
		return 0, fmt.Errorf("running botsync %s: %w: %s%s", args[0], err, stdout.Bytes(), stderr.Bytes())
	}
	return took, nil
}

// init makes the root, and returns the code and how long it took until that was
// on standard output.
func (n *node) init(ctx context.Context) (code string, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := n.command(ctx, append([]string{"init", "--no-wait", "--name", n.name}, lanOnly...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", 0, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return "", 0, err
	}
	line, readErr := bufio.NewReader(stdout).ReadBytes('\n')
	took = time.Since(begin)
	_, _ = io.Copy(io.Discard, stdout)
	if err := cmd.Wait(); err != nil {
		return "", 0, fmt.Errorf("running botsync init: %w: %s", err, stderr.Bytes())
	}
	var invite api.InviteLine
	if readErr == nil {
		readErr = json.Unmarshal(line, &invite)
	}
	if readErr != nil {
		return "", 0, fmt.Errorf("reading what botsync init printed: %w", readErr)
	}
	return invite.Code, took, nil
}

func (n *node) join(ctx context.Context, code string) (api.Timing, time.Duration, error) {
	var line api.JoinedLine
	took, err := n.run(ctx, &line, append([]string{"join", code, "--name", n.name}, lanOnly...)...)
	if err == nil && line.Timing == nil {
		err = fmt.Errorf("join has told no timing")
	}
	if err != nil {
		return api.Timing{}, 0, err
	}
	return *line.Timing, took, nil
}

func (n *node) folder(name string) string { return filepath.Join(n.dir, name) }

// pid is the process of the running daemon.
func (n *node) pid() (int, error) {
	r, err := root.Open(n.dir)
	if err != nil {
		return 0, err
	}
	info, err := r.LockInfo()
	if err == nil && info.PID == 0 {
		err = fmt.Errorf("%s has no daemon", n.dir)
	}
	return info.PID, err
}

func (n *node) stop(ctx context.Context) (time.Duration, error) { return n.run(ctx, nil, "stop") }

// remove ends the daemon, by force if need be, and removes the root. It works
// after ctx is done, and on a root that was never made.
func (n *node) remove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if r, err := root.Open(n.dir); err == nil {
		if _, err := n.stop(ctx); err != nil {
			if held, _ := r.Held(); held {
				if pid, err := n.pid(); err == nil {
					if p, err := os.FindProcess(pid); err == nil {
						_ = p.Kill()
					}
				}
			}
		}
	}
	_ = os.RemoveAll(n.dir)
}
