package term

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
)

const frameTime = 100 * time.Millisecond

// eraseLine returns to the first column and clears what is there.
const eraseLine = "\r\x1b[K"

// Spinner is a line that shows that something is going on, redrawn in place.
// Where there is no terminal nothing is drawn, and only [Spinner.Progress] is
// printed.
type Spinner struct {
	t    *Terminal
	mu   sync.Mutex
	text func() string
	stop context.CancelFunc
	done chan struct{}
}

// Spin shows text until Stop is called or ctx is done.
func (t *Terminal) Spin(ctx context.Context, text string) *Spinner {
	s := &Spinner{t: t, text: func() string { return text }, done: make(chan struct{})}
	ctx, s.stop = context.WithCancel(ctx)
	if !t.Live() {
		close(s.done)
		return s
	}
	go s.draw(ctx)
	return s
}

// Progress replaces the text. Without a terminal it is a line of its own.
func (s *Spinner) Progress(text string) {
	s.Count(func() string { return text })
	if !s.t.Live() {
		s.t.Say("%s", text)
	}
}

// Count makes the text come from f, which is called for every redraw.
func (s *Spinner) Count(f func() string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = f
}

// Stop removes the line and returns once nothing draws any more. It may be
// called more than once.
func (s *Spinner) Stop() {
	s.stop()
	<-s.done
}

func (s *Spinner) draw(ctx context.Context) {
	defer close(s.done)
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	if !s.t.utf8 {
		frames = []rune(`|/-\`)
	}
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for i := 0; ; i++ {
		s.mu.Lock()
		text := s.text()
		s.mu.Unlock()
		line := styleCode.Render(string(frames[i%len(frames)])) + " " + text
		width, _ := s.t.err.size()
		// A line that wraps could not be erased again.
		fmt.Fprint(s.t.err, eraseLine+ansi.Truncate(line, width-1, ""))
		select {
		case <-ctx.Done():
			_, _ = io.WriteString(s.t.err, eraseLine)
			return
		case <-tick.C:
		}
	}
}
