package machines

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// A ledger is the model of TestNothingIsLost: which contents exist, and which of
// them each device owes. No content is written twice, so that a hash says which
// one it is; paths do not matter.
//
// A device owes a content from the moment at which a program on it has completed
// writing it, or has seen it there, until a program on the same device has
// replaced or deleted the very file that has it. Whatever else happens to it is
// the work of daemons, which may move it, rename it, replace it by what a peer
// has, or delete it because a peer has; but in the end it has to be somewhere.
//
// This is more than that what nobody who had seen it replaced is kept: what one
// user deletes is owed by all others who had it.
type ledger struct {
	seed  uint64
	start time.Time

	mu       sync.Mutex
	n        int
	contents map[hash]*content
	headers  map[string][]*content         // by the first line of the contents
	owed     map[string]map[hash]time.Time // since when
	ended    map[hash]bool                 // what somebody has replaced
	full     map[string]time.Time          // when the disk of a device was full
	strange  map[hash]string               // what nobody has written, and where it was seen
	lines    []string                      // what the programs and the test did
}

type hash [sha256.Size]byte

func (h hash) String() string { return hex.EncodeToString(h[:4]) }

// content is what a program wrote, or began to write.
type content struct {
	data  []byte
	title string // who wrote it where
	path  string // below the folder
	whole bool   // completed
}

func newLedger(seed uint64) *ledger {
	return &ledger{seed: seed, start: time.Now(), contents: map[hash]*content{}, headers: map[string][]*content{},
		owed: map[string]map[hash]time.Time{}, strange: map[hash]string{}, ended: map[hash]bool{}, full: map[string]time.Time{}}
}

// note logs what was done; it is shown if something is lost.
func (l *ledger) note(who, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf("%8.3f %-6s %s", time.Since(l.start).Seconds(), who, fmt.Sprintf(format, args...)))
}

// draft makes a content that nobody has, which begins with base, to be written by
// a program on a device. Its size is random, and mostly small.
func (l *ledger) draft(r *rand.Rand, device, path string, base []byte) []byte {
	size := r.IntN([]int{100, 1000, 1000, 4000, 4000, 8000, 8000, 8000, 8000, 300_000}[r.IntN(10)])
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	title := fmt.Sprintf("botsync model: %d of %s by %s, seed %d\n", l.n, path, device, l.seed)
	data := append(slices.Clone(base), title...)
	for range size / 8 {
		data = fmt.Appendf(data, "%07x\n", r.Uint32()>>4)
	}
	first, _, _ := strings.Cut(string(data[:min(len(data), 300)]), "\n")
	c := &content{data: data, title: strings.TrimSpace(title), path: path}
	l.contents[sha256.Sum256(data)] = c
	l.headers[first] = append(l.headers[first], c)
	return data
}

// completed says that a program has written a content to its end.
func (l *ledger) completed(device string, data []byte) {
	h := hash(sha256.Sum256(data))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.contents[h].whole = true
	l.owe(device, h)
}

func (l *ledger) owe(device string, h hash) {
	if l.owed[device] == nil {
		l.owed[device] = map[hash]time.Time{}
	}
	l.owed[device][h] = time.Now()
}

// seen says that a program on a device has read a whole file there.
func (l *ledger) seen(device, path string, data []byte) hash {
	h := hash(sha256.Sum256(data))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch c := l.contents[h]; {
	case c != nil:
		l.owe(device, h)
	case !l.begun(data):
		l.strange[h] = fmt.Sprintf("%s on %s, %d bytes: %.80q", path, device, len(data), data)
	}
	return h
}

// begun reports whether somebody began to write that.
func (l *ledger) begun(data []byte) bool {
	if len(data) == 0 {
		return true
	}
	first, _, whole := strings.Cut(string(data[:min(len(data), 300)]), "\n")
	if !whole {
		return strings.HasPrefix("botsync model: ", first[:min(len(first), 15)])
	}
	return slices.ContainsFunc(l.headers[first], func(c *content) bool { return bytes.HasPrefix(c.data, data) })
}

// replaced says that a program on a device has done away with a content there.
func (l *ledger) replaced(device string, h hash) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.owed[device], h)
	l.ended[h] = true
}

// isFull says that the disk of a device is full: to make room there, history loses
// what is oldest. Of what was replaced by somebody before, the device owes nothing.
func (l *ledger) isFull(device string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full[device] = time.Now()
}

// counts are how many contents were completed, and how many debts there are.
func (l *ledger) counts() (whole, owed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.contents {
		if c.whole {
			whole++
		}
	}
	for _, debts := range l.owed {
		owed += len(debts)
	}
	return whole, owed
}

// have collects the hashes of all files below the directories, temporary ones of
// Syncthing too: those are counted apart.
func have(dirs ...string) (map[hash]string, error) {
	found := map[hash]string{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && path == dir {
				return nil
			}
			if d != nil && d.Name() == ".stfolder" {
				return fs.SkipDir
			}
			if err != nil || !d.Type().IsRegular() || isTemporary(d.Name()) {
				return err
			}
			data, err := os.ReadFile(path)
			found[sha256.Sum256(data)] = path
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// isTemporary reports whether a name is one that Syncthing gives to what it has a
// part of.
func isTemporary(name string) bool {
	return strings.HasPrefix(name, ".syncthing.") && strings.HasSuffix(name, ".tmp")
}

// A loss is a content that is owed and nowhere.
type loss struct {
	hash
	by []string // devices that owe it
	*content
}

// unthinned is how long nothing is thinned out of history: a day by its clock, which
// is wrong by so much; see maxWrong.
const unthinned = 24*time.Hour - (2*maxWrong+1)*time.Minute

// lost holds what is owed against what is there.
func (l *ledger) lost(there map[hash]string) []loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	debtors := map[hash][]string{}
	for device, debts := range l.owed {
		for h, since := range debts {
			if l.ended[h] && (time.Since(since) > unthinned || since.Before(l.full[device])) {
				continue
			}
			if _, ok := there[h]; !ok && l.contents[h].whole {
				debtors[h] = append(debtors[h], device)
			}
		}
	}
	var out []loss
	for h, by := range debtors {
		slices.Sort(by)
		out = append(out, loss{h, by, l.contents[h]})
	}
	return out
}

// story is what was noted of a content, by its hash.
func (l *ledger) story(x loss) string {
	var out strings.Builder
	for _, line := range l.lines {
		if strings.Contains(line, x.hash.String()) {
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}

// readPinned reads a regular file and leaves it open: as long as it is, no other
// file has its inode.
func readPinned(path string, flags int) (*os.File, []byte, error) {
	f, err := os.OpenFile(path, flags|noFollow, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("no regular file")
	}
	var data []byte
	if err == nil {
		data, err = io.ReadAll(f)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, data, nil
}
