package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// look is the time between two looks at the receiving side, and so about the
// precision of what is measured there.
const look = 200 * time.Microsecond

// await waits until arrived says so.
func await(ctx context.Context, what string, every time.Duration, arrived func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !arrived() {
		if sleep(ctx, every) != nil {
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
	return nil
}

func awaitFile(ctx context.Context, path string, size int64) error {
	return await(ctx, path, look, func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() == size
	})
}

// oneFile writes 4 KiB and closes the file, in a quiet folder, and measures how
// long it takes until the file is on the other side, whole.
func oneFile(ctx context.Context, b *bench) error {
	return eachMover(ctx, b, func(ctx context.Context, m mover) error {
		name := "4 KiB file, " + m.tool()
		floor := ""
		if m.tool() == toolFloor {
			name = rowTouch
		} else {
			floor = rowTouch
		}
		for i := range 4 * b.n {
			from, to, way := m.left(), m.right(), " to the guest"
			if i%2 == 1 {
				from, to, way = to, from, " to the host"
			}
			if m.tool() == toolFloor {
				from, to, way = m.left(), m.right(), ""
			}
			data := make([]byte, 4<<10)
			if _, err := rand.Read(data); err != nil {
				return err
			}
			file := fmt.Sprintf("file-%d", i)
			begin := time.Now()
			if err := os.WriteFile(filepath.Join(from, file), data, 0o600); err != nil {
				return err
			}
			if err := awaitFile(ctx, filepath.Join(to, file), int64(len(data))); err != nil {
				return err
			}
			took := time.Since(begin)
			got, err := os.ReadFile(filepath.Join(to, file))
			if err != nil {
				return err
			}
			if !bytes.Equal(got, data) {
				return fmt.Errorf("%s arrived with other bytes", file)
			}
			b.row(name+way, m.tool(), unitMS).against(floor).took(took)
			// Longer than any pause in which a tool gathers changes.
			if err := sleep(ctx, quiet+time.Duration(i%7)*17*time.Millisecond); err != nil {
				return err
			}
		}
		return nil
	})
}

// quiet is how long a folder is left alone between two files.
const quiet = 400 * time.Millisecond

// smallFiles moves a tree of small files into the folder, in one rename.
func smallFiles(ctx context.Context, b *bench) error {
	const perDir, size = 50, 4 << 10
	files := 1000
	if b.quick {
		files = 200
	}
	return bulk(ctx, b, fmt.Sprintf("%d files of 4 KiB", files), rowCopyTree, func(dir string) (int, error) {
		data := make([]byte, size)
		for i := range files {
			sub := filepath.Join(dir, fmt.Sprintf("dir-%d", i/perDir))
			if err := os.MkdirAll(sub, 0o700); err != nil {
				return 0, err
			}
			_, _ = rand.Read(data)
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("file-%d", i)), data, 0o600); err != nil {
				return 0, err
			}
		}
		return files, nil
	})
}

// largeFile moves one large file into the folder.
func largeFile(ctx context.Context, b *bench) error {
	size := int64(256 << 20)
	if b.quick {
		size = 32 << 20
	}
	return bulk(ctx, b, fmt.Sprintf("%d MiB file", size>>20), rowCopy, func(dir string) (int, error) {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return 0, err
		}
		f, err := os.Create(filepath.Join(dir, "large"))
		if err != nil {
			return 0, err
		}
		if _, err := io.CopyN(f, rand.Reader, size); err != nil {
			f.Close()
			return 0, err
		}
		return 1, f.Close()
	})
}
