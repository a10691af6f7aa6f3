package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
)

const (
	demoPatience = 2 * time.Minute       // for one step
	demoLook     = 2 * time.Millisecond  // between two looks for a file
	demoStop     = 40 * time.Second      // for the cleaning up
	demoKilled   = 10 * time.Millisecond // between two looks at a killed daemon
)

// demo is two roots in one temporary directory.
type demo struct {
	*app
	exe    string
	dir    string
	size   int64
	agent  string
	laptop string
	code   string
	result demoResult

	// What counts of the present step, if that is not all of it.
	started, finished time.Time
}

func newDemoIn(a *app, exe, dir string, size int64) *demo {
	return &demo{
		app: a, exe: exe, dir: dir, size: size, agent: filepath.Join(dir, "agent"), laptop: filepath.Join(dir, "laptop"),
		result: demoResult{Schema: api.Schema, Type: "demo"},
	}
}

// local keeps the demo's devices to the local network.
var local = []string{"--lan-only", "--discovery-server", "none", "--syncthing-relay", "none"}

func (d *demo) initAgent(ctx context.Context) error {
	var line api.InviteLine
	err := d.command(ctx, d.agent, "", &line, append([]string{"init", "--no-wait", "--name", "agent", "--role", "agent"}, local...)...)
	d.code = line.Code
	return err
}

func (d *demo) joinLaptop(ctx context.Context) error {
	var line api.JoinedLine
	err := d.command(ctx, d.laptop, d.code, &line, append([]string{"join", "-", "--name", "laptop", "--role", "human"}, local...)...)
	if line.Timing != nil {
		d.result.Timing = *line.Timing
	}
	return err
}

func (d *demo) stop(ctx context.Context) error {
	return errors.Join(d.command(ctx, d.agent, "", nil, "stop"), d.command(ctx, d.laptop, "", nil, "stop"))
}

// command runs botsync as a user would, and reads what it prints.
func (d *demo) command(ctx context.Context, dir, stdin string, into any, args ...string) error {
	cmd := exec.CommandContext(ctx, d.exe, append(args, "--json", "--root", dir)...)
	cmd.Cancel = func() error { return terminate(cmd.Process.Pid) }
	cmd.WaitDelay = demoStop
	cmd.Env = demoEnv(d.env)
	cmd.SysProcAttr = detached() // Ctrl-C is for the demo, which then cleans up
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		var reply api.ErrorReply
		if json.Unmarshal(stderr.Bytes(), &reply) == nil && reply.Error != nil {
			return reply.Error
		}
		return fmt.Errorf("running botsync %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(stdout.Bytes(), into)
}

// demoEnv is the environment without botsync's own variables: the demo is the
// same for everybody.
func demoEnv(env []string) []string {
	var kept []string
	for _, e := range daemonEnv(env) {
		if !strings.HasPrefix(e, root.Env+"=") && !strings.HasPrefix(e, relayEnv+"=") {
			kept = append(kept, e)
		}
	}
	return kept
}

// travel writes a file on one side and returns once the other has it, complete.
// The time that counts is from the moment at which it is put into the folder here
// until it is seen there; making and comparing it are left out.
func (d *demo) travel(ctx context.Context, from, to, folder, name string) error {
	made := filepath.Join(from, name) // beside the folders, as BOTSYNC.md says
	sum, err := writeRandom(made, d.size)
	if err != nil {
		return err
	}
	d.started = time.Now()
	if err := os.Rename(made, filepath.Join(from, folder, name)); err != nil {
		return err
	}
	arrived := filepath.Join(to, folder, name)
	// A file appears there under its name when it is complete.
	for {
		if info, err := os.Stat(arrived); err == nil && info.Size() == d.size {
			break
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(demoLook):
		}
	}
	d.finished = time.Now()
	got, err := hashOf(arrived)
	if err != nil {
		return err
	}
	if got != sum {
		return fmt.Errorf("%s is not the file that was sent", arrived)
	}
	return nil
}

func writeRandom(path string, size int64) (sum [sha256.Size]byte, err error) {
	f, err := os.Create(path)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	_, err = io.CopyN(io.MultiWriter(f, h), rand.Reader, size)
	return [sha256.Size]byte(h.Sum(nil)), errors.Join(err, f.Close())
}

func hashOf(path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return [sha256.Size]byte(h.Sum(nil)), err
}

// remove ends what still runs and removes the directory, however the demo went.
func (d *demo) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, demoStop)
	defer cancel()
	var errs []error
	for _, dir := range []string{d.agent, d.laptop} {
		errs = append(errs, d.end(ctx, dir))
	}
	return errors.Join(append(errs, os.RemoveAll(d.dir))...)
}

// end stops the daemon of one root, by force if it does not do so by itself.
func (d *demo) end(ctx context.Context, dir string) error {
	r, err := root.Open(dir)
	if err != nil {
		return nil // none was made
	}
	pid, was, err := d.stopDaemon(ctx, r)
	if err == nil || !was {
		return err
	}
	if err := kill(pid); err != nil {
		return err
	}
	for {
		if held, err := r.Held(); err != nil || !held {
			return err
		}
		time.Sleep(demoKilled)
	}
}
