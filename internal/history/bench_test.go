package history

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What a peer's change costs more because of what it replaces is kept.
func BenchmarkKeep(b *testing.B) {
	dir := b.TempDir()
	s := NewStore(filepath.Join(dir, "versions"), nil)
	folder := filepath.Join(dir, "shared")
	if err := os.Mkdir(folder, 0o755); err != nil {
		b.Fatal(err)
	}
	for i := range b.N {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(i)), []byte("x"), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for i := range b.N {
		name := fmt.Sprint(i)
		if err := s.Keep(Item{From: filepath.Join(folder, name), Folder: "shared", Path: name, By: "MTJ5VA7", At: time.Now()}); err != nil {
			b.Fatal(err)
		}
	}
}

// What a look at 100,000 versions costs, which the daemon takes once an hour.
func BenchmarkSweep100k(b *testing.B) {
	s := NewStore(filepath.Join(b.TempDir(), "versions"), nil)
	now := time.Now()
	for d := range 100 {
		dir := filepath.Join(s.Dir(), "shared", fmt.Sprint(d))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			b.Fatal(err)
		}
		for i := range 1000 {
			if err := os.WriteFile(filepath.Join(dir, Name(fmt.Sprint(i), now, "MTJ5VA7", false)), nil, 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ResetTimer()
	for range b.N {
		if u, err := s.Sweep(b.Context(), Limits{Age: time.Hour, Bytes: 1 << 30, Count: 1 << 20}, before(now), now); err != nil || u.Count != 100_000 {
			b.Fatal(u, err)
		}
	}
}
