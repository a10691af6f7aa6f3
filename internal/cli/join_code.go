package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/code"
	"github.com/botsync/botsync/internal/term"
	"github.com/botsync/botsync/internal/ticket"
)

// readCode takes the code, five words or a ticket, from the arguments, standard
// input or the environment. What it returns is well-formed.
func (a *app) readCode(ctx context.Context, args []string, deadline time.Time) (string, error) {
	text := strings.Join(args, " ") // words that the shell took apart
	switch {
	case len(args) == 0:
		var given bool
		if text, given = os.LookupEnv(codeEnv); !given {
			return "", usage(`Pass the code as an argument, with "-" on standard input, or in `+codeEnv+". "+
				`"botsync init" or "botsync invite" on the other machine prints one.`, "no code was given")
		}
	case text == "-":
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		var err error
		if text, err = a.readLine(ctx); err != nil {
			return "", err
		}
	}
	if ticket.IsTicket(text) {
		t, err := ticket.Parse(text)
		if err != nil {
			return "", ticketError(err)
		}
		return t.Text(), nil
	}
	c, err := code.Parse(text)
	if err != nil {
		return "", codeError(err)
	}
	return c.String(), nil
}

// ticketError explains what is wrong with a ticket.
func ticketError(err error) error {
	hint := "Copy the whole ticket again, or ask for a new one."
	if _, ok := errors.AsType[*ticket.VersionError](err); ok {
		hint = "Update botsync on this machine."
	}
	return api.Errorf(api.CodeBadCode, hint, "%v", err)
}

// maxCodeInput is more than any ticket or code has, in bytes.
const maxCodeInput = 4 << 10

// readLine reads the first line of standard input that is not empty. Whoever
// writes it may keep the other end open. On a terminal it asks.
func (a *app) readLine(ctx context.Context) (string, error) {
	if term.IsTerminal(a.stdin) {
		fmt.Fprint(a.err, "Code: ")
	}
	type result struct {
		line string
		err  error
	}
	// A read from a terminal or a pipe cannot be cancelled: if ctx ends first the
	// goroutine ends with the process, which is about to.
	read := make(chan result, 1)
	go func() {
		// One byte too many lets the parser refuse what is too long.
		in := bufio.NewReader(io.LimitReader(a.stdin, maxCodeInput+1))
		for {
			line, err := in.ReadString('\n')
			if strings.TrimSpace(line) != "" || err == io.EOF {
				read <- result{line, nil}
				return
			}
			if err != nil {
				read <- result{"", fmt.Errorf("reading the code: %w", err)}
				return
			}
		}
	}()
	select {
	case r := <-read:
		return r.line, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
