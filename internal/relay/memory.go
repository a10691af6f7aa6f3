package relay

import (
	"container/list"
	"context"
	"net"
	"sync"
	"time"
)

// memory is the Store of a single relay.
type memory struct {
	maxUsed int

	mu      sync.Mutex
	waiting map[string]*memorySeat
	used    map[string]*list.Element // of usedLabel, in the order of use
	order   list.List
}

type usedLabel struct {
	label string
	until time.Time
}

// NewMemory returns a Store that keeps everything in this process. It remembers at most maxUsed used
// labels and forgets the oldest first: a guest that comes late is then told that there is no host, rather
// than that the label was used.
func NewMemory(maxUsed int) Store {
	return &memory{maxUsed: maxUsed, waiting: make(map[string]*memorySeat), used: make(map[string]*list.Element)}
}

// A memorySeat leaves the map waiting exactly once: by a guest, who then sends on guest, or by Close.
type memorySeat struct {
	store   *memory
	label   string
	expires time.Time
	guest   chan net.Conn // buffered
}

func (m *memory) Open(_ context.Context, label string, lifetime time.Duration) (Seat, error) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetUsed(now)
	if _, taken := m.waiting[label]; taken {
		return nil, ErrTaken
	}
	if e, ok := m.used[label]; ok {
		m.order.Remove(e)
		delete(m.used, label)
	}
	s := &memorySeat{store: m, label: label, expires: now.Add(lifetime), guest: make(chan net.Conn, 1)}
	m.waiting[label] = s
	return s, nil
}

func (m *memory) Join(_ context.Context, label string) (Stream, error) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetUsed(now)
	s, ok := m.waiting[label]
	if !ok || now.After(s.expires) {
		if _, used := m.used[label]; used {
			return nil, ErrUsed
		}
		return nil, ErrNoHost
	}
	delete(m.waiting, label)
	m.used[label] = m.order.PushBack(usedLabel{label, s.expires})
	if m.order.Len() > m.maxUsed {
		m.forget(m.order.Front())
	}
	// net.Pipe has no buffer, which is what a Stream asks for, and deadlines, which nobody needs here.
	host, guest := net.Pipe()
	s.guest <- host
	return guest, nil
}

// forgetUsed drops the used labels whose time is over. They are in the order of use, which is nearly that of
// their end; one that sits behind a later one is dropped a little late.
func (m *memory) forgetUsed(now time.Time) {
	for e := m.order.Front(); e != nil && now.After(e.Value.(usedLabel).until); e = m.order.Front() {
		m.forget(e)
	}
}

func (m *memory) forget(e *list.Element) {
	delete(m.used, m.order.Remove(e).(usedLabel).label)
}

func (s *memorySeat) Guest(ctx context.Context) (Stream, error) {
	select {
	case c := <-s.guest:
		return c, nil
	case <-ctx.Done():
	}
	select {
	case c := <-s.guest: // in the last moment
		return c, nil
	default:
		return nil, ctx.Err()
	}
}

func (s *memorySeat) Close() error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if s.store.waiting[s.label] == s {
		delete(s.store.waiting, s.label)
		return nil
	}
	// A guest may have joined while the host was leaving: nobody will answer it.
	select {
	case c := <-s.guest:
		return c.Close()
	default:
		return nil
	}
}
