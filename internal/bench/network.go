package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// networkSizes are the numbers of devices of which one is watched at rest.
var networkSizes = []int{2, 5, 10}

// manyDevices measures a network as it grows, each device let in by the one that
// came before: what a daemon at rest costs among so many, how long the last one takes to
// be connected to all others, a file to be on all of them, and a removal to be in
// force on all of them.
func manyDevices(ctx context.Context, b *bench) error {
	var nodes []*node
	defer func() {
		for _, n := range nodes {
			n.remove(ctx)
		}
	}()
	code := ""
	for _, size := range networkSizes {
		for len(nodes) < size {
			n := b.newNode(fmt.Sprintf("device%d-", len(nodes)))
			nodes = append(nodes, n)
			var err error
			if len(nodes) == 1 {
				code, _, err = n.init(ctx)
			} else {
				code, err = b.grow(ctx, nodes, code)
			}
			if err != nil {
				return err
			}
		}
		if err := b.atRest(ctx, nodes); err != nil {
			return err
		}
	}
	for i := range 2 * b.n {
		if err := b.toAll(ctx, nodes, i); err != nil {
			return err
		}
	}
	return b.removeOne(ctx, nodes)
}

// grow lets the last of the nodes in by the code of the one before, waits until it
// is connected to all, and returns a code of its own.
func (b *bench) grow(ctx context.Context, nodes []*node, code string) (string, error) {
	n, others := nodes[len(nodes)-1], len(nodes)-1
	if _, _, err := n.join(ctx, code); err != nil {
		return "", err
	}
	joined := time.Now()
	if err := awaitPeers(ctx, []*node{n}, others); err != nil {
		return "", err
	}
	if len(nodes) == networkSizes[len(networkSizes)-1] {
		b.row(fmt.Sprintf("join returned to connected to all %d others", others), toolBotsync, unitMS).most(ofMax, 10_000).took(time.Since(joined))
	}
	if err := awaitPeers(ctx, nodes, others); err != nil {
		return "", err
	}
	var line api.InviteLine
	_, err := n.run(ctx, &line, "invite", "--no-wait")
	return line.Code, err
}

// awaitPeers waits until each of the nodes is connected to exactly so many.
func awaitPeers(ctx context.Context, nodes []*node, count int) error {
	waiting := slices.Clone(nodes)
	var failed error
	err := await(ctx, fmt.Sprintf("%d peers of each of %d devices", count, len(nodes)), 10*time.Millisecond, func() bool {
		waiting = slices.DeleteFunc(waiting, func(n *node) bool {
			var st api.Status
			_, err := n.run(ctx, &st, "status")
			failed = errors.Join(failed, err)
			return len(st.Peers) == count && !slices.ContainsFunc(st.Peers, func(p api.Peer) bool { return !p.Connected })
		})
		return failed != nil || len(waiting) == 0
	})
	return errors.Join(failed, err)
}

// atRest watches the first of the nodes.
func (b *bench) atRest(ctx context.Context, nodes []*node) error {
	settle, window := 20*time.Second, 30*time.Second
	if b.quick {
		settle, window = 10*time.Second, 20*time.Second
	}
	b.say("  letting %d daemons settle for %s, then watching one for %s", len(nodes), settle, window)
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	pid, err := nodes[0].pid()
	if err != nil {
		return err
	}
	before, err := cpuTime(pid)
	if errors.Is(err, errNoProc) {
		b.say("  left out: this system has no /proc")
		return nil
	} else if err != nil {
		return err
	}
	begin := time.Now()
	if err := sleep(ctx, window); err != nil {
		return err
	}
	after, err := cpuTime(pid)
	if err != nil {
		return err
	}
	elapsed := time.Since(begin)
	mem, err := memoryOf(pid)
	if err != nil {
		return err
	}
	row := func(name, unit string) *row {
		return b.row(fmt.Sprintf("idle daemon among %d: %s", len(nodes), name), toolBotsync, unit)
	}
	row("resident memory", unitMB).limit(60).add(mem.resident)
	row("of which not from files", unitMB).add(mem.private)
	row("CPU", unitPercent).limit(0.5).add(100 * float64(after-before) / float64(elapsed))
	return nil
}

// toAll writes a file on one of the nodes, another one each time.
func (b *bench) toAll(ctx context.Context, nodes []*node, i int) error {
	from, name := nodes[i%len(nodes)], fmt.Sprintf("to-all-%d", i)
	row := b.row(fmt.Sprintf("4 KiB written to each of %d others", len(nodes)-1), toolBotsync, unitMS).most(ofP95, 2000)
	waiting := slices.DeleteFunc(slices.Clone(nodes), func(n *node) bool { return n == from })
	begin := time.Now()
	if err := os.WriteFile(filepath.Join(from.folder(shared), name), make([]byte, 4<<10), 0o600); err != nil {
		return err
	}
	err := await(ctx, name, look, func() bool {
		waiting = slices.DeleteFunc(waiting, func(n *node) bool {
			info, err := os.Stat(filepath.Join(n.folder(shared), name))
			if err != nil || info.Size() != 4<<10 {
				return false
			}
			row.took(time.Since(begin))
			return true
		})
		return len(waiting) == 0
	})
	return errors.Join(err, sleep(ctx, quiet))
}

// removeOne has the second device remove the last.
func (b *bench) removeOne(ctx context.Context, nodes []*node) error {
	stay, gone := nodes[:len(nodes)-1], nodes[len(nodes)-1]
	row := b.row(fmt.Sprintf("devices remove to in force on %d others", len(stay)), toolBotsync, unitMS).most(ofMax, 5000)
	begin := time.Now()
	if _, err := nodes[1].run(ctx, nil, "devices", "remove", gone.name); err != nil {
		return err
	}
	if err := awaitPeers(ctx, stay, len(stay)-1); err != nil {
		return err
	}
	row.took(time.Since(begin))
	return nil
}
