package engine

import (
	"sync"

	"github.com/syncthing/syncthing/lib/fs"
)

// maxPulling is how many files of a folder are received at a time. A device that
// answers after 100 ms still gives 20,000 a second, more than the index takes.
const maxPulling = 2000

// pulling counts the files of a folder that are being received: those whose
// temporary file was opened and not closed again. Syncthing bounds them by their
// bytes alone (sendReceiveFolder.pullerRoutine), and each takes a goroutine and a
// question to a peer: a flood of tiny files would take memory without bounds.
type pulling struct {
	mu    sync.Mutex
	ended *sync.Cond
	n     int
}

// pullings are those of the folders, by their roots: Syncthing makes several file
// systems for one.
var pullings sync.Map // string → *pulling

func pullingOf(root string) *pulling {
	if p, ok := pullings.Load(root); ok {
		return p.(*pulling)
	}
	made := &pulling{}
	made.ended = sync.NewCond(&made.mu)
	p, _ := pullings.LoadOrStore(root, made)
	return p.(*pulling)
}

func (p *pulling) begin() {
	p.mu.Lock()
	p.n++
	p.mu.Unlock()
}

func (p *pulling) end() {
	p.mu.Lock()
	p.n--
	p.mu.Unlock()
	p.ended.Broadcast()
}

// await returns when another one may begin. Each that has begun ends with its
// question, and that ends with the connection or with the folder.
func (p *pulling) await() {
	p.mu.Lock()
	for p.n >= maxPulling {
		p.ended.Wait()
	}
	p.mu.Unlock()
}

// Usage is what Syncthing asks for before each file that it is about to receive, one
// after the other, and at no other time (sendReceiveFolder.processNeeded).
func (f folderFS) Usage(name string) (fs.Usage, error) {
	pullingOf(f.root).await()
	return f.Filesystem.Usage(name)
}
