package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/botsync/botsync/internal/atomicfile"
	"github.com/botsync/botsync/internal/code"
	"github.com/botsync/botsync/internal/pairing"
)

// The rows that others are compared with.
const (
	rowTrue    = "process: true"
	rowVersion = "botsync version"
	rowArgon   = "Argon2id in process"
	rowFsync   = "write 4 KiB, fsync, rename"
	rowJoin    = "join to exit 0"
	rowFirst   = "first file after join, guest to host"
)

// floors measures what cannot be had for less: a process, a key derivation, a
// durable file.
func floors(ctx context.Context, b *bench) error {
	words, err := code.New()
	if err != nil {
		return err
	}
	for i := range 2 * b.n {
		begin := time.Now()
		if err := exec.CommandContext(ctx, "true").Run(); err != nil {
			return fmt.Errorf("starting a process: %w", err)
		}
		b.row(rowTrue, toolFloor, unitMS).took(time.Since(begin))

		n := &node{binary: b.binary, dir: filepath.Join(b.dir, "none")}
		took, err := n.run(ctx, nil, "version")
		if err != nil {
			return err
		}
		b.row(rowVersion, toolBotsync, unitMS).against(rowTrue, toolFloor).took(took)

		begin = time.Now()
		pairing.DeriveKeys(words)
		b.row(rowArgon, toolFloor, unitMS).took(time.Since(begin))
		debug.FreeOSMemory()

		begin = time.Now()
		if err := atomicfile.Write(filepath.Join(b.dir, "fsync"), make([]byte, 4<<10), 0o600); err != nil {
			return err
		}
		b.row(rowFsync, toolFloor, unitMS).took(time.Since(begin))
		if i == 0 {
			// The first of each finds cold caches, which later rows do not.
			for _, r := range b.report.Rows {
				r.Samples = nil
			}
		}
	}
	return os.Remove(filepath.Join(b.dir, "fsync"))
}
