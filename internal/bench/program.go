package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// program is a process of another tool that runs until it is stopped.
type program struct {
	cmd  *exec.Cmd
	log  string // what it has printed
	done chan struct{}
}

// startProgram returns errMissing if there is no such program.
func startProgram(ctx context.Context, log string, env []string, name string, args ...string) (*program, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, errMissing)
	}
	if err := os.MkdirAll(filepath.Dir(log), 0o700); err != nil {
		return nil, err
	}
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &program{cmd: exec.CommandContext(ctx, path, args...), log: log, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
	}()
	return p, nil
}

func (p *program) pid() int { return p.cmd.Process.Pid }

// err tells why the program has ended, if it has.
func (p *program) err() error {
	select {
	case <-p.done:
		out, _ := os.ReadFile(p.log)
		return fmt.Errorf("%s ended: %s: %s", filepath.Base(p.cmd.Path), p.cmd.ProcessState, out[max(0, len(out)-1000):])
	default:
		return nil
	}
}

// stop ends the program, by force if need be. It takes nil.
func (p *program) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}
