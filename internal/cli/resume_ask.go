package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/term"
)

// asks reports whether somebody is there who can be asked: he sees what is written,
// and types.
func (a *app) asks() bool {
	return !a.json && a.term.Live() && term.IsTerminal(a.stdin)
}

// askResume asks what is to become of what is held in a folder, which was shown. An
// answer that is neither of the two decides nothing.
func (a *app) askResume(ctx context.Context, f api.HeldFolder) (req api.ResumeRequest, decided bool, err error) {
	choices := "bring them (b)ack, (d)elete them on the other devices as well, or decide later (Enter)? "
	if f.Resting {
		choices = "bring them (b)ack, or decide later (Enter)? "
	}
	fmt.Fprintf(a.err, "%s/: %s", term.Clean(f.Name), choices)
	line, err := a.answer(ctx)
	req.Folder, req.Timeout = f.Name, api.DefaultResume
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "b", "back":
		req.Undo = true
	case "d", "delete":
		req.Accept = !f.Resting
	}
	return req, err == nil && (req.Undo || req.Accept), err
}

// maxAnswer is more than any answer to a question has, in bytes.
const maxAnswer = 1 << 10

// answer reads a line from the terminal; at its end it is empty.
func (a *app) answer(ctx context.Context) (string, error) {
	type result struct {
		line string
		err  error
	}
	// A read from a terminal cannot be cancelled: if ctx ends first the goroutine
	// ends with the process, which is about to.
	read := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(io.LimitReader(a.stdin, maxAnswer)).ReadString('\n')
		if err == io.EOF {
			line, err = "", nil
		}
		read <- result{line, err}
	}()
	select {
	case r := <-read:
		if r.err != nil {
			return "", fmt.Errorf("reading the answer: %w", r.err)
		}
		return r.line, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
