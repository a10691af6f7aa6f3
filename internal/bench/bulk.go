package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// bulkRounds is how often a bulk work is repeated: each takes seconds.
const bulkRounds = 3

// bulk makes a tree beside the folder, moves it in and measures how long it
// takes until all of its files are on the other side under their names. What
// `cp -r` takes for a tree like it, in the same round, is the floor.
func bulk(ctx context.Context, b *bench, what, floor string, build func(dir string) (files int, err error)) error {
	floorName := what + ", " + floor
	return eachMover(ctx, b, func(ctx context.Context, m mover) error {
		if m.tool() == toolFloor {
			return nil
		}
		for round := range bulkRounds {
			tree := filepath.Join(b.dir, "tree")
			files, err := build(tree)
			if err != nil {
				return err
			}
			took, err := copyTree(tree, filepath.Join(b.dir, "copy"))
			if err != nil {
				return err
			}
			b.row(floorName, toolFloor, unitMS).took(took)

			name := fmt.Sprintf("tree-%d", round)
			from, to := filepath.Join(m.left(), name), filepath.Join(m.right(), name)
			cpu, begin := cpuOf(m.pids()), time.Now()
			if err := os.Rename(tree, from); err != nil {
				return err
			}
			if err := await(ctx, to, 2*time.Millisecond, func() bool { return count(to) == files }); err != nil {
				return err
			}
			took = time.Since(begin)
			row := b.row(what+", "+m.tool(), m.tool(), unitMS).against(floorName)
			row.took(took)
			row.cpus = append(row.cpus, (cpuOf(m.pids()) - cpu).Seconds())
			if err := sameTrees(from, to); err != nil {
				return err
			}
			for _, dir := range []string{from, filepath.Join(b.dir, "copy")} {
				if err := os.RemoveAll(dir); err != nil {
					return err
				}
			}
			if err := await(ctx, "the deletion of "+to, 10*time.Millisecond, func() bool {
				_, err := os.Stat(to)
				return err != nil
			}); err != nil {
				return err
			}
			if err := sleep(ctx, time.Second); err != nil {
				return err
			}
		}
		return nil
	})
}

// copyTree does what `cp -r` does, in this process.
func copyTree(from, to string) (time.Duration, error) {
	begin := time.Now()
	err := os.CopyFS(to, os.DirFS(from))
	return time.Since(begin), err
}

// count counts files under their final names.
func count(dir string) int {
	n := 0
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".") {
			n++
		}
		return nil // a directory that is not there yet has no files
	})
	return n
}

func sameTrees(a, b string) error {
	return filepath.WalkDir(a, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(a, path)
		if err != nil {
			return err
		}
		return sameFiles(path, filepath.Join(b, rel))
	})
}

func sameFiles(a, b string) error {
	fa, err := os.Open(a)
	if err != nil {
		return err
	}
	defer fa.Close()
	fb, err := os.Open(b)
	if err != nil {
		return err
	}
	defer fb.Close()
	bufA, bufB := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		n, errA := io.ReadFull(fa, bufA)
		m, errB := io.ReadFull(fb, bufB)
		if !bytes.Equal(bufA[:n], bufB[:m]) {
			return fmt.Errorf("%s arrived with other bytes", b)
		}
		if errA != nil || errB != nil {
			return nil // both at their end, or a length would differ
		}
	}
}
