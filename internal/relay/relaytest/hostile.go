package relaytest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/relay"
)

// A Behaviour is a way in which a relay can be bad.
type Behaviour string

// What is at the URL is no relay at all.
const (
	Rubbish     Behaviour = "rubbish"      // answers bytes that are not HTTP
	WebPage     Behaviour = "web page"     // answers everything with 200 and HTML
	NotFound    Behaviour = "not found"    // is a web server that knows no such page
	ServerError Behaviour = "server error" // answers 500
	Hang        Behaviour = "hang"         // accepts the connection and never answers
	Slam        Behaviour = "slam"         // accepts the connection and closes it
	Redirect    Behaviour = "redirect"     // redirects to another host
	Endless     Behaviour = "endless"      // sends headers without end
)

// What is at the URL is a relay that keeps the contract, but tampers with what it carries.
const (
	Flip      Behaviour = "flip"      // changes one bit of every message
	Drop      Behaviour = "drop"      // loses every second message
	Duplicate Behaviour = "duplicate" // delivers every message twice
	Truncate  Behaviour = "truncate"  // loses the last byte of every message
	Delay     Behaviour = "delay"     // keeps every message for a second
	Flood     Behaviour = "flood"     // sends 1 GiB to whoever comes
	Mirror    Behaviour = "mirror"    // joins the guest with itself
)

// NotRelays are the behaviours of what is no relay.
var NotRelays = []Behaviour{Rubbish, WebPage, NotFound, ServerError, Hang, Slam, Redirect, Endless}

// Tampering are the behaviours of relays that tamper.
var Tampering = []Behaviour{Flip, Drop, Duplicate, Truncate, Delay, Flood, Mirror}

// Hostile starts a relay that behaves badly.
func Hostile(t testing.TB, b Behaviour) *Relay {
	t.Helper()
	if tamper, ok := tampering[b]; ok {
		return NewWith(t, relay.Config{
			MaxBytes: 2 << 30,
			Store:    &tamperingStore{Store: relay.NewMemory(1000), tamper: tamper},
		})
	}
	r := &Relay{t: t, addr: "127.0.0.1:0"}
	if answer, ok := rawAnswers[b]; ok {
		r.serve = func(ctx context.Context, ln net.Listener) error { return serveRaw(ctx, ln, answer) }
	} else if answer, ok := webAnswers[b]; ok {
		r.serve = func(ctx context.Context, ln net.Listener) error { return serveWeb(ctx, ln, answer) }
	} else {
		t.Fatalf("no such behaviour: %s", b)
	}
	r.Start()
	r.URL = "http://" + r.addr
	t.Cleanup(r.Close)
	return r
}

var webAnswers = map[Behaviour]http.HandlerFunc{
	WebPage: func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "<!DOCTYPE html><html><title>Welcome</title><p>It works!</html>")
	},
	NotFound:    http.NotFound,
	ServerError: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusInternalServerError) },
	Redirect: func(w http.ResponseWriter, r *http.Request) {
		// Another name for the same machine, so that following it would be noticed and nothing leaves.
		http.Redirect(w, r, "http://127.0.0.2:9"+r.URL.RequestURI(), http.StatusFound)
	},
}

func serveWeb(ctx context.Context, ln net.Listener, answer http.HandlerFunc) error {
	srv := &http.Server{Handler: answer}
	defer context.AfterFunc(ctx, func() { srv.Close() })()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// rawAnswers are what is sent to a client, before its connection is closed.
var rawAnswers = map[Behaviour]func(ctx context.Context, w io.Writer){
	Rubbish: func(_ context.Context, w io.Writer) { w.Write([]byte("\x00\xff\x16SSH-2.0-rubbish\r\n\r\n\x80\x81")) },
	Slam:    func(context.Context, io.Writer) {},
	Hang:    func(ctx context.Context, _ io.Writer) { <-ctx.Done() },
	Endless: func(ctx context.Context, w io.Writer) {
		io.WriteString(w, "HTTP/1.1 200 OK\r\n")
		for i := 0; i < 1<<20 && ctx.Err() == nil; i++ {
			if _, err := io.WriteString(w, "X-Endless: for ever and ever and ever and ever\r\n"); err != nil {
				return
			}
		}
	},
}

func serveRaw(ctx context.Context, ln net.Listener, answer func(context.Context, io.Writer)) error {
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	for {
		c, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go func() {
			defer c.Close()
			defer context.AfterFunc(ctx, func() { c.Close() })()
			go io.Copy(io.Discard, c) // so that closing does not reset what was sent; ends with c
			answer(ctx, c)
			if ctx.Err() == nil {
				time.Sleep(50 * time.Millisecond) // the answer of a server that lingers, not a wait for anything
			}
		}()
	}
}
