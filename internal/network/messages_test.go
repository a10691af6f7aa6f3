package network

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What devices ask each other is no record, and is read only where it is a plain
// file of bounded size, in the directory of a device.
func TestMessages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "network")
	s := NewStore(dir, nil)
	id := strings.Repeat("ABCDEFG-", 7) + "ABCDEFG"
	if got := s.Messages(id); got != nil {
		t.Errorf("of nothing: %q", got)
	}
	if err := s.WriteMessage(id, "ask-1.json", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := s.StreamMessage(id, "re-1.data", func(w io.Writer) error { _, err := io.WriteString(w, "data"); return err }); err != nil {
		t.Fatal(err)
	}
	if err := s.StreamMessage(id, "re-2.data", func(w io.Writer) error { _, _ = io.WriteString(w, "half"); return io.ErrUnexpectedEOF }); err == nil {
		t.Error("half a message, and no error")
	}
	own := filepath.Join(dir, "history", id)
	for _, err := range []error{os.Symlink("/etc/passwd", filepath.Join(own, "link.json")), os.WriteFile(filepath.Join(own, "odd name"), nil, 0o600),
		os.WriteFile(filepath.Join(own, ".syncthing.x.tmp"), nil, 0o600), os.Mkdir(filepath.Join(own, "dir.json"), 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Messages(id); !slices.Equal(got, []string{"ask-1.json", "dir.json", "link.json", "re-1.data"}) {
		t.Errorf("%q", got)
	}
	if data, err := s.ReadMessage(id, "ask-1.json", 5); err != nil || string(data) != "hello" {
		t.Errorf("%q, %v", data, err)
	}
	if f, size, err := s.OpenMessage(id, "re-1.data"); err != nil || size != 4 {
		t.Errorf("%d, %v", size, err)
	} else {
		f.Close()
	}
	for _, name := range []string{"link.json", "dir.json", "../x", "", "nothing"} {
		if _, err := s.ReadMessage(id, name, 1000); err == nil {
			t.Errorf("%q was read", name)
		}
		if f, _, err := s.OpenMessage(id, name); err == nil {
			f.Close()
			t.Errorf("%q was opened", name)
		}
	}
	if _, err := s.ReadMessage(id, "ask-1.json", 4); err == nil {
		t.Error("a message that is too long was read")
	}
	if _, err := s.ReadMessage("..", "ask-1.json", 10); err == nil {
		t.Error("a message of nobody was read")
	}
	seen, err := s.Read(Known{}.Clone())
	if err != nil || len(seen.Bad) > 0 {
		t.Errorf("messages are taken for records: %+v, %v", seen.Bad, err)
	}
	if !IsMessage("history/x/ask") || IsMessage("devices/x.json") || IsMessage("historyx") {
		t.Error("messages are not told from records")
	}

	other := strings.Repeat("HIJKLMN-", 7) + "HIJKLMN"
	for _, name := range []string{"old.json", "young.json"} {
		if err := s.WriteMessage(other, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "history", other, "old.json"), past, past); err != nil {
		t.Fatal(err)
	}
	s.ClearMessages(id, time.Now())
	if got := s.Messages(other); !slices.Equal(got, []string{"young.json"}) || s.Messages(id) != nil {
		t.Errorf("%q, %q", got, s.Messages(id))
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".tmp-*")); len(left) > 0 {
		t.Errorf("%q", left)
	}
}
