package meeting

import (
	"fmt"
	"strings"
	"time"
)

// A WayError says why a way could not be used.
type WayError struct {
	Way    string // its Name
	Target string // its Target: for a relay the URL; may be empty
	Err    error
}

func (e WayError) Error() string {
	if e.Target == "" {
		return fmt.Sprintf("%s: %v", e.Way, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Way, e.Target, e.Err)
}

func (e WayError) Unwrap() error { return e.Err }

// A NobodyError says that every way was looked along and nobody who knows the code waits at the end of any: the code
// is wrong, expired or used.
type NobodyError struct {
	Ways []string // the names of the ways
	// Strangers is the number of connections that were made and turned out not to lead to the host.
	Strangers int
	// Last is why the last of them was given up, or nil.
	Last error
}

func (e *NobodyError) Error() string {
	s := "nobody is waiting under this code (looked by " + strings.Join(e.Ways, " and ") + ")"
	switch {
	case e.Strangers == 1:
		s += fmt.Sprintf("; one answered and was not the one: %v", e.Last)
	case e.Strangers > 1:
		s += fmt.Sprintf("; %d answered and were not the one, the last: %v", e.Strangers, e.Last)
	}
	return s
}

func (e *NobodyError) Unwrap() error { return e.Last }

// An UnreachableError says that nobody was found, and that at least one way could not be used to look.
type UnreachableError struct {
	Failures []WayError // in the order of the ways
	// Looked are the names of the ways on which one could look, and found nobody.
	Looked []string
}

func (e *UnreachableError) Error() string {
	var b strings.Builder
	b.WriteString("no way to reach the other side: ")
	for i, f := range e.Failures {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Error())
	}
	if len(e.Looked) > 0 {
		fmt.Fprintf(&b, "; nobody found by %s", strings.Join(e.Looked, " and "))
	}
	return b.String()
}

func (e *UnreachableError) Unwrap() []error {
	errs := make([]error, len(e.Failures))
	for i, f := range e.Failures {
		errs[i] = f
	}
	return errs
}

// A retryAfterError is a failure with the time after which it makes sense to try again.
type retryAfterError struct {
	err   error
	after time.Duration
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }
