package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what devices ask each other. It comes from other devices.
const (
	MaxAskBytes    = 8 << 20
	MaxAnswerBytes = 24 << 20
	MaxItems       = 10_000  // of one question
	MaxVersions    = 50_000  // in one answer
	MaxContents    = 1 << 28 // bytes, of all files that one answer hands out
	maxPath        = 4096    // bytes
	maxText        = 512     // bytes, of an error
	maxTarget      = 4096    // bytes, of a symbolic link
	idLength       = 26      // of a question
)

// The kinds of questions.
const (
	AskVersions = "versions" // which are there
	AskRestore  = "restore"  // put these in their places
	AskContents = "contents" // hand these out
)

// Ask is a question of one device to others.
type Ask struct {
	Schema int       `json:"schema"`
	ID     string    `json:"id"`
	At     time.Time `json:"at"` // by the clock of the device that asks
	To     []string  `json:"to"` // device IDs
	Kind   string    `json:"kind"`

	Folders []string  `json:"folders,omitempty"` // of versions
	Path    string    `json:"path,omitempty"`    // of versions: as in Query
	By      string    `json:"by,omitempty"`      // likewise; of a restore: only of files that this device has changed last
	Since   time.Time `json:"since,omitzero"`    // of versions
	Limit   int       `json:"limit,omitempty"`   // likewise
	Until   time.Time `json:"until,omitzero"`    // likewise, by the clock of the device that is asked: what comes before a part that it has told

	Items []string `json:"items,omitempty"` // of a restore and of contents: files of the store of the device that is asked
}

// Told is a version as a device tells it to others.
type Told struct {
	File     string      `json:"file"`
	Folder   string      `json:"folder"`
	Path     string      `json:"path"`
	Size     int64       `json:"size"`
	Modified time.Time   `json:"modified"`
	Mode     fs.FileMode `json:"mode"`
	Symlink  bool        `json:"symlink,omitempty"`
	Target   string      `json:"target,omitempty"` // of contents: where the link leads
	Error    string      `json:"error,omitempty"`  // of a restore and of contents: why not
}

// The errors of single items that mean something to the device that has asked.
const (
	ErrorChanged = "changed_since"
	ErrorReader  = "receive_only"
	ErrorInWay   = "in_the_way"
	ErrorClock   = "clock" // the question seems to be an old one
)

// Reply is the answer to a question.
type Reply struct {
	Schema   int       `json:"schema"`
	ID       string    `json:"id"`              // of the question
	For      string    `json:"for"`             // device ID of who has asked
	Now      time.Time `json:"now"`             // by the clock of the device that answers
	Versions []Told    `json:"items"`           // in the order of the question, if that names any
	More     bool      `json:"more,omitempty"`  // of versions: there are earlier ones
	Bytes    int64     `json:"bytes,omitempty"` // of contents, which are one after the other in a file of their own
	SHA256   string    `json:"sha256,omitempty"`
}

var errMessage = errors.New("it makes no sense")

// ParseAsk reads a question.
func ParseAsk(id string, data []byte) (Ask, error) {
	var a Ask
	if err := decode(data, MaxAskBytes, &a); err != nil {
		return a, fmt.Errorf("reading a question: %w", err)
	}
	ok := a.ID == id && ValidAskID(id) && len(a.Items) <= MaxItems && len(a.Folders) <= 16 && len(a.To) <= 10_000 && a.Limit >= 0 &&
		(a.By == "" || isShortID(a.By)) && (a.Path == "" || validPath(a.Path))
	for _, f := range a.Folders {
		ok = ok && validFolder(f) && len(f) <= maxName
	}
	named := make(map[string]bool, len(a.Items))
	for _, f := range a.Items {
		ok = ok && validPath(f) && !named[f] // the same one again is of use to nobody
		named[f] = true
	}
	switch a.Kind {
	case AskVersions, AskRestore, AskContents:
	default:
		ok = false
	}
	if !ok {
		return Ask{}, fmt.Errorf("reading a question: %w", errMessage)
	}
	return a, nil
}

// ParseReply reads an answer to a question.
func ParseReply(id string, data []byte) (Reply, error) {
	var r Reply
	if err := decode(data, MaxAnswerBytes, &r); err != nil {
		return r, fmt.Errorf("reading an answer: %w", err)
	}
	ok := r.ID == id && len(r.Versions) <= MaxVersions && r.Bytes >= 0 && r.Bytes <= MaxContents && len(r.SHA256) <= 64
	for i := range r.Versions {
		v := &r.Versions[i]
		ok = ok && validFolder(v.Folder) && validPath(v.Path) && validPath(v.File) && v.Size >= 0 && len(v.Error) <= maxText && len(v.Target) <= maxTarget
		v.Mode = v.Mode.Perm()
		if v.Error == "" {
			_, _, _, _, named := ParseName(path.Base(v.File))
			ok = ok && named
		}
	}
	if !ok {
		return Reply{}, fmt.Errorf("reading an answer: %w", errMessage)
	}
	return r, nil
}

func decode(data []byte, limit int, into any) error {
	if len(data) > limit {
		return fmt.Errorf("it is longer than %d bytes", limit)
	}
	return json.Unmarshal(data, into)
}

func validPath(p string) bool {
	return p != "" && len(p) <= maxPath && utf8.ValidString(p) && filepath.IsLocal(filepath.FromSlash(p)) && path.Clean(p) == p && p != "."
}

// ValidAskID reports whether id can be that of a question: what rand.Text makes.
func ValidAskID(id string) bool {
	if len(id) != idLength {
		return false
	}
	for _, c := range []byte(id) {
		if !(c >= 'A' && c <= 'Z' || c >= '2' && c <= '7') {
			return false
		}
	}
	return true
}

// Tell is a version as it is told.
func Tell(v Version) Told {
	return Told{File: v.File, Folder: v.Folder, Path: v.Path, Size: v.Size, Modified: v.Modified, Mode: v.Mode, Symlink: v.Symlink}
}

// Version is what was told, once it was read by ParseReply.
func (t Told) Version() Version {
	_, at, by, gone, _ := ParseName(path.Base(t.File))
	return Version{Folder: t.Folder, Path: t.Path, Time: at, By: by, Deleted: gone, Symlink: t.Symlink, Size: t.Size, Modified: t.Modified, Mode: t.Mode, File: t.File}
}

// clockSlack is how long a message may be on its way. Clocks that are further
// apart are different clocks.
const clockSlack = 30 * time.Second

// ClockShift is what has to be added to a time of another device's clock to have
// it by this one's, given what that showed when it wrote and this shows when it
// reads; 0 if the difference may be the way.
func ClockShift(theirs, ours time.Time) time.Duration {
	if d := ours.Sub(theirs); d > clockSlack || d < -clockSlack {
		return d
	}
	return 0
}

// ByFile is the version that a file of the store is.
func (s *Store) ByFile(file string) (Version, error) {
	if !validPath(file) {
		return Version{}, ErrPath
	}
	var v Version
	dir, name := path.Split(file)
	base, at, by, gone, ok := ParseName(name)
	if !ok {
		return v, ErrPath
	}
	if long, ok := strings.CutPrefix(dir, longDir+"/"); ok {
		data, err := s.read(path.Join(longDir, path.Clean(long), base+pathFile))
		if err != nil || longName(string(data)) != base || !validPath(string(data)) {
			return v, errors.Join(ErrPath, err)
		}
		v = Version{Folder: path.Clean(long), Path: string(data)}
	} else {
		folder, rest, _ := strings.Cut(dir, "/")
		v = Version{Folder: folder, Path: path.Join(rest, base)}
	}
	info, err := s.lstat(file)
	if err != nil || !validFolder(v.Folder) {
		return Version{}, errors.Join(ErrPath, err)
	}
	v.Time, v.By, v.Deleted, v.File = at, by, gone, file
	v.Symlink, v.Size, v.Modified, v.Mode = info.Mode()&fs.ModeSymlink != 0, info.Size(), info.ModTime(), info.Mode().Perm()
	return v, s.check(v)
}
