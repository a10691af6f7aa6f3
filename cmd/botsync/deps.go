package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/cli"
	"github.com/botsync/botsync/internal/daemon"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/relay"
)

// version is set by a release with -ldflags "-X main.version=v1.2.3".
var version string

func deps() cli.Deps {
	v := versionOf(version)
	return cli.Deps{
		Version: v,
		Engine:  engine.Version(),
		RunDaemon: func(ctx context.Context, o cli.DaemonOptions) error {
			return daemon.Run(ctx, daemon.Options{Root: o.Root, Version: v, Ready: o.Ready, Log: o.Log})
		},
		OfflineStatus: func(dir string) (*api.Status, error) { return daemon.OfflineStatus(dir, v) },
		OfflineLog:    daemon.OfflineLog,
		OfflineDoctor: func(ctx context.Context, dir string, req api.DoctorRequest) (*api.Doctor, error) {
			return daemon.OfflineDoctor(ctx, dir, v, req)
		},
		RunRelay: runRelay,
	}
}

// versionOf falls back to what "go install" and "go build" know of a module.
func versionOf(release string) string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "v0.0.0-dev"
}

func runRelay(ctx context.Context, o cli.RelayOptions) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("opening the relay: %w", err)
	}
	server := relay.New(relay.Config{
		MaxMeetings: o.MaxMeetings, MaxMeetingsPerAddress: o.MaxMeetingsPerAddress,
		MaxBytes: o.MaxBytes, RequestRate: o.RequestRate, TrustedProxies: o.TrustedProxies,
		Log: slog.New(slog.NewTextHandler(o.Log, nil)),
	})
	o.Ready(l.Addr().String())
	return server.Serve(ctx, l)
}
