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

func all(string) bool { return true }

// What devices ask each other is no record, and is read only where it is a plain
// file of bounded size, in the directory of a device.
func TestMessages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "network")
	s := NewStore(dir, nil)
	id := strings.Repeat("ABCDEFG-", 7) + "ABCDEFG"
	if got := s.Messages(id, all); got != nil {
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
	if got := s.Messages(id, all); !slices.Equal(got, []string{"ask-1.json", "dir.json", "link.json", "re-1.data"}) {
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
	if got := s.Messages(other, all); !slices.Equal(got, []string{"young.json"}) || s.Messages(id, all) != nil {
		t.Errorf("%q, %q", got, s.Messages(id, all))
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".tmp-*")); len(left) > 0 {
		t.Errorf("%q", left)
	}
}

// Whatever a member puts in the way of the messages, they are written, and only
// where they belong.
func TestMessagesMakeWay(t *testing.T) {
	t.Parallel()
	id := strings.Repeat("ABCDEFG-", 7) + "ABCDEFG"
	for name, put := range map[string]func(dir, outside string) error{
		"a file":               func(dir, _ string) error { return os.WriteFile(filepath.Join(dir, "history"), nil, 0o600) },
		"a link out":           func(dir, outside string) error { return os.Symlink(outside, filepath.Join(dir, "history")) },
		"a link to records":    func(dir, _ string) error { return os.Symlink("devices", filepath.Join(dir, "history")) },
		"a link to nothing":    func(dir, _ string) error { return os.Symlink("nothing", filepath.Join(dir, "history")) },
		"closed":               func(dir, _ string) error { return os.Mkdir(filepath.Join(dir, "history"), 0) },
		"a device is a link":   func(dir, outside string) error { return link(filepath.Join(dir, "history"), id, outside) },
		"a device is a file":   func(dir, _ string) error { return file(filepath.Join(dir, "history"), id) },
		"a device has records": func(dir, _ string) error { return link(filepath.Join(dir, "history"), id, "../devices") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			top, outside := t.TempDir(), t.TempDir()
			dir := filepath.Join(top, "network")
			precious := []string{filepath.Join(outside, "ask-1.json"), filepath.Join(outside, id, "ask-1.json"), filepath.Join(dir, "devices", "ask-1.json")}
			past := time.Now().Add(-2 * time.Hour)
			for _, p := range precious {
				if err := file(filepath.Dir(p), filepath.Base(p)); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(p, past, past); err != nil {
					t.Fatal(err)
				}
			}
			if err := put(dir, outside); err != nil {
				t.Fatal(err)
			}
			s := NewStore(dir, nil)
			s.ClearMessages(strings.ReplaceAll(id, "A", "B"), time.Now())
			s.ClearMessages(id, time.Now())
			_ = s.RemoveMessage(id, "ask-1.json")
			if err := s.WriteMessage(id, "ask-1.json", []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if err := s.StreamMessage(id, "re-1.data", func(w io.Writer) error { _, err := io.WriteString(w, "data"); return err }); err != nil {
				t.Fatal(err)
			}
			if got := s.Messages(id, all); !slices.Equal(got, []string{"ask-1.json", "re-1.data"}) {
				t.Errorf("%q", got)
			}
			if err := s.RemoveMessage(id, "re-1.data"); err != nil || len(s.Messages(id, all)) != 1 {
				t.Errorf("%q, %v", s.Messages(id, all), err)
			}
			for _, p := range precious {
				if data, err := os.ReadFile(p); err != nil || len(data) > 0 {
					t.Errorf("%q, %v", data, err)
				}
			}
			if devices, err := os.ReadDir(filepath.Join(dir, "devices")); err != nil || len(devices) != 1 {
				t.Errorf("%v, %v", devices, err)
			}
		})
	}
}

func file(dir, name string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), nil, 0o600)
}

func link(dir, name, to string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.Symlink(to, filepath.Join(dir, name))
}

// What a kill leaves of a message is removed at the next start, and nothing else.
func TestUnfinishedMessagesAreRemoved(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	for _, name := range []string{".tmp-message-123", ".tmp-config.toml-123", "message-123"} {
		if err := file(top, name); err != nil {
			t.Fatal(err)
		}
	}
	NewStore(filepath.Join(top, "network"), nil).ClearMessages("", time.Now())
	if left, _ := filepath.Glob(filepath.Join(top, "*123")); len(left) != 2 || filepath.Base(left[0]) != ".tmp-config.toml-123" {
		t.Errorf("%q", left)
	}
}
