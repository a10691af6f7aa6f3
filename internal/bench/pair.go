package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// pair goes through the main job with two fresh roots each time: init, join,
// the first files, status, stop, start.
func pair(ctx context.Context, b *bench) error {
	for range b.n {
		if err := pairOnce(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func pairOnce(ctx context.Context, b *bench) error {
	host, guest := b.newNode("host"), b.newNode("guest")
	defer host.remove(ctx)
	defer guest.remove(ctx)

	row := func(name string) *row { return b.row(name, toolBotsync, unitMS) }
	code, took, err := host.init(ctx)
	if err != nil {
		return err
	}
	row("init --no-wait to the code").limit(1000).against(rowArgon, toolFloor).took(took)
	// A file that is there already belongs to the folder like any other.
	early := filepath.Join("shared", "early")
	if err := os.WriteFile(filepath.Join(host.dir, early), make([]byte, 4<<10), 0o600); err != nil {
		return err
	}
	if err := sleep(ctx, 100*time.Millisecond); err != nil { // a person takes longer than that
		return err
	}

	timing, took, err := guest.join(ctx, code)
	if err != nil {
		return err
	}
	first, earlier, err := firstFiles(ctx, host, guest, early)
	if err != nil {
		return err
	}
	row(rowJoin).limit(1500).against(rowArgon, toolFloor).took(took)
	parts := timing.KeysMS + timing.MeetMS + timing.PairMS + timing.ConnectMS
	row("  of which: Argon2id").add(timing.KeysMS)
	row("  of which: meeting").add(timing.MeetMS)
	row("  of which: exchange").add(timing.PairMS)
	row("  of which: connecting").add(timing.ConnectMS)
	row("  of which: processes and daemon").add(float64(took)/float64(time.Millisecond) - parts)

	row(rowFirst).limit(300).against(rowFsync, toolFloor).took(first)
	row("first file after join, host's earlier one").limit(300).against(rowFsync, toolFloor).took(earlier)

	for range 3 {
		var st api.Status
		if took, err = host.run(ctx, &st, "status"); err != nil {
			return err
		}
		row("status").limit(60).against(rowVersion, toolBotsync).took(took)
	}
	return stopAndStart(ctx, b, host, guest)
}

// firstFiles writes a file on the guest's side at once, and waits for it on the
// host's and for one that was on the host's side before.
func firstFiles(ctx context.Context, host, guest *node, early string) (first, earlier time.Duration, err error) {
	begin := time.Now()
	name := filepath.Join("inbox", "first")
	if err := os.WriteFile(filepath.Join(guest.dir, name), make([]byte, 4<<10), 0o600); err != nil {
		return 0, 0, err
	}
	arrived := make(chan error, 1)
	go func() {
		err := awaitFile(ctx, filepath.Join(guest.dir, early), 4<<10)
		earlier = time.Since(begin)
		arrived <- err
	}()
	err = awaitFile(ctx, filepath.Join(host.dir, name), 4<<10)
	first = time.Since(begin)
	return first, earlier, errors.Join(err, <-arrived)
}

func stopAndStart(ctx context.Context, b *bench, host, guest *node) error {
	for _, n := range []*node{host, guest} {
		took, err := n.stop(ctx)
		if err != nil {
			return err
		}
		b.row("stop", toolBotsync, unitMS).against(rowVersion, toolBotsync).took(took)
	}
	took, err := host.run(ctx, nil, "start")
	if err != nil {
		return err
	}
	b.row("start until it answers", toolBotsync, unitMS).against(rowVersion, toolBotsync).took(took)
	return nil
}
