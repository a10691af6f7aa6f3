package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// smallFiles moves a tree of small files into the folder, in one rename.
func smallFiles(ctx context.Context, b *bench) error {
	files, dirs := 10000, 100
	if b.quick {
		files, dirs = 1000, 10
	}
	name := fmt.Sprintf("%d × 4 KiB in %d directories", files, dirs)
	return bulk(ctx, b, name, nil, func(dir string) error {
		return makeTree(dir, files, dirs, 4<<10)
	}, func(r *row) {
		for _, of := range []string{ofMedian, ofCPU} {
			r.mostOver(of, 1./3, name, toolStock)
		}
	})
}

// largeFile moves one large file into the folder.
func largeFile(ctx context.Context, b *bench) error {
	size := b.largeSize()
	name := rowLarge(size)
	return bulk(ctx, b, name, nil, func(dir string) error {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(dir, "large"))
		if err != nil {
			return err
		}
		if _, err := io.CopyN(f, rand.Reader, size); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	}, func(r *row) { r.mostOver(ofMedian, 1.2, name, toolNoDelay) })
}

func (b *bench) largeSize() int64 {
	if b.quick {
		return 128 << 20
	}
	return 1 << 30
}

func rowLarge(size int64) string { return fmt.Sprintf("%d MiB, copied at once", size>>20) }

// makeTree makes files of size random bytes, evenly in directories.
func makeTree(dir string, files, dirs, size int) error {
	data := make([]byte, size)
	for i := range files {
		sub := filepath.Join(dir, fmt.Sprintf("dir-%d", i%dirs))
		if i < dirs {
			if err := os.MkdirAll(sub, 0o700); err != nil {
				return err
			}
		}
		_, _ = rand.Read(data)
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("file-%d", i)), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// bulk makes a tree beside the folder, moves it in and measures how long it
// takes until all of its files are on the other side under their names. What
// `cp -r` takes for the same tree, before each round, is the floor.
func bulk(ctx context.Context, b *bench, what string, tools []string, build func(dir string) error, limits func(*row)) error {
	return eachMover(ctx, b, tools, func(ctx context.Context, m mover) error {
		if m.tool() == toolFloor {
			return nil
		}
		rounds := 1
		if !b.quick && m.traits().wait < time.Second {
			rounds = max(1, min(3, b.n/3))
		}
		for round := range rounds {
			if err := bulkRound(ctx, b, m, what, fmt.Sprintf("tree-%d", round), build, limits); err != nil {
				return err
			}
			if round == rounds-1 {
				break
			}
			dir := fmt.Sprintf("tree-%d", round)
			if err := os.RemoveAll(filepath.Join(m.left(shared), dir)); err != nil {
				return err
			}
			if err := awaitGone(ctx, filepath.Join(m.right(shared), dir)); err != nil {
				return err
			}
			if err := sleep(ctx, 2*time.Second); err != nil {
				return err
			}
		}
		return nil
	})
}

func bulkRound(ctx context.Context, b *bench, m mover, what, name string, build func(string) error, limits func(*row)) error {
	tree, copied := filepath.Join(b.dir, "tree"), filepath.Join(b.dir, "copy")
	if err := build(tree); err != nil {
		return err
	}
	wanted, err := list(tree)
	if err != nil {
		return err
	}
	// What is still to be written to the disk must not be in anyone's way.
	flush(ctx)
	took, err := copyTree(tree, copied)
	if err != nil {
		return err
	}
	b.row(what, toolFloor+": cp -r", unitMS).took(took)
	if err := os.RemoveAll(copied); err != nil {
		return err
	}
	flush(ctx)

	from, to := filepath.Join(m.left(shared), name), filepath.Join(m.right(shared), name)
	meter, begin := newMeter(m.pids()), time.Now()
	if err := os.Rename(tree, from); err != nil {
		return err
	}
	if err := awaitAll(ctx, to, wanted); err != nil {
		return err
	}
	took = time.Since(begin)
	// The end of the work on the sending side belongs to it.
	if err := sleep(ctx, quiet); err != nil {
		return err
	}
	row := b.row(what, m.tool(), unitMS)
	row.took(took)
	row.used(meter.end())
	if m.tool() == toolBotsync {
		row.against(what, toolFloor+": cp -r")
		limits(row)
	} else {
		row.against(what, toolBotsync)
	}
	return sameTrees(from, to)
}

// flush waits until everything is on the disk, where there is a program for it.
func flush(ctx context.Context) { _ = exec.CommandContext(ctx, "sync").Run() }

// copyTree does what `cp -r` does, in this process.
func copyTree(from, to string) (time.Duration, error) {
	begin := time.Now()
	err := os.CopyFS(to, os.DirFS(from))
	return time.Since(begin), err
}

type file struct {
	path string // relative
	size int64
}

func list(dir string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files = append(files, file{rel, info.Size()})
		return err
	})
	return files, err
}

// awaitAll waits until all files are there, under their names and whole. It
// looks at one file that is not there yet, and at others only once that is, so
// that looking costs next to nothing.
func awaitAll(ctx context.Context, dir string, files []file) error {
	for _, f := range files {
		if err := await(ctx, filepath.Join(dir, f.path), 2*time.Millisecond, func() bool {
			info, err := os.Stat(filepath.Join(dir, f.path))
			return err == nil && info.Size() == f.size
		}); err != nil {
			return err
		}
	}
	return nil
}

// count counts files under their final names.
func count(dir string) int {
	n := 0
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
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
