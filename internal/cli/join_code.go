package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/botsync/botsync/internal/code"
	"github.com/botsync/botsync/internal/term"
)

// readCode takes the code from the arguments, standard input or the environment.
func (a *app) readCode(ctx context.Context, args []string, deadline time.Time) (code.Code, error) {
	text := strings.Join(args, " ") // words that the shell took apart
	switch {
	case len(args) == 0:
		var given bool
		if text, given = os.LookupEnv(codeEnv); !given {
			return code.Code{}, usage(`Pass the code as an argument, with "-" on standard input, or in `+codeEnv+". "+
				`"botsync init" or "botsync invite" on the other machine prints one.`, "no code was given")
		}
	case text == "-":
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		var err error
		if text, err = a.readLine(ctx); err != nil {
			return code.Code{}, err
		}
	}
	c, err := code.Parse(text)
	if err != nil {
		return code.Code{}, codeError(err)
	}
	return c, nil
}

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
		in := bufio.NewReader(io.LimitReader(a.stdin, code.MaxInput+1))
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
