package engine

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/botsync/botsync/internal/needs"
)

// While a scan goes on it is not known which files could not be read: it is
// never said that all of them could.
func faultsAreNotForgotten(ctx context.Context, t *testing.T, e *Engine, id, path string) {
	t.Helper()
	bad := filepath.Join(path, "not UTF-8: \xff")
	if err := os.WriteFile(bad, []byte("x"), 0o600); err != nil {
		needs.Skip(t, "this disk takes no name that is not UTF-8: %v", err)
	}
	if err := e.Look(ctx, id); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		var err error
		for i := 0; err == nil && i < 50; i++ {
			err = e.Look(ctx, id)
		}
		ended <- err
	}()
	unknown := 0
	for scanning := true; scanning; {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			scanning = false
		default:
		}
		failed, known, err := e.Fault(id)
		if err != nil || known && len(failed) != 1 {
			t.Fatalf("%v, known %v, %v", failed, known, err)
		}
		if !known {
			unknown++
		}
	}
	if unknown == 0 {
		t.Error("no scan was met")
	}
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
}
