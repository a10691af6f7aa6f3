package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/daemon"
	"github.com/botsync/botsync/internal/root"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	t := time.Now()
	show := func(v any, err error) {
		if err != nil {
			fmt.Println("ERR", err)
			if e, ok := err.(*api.Error); ok {
				b, _ := json.Marshal(e)
				fmt.Println(string(b))
			}
			os.Exit(1)
		}
		b, _ := json.MarshalIndent(v, "", " ")
		fmt.Println(string(b), time.Since(t))
	}
	dir := os.Args[2]
	switch os.Args[1] {
	case "run":
		root.Create(dir, root.Config{Name: os.Args[3], LANOnly: true})
		err := daemon.Run(ctx, daemon.Options{Root: dir, Version: "dev", Log: os.Stderr, Ready: func() { fmt.Println("READY", time.Since(t)) }})
		fmt.Println(err)
		return
	}
	r, err := root.Open(dir)
	if err != nil {
		show(nil, err)
	}
	c, err := control.Dial(ctx, r)
	if err != nil {
		show(nil, err)
	}
	switch os.Args[1] {
	case "invite":
		l, err := c.Invite(ctx, api.InviteRequest{})
		show(l, err)
	case "join":
		l, err := c.Join(ctx, api.JoinRequest{Code: os.Args[3]}, func(p api.ProgressLine) { fmt.Println(time.Since(t), p.Stage, p.Text) })
		show(l, err)
	case "status":
		l, err := c.Status(ctx)
		show(l, err)
	case "events":
		c.Events(ctx, 0, func(e api.Event) error { show(e, nil); return nil })
	}
}
