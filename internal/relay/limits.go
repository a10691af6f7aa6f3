package relay

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A counter bounds how many of something are open, in all and for each client.
type counter struct {
	max, maxEach int

	mu   sync.Mutex
	n    int
	each map[netip.Prefix]int
}

func newCounter(max, maxEach int) *counter {
	return &counter{max: max, maxEach: maxEach, each: make(map[netip.Prefix]int)}
}

// add counts one more for client, or reports that a limit is reached.
func (c *counter) add(client netip.Prefix) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n >= c.max || c.each[client] >= c.maxEach {
		return false
	}
	c.n++
	c.each[client]++
	return true
}

func (c *counter) remove(client netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	if c.each[client]--; c.each[client] == 0 {
		delete(c.each, client)
	}
}

func (c *counter) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// maxBuckets bounds the clients whose rates are kept apart. The ones beyond share a bucket: a flood
// from that many addresses at once slows down newcomers, and costs no more memory.
const maxBuckets = 16_384

// A throttle bounds how often each client may ask.
type throttle struct {
	rate  rate.Limit
	burst int

	mu      sync.Mutex
	buckets map[netip.Prefix]*rate.Limiter
	shared  *rate.Limiter
	swept   time.Time
}

func newThrottle(perSecond float64, burst int) *throttle {
	return &throttle{
		rate: rate.Limit(perSecond), burst: burst,
		buckets: make(map[netip.Prefix]*rate.Limiter),
		shared:  rate.NewLimiter(100*rate.Limit(perSecond), 100*burst),
	}
}

// allow reports whether client may ask now, and otherwise in how many seconds it may.
func (t *throttle) allow(client netip.Prefix) (ok bool, retry int) {
	now := time.Now()
	t.mu.Lock()
	b := t.bucket(client, now)
	t.mu.Unlock()
	if b.AllowN(now, 1) {
		return true, 0
	}
	missing := 1 - b.TokensAt(now)
	return false, max(1, int(math.Ceil(missing/float64(t.rate))))
}

func (t *throttle) bucket(client netip.Prefix, now time.Time) *rate.Limiter {
	if b, ok := t.buckets[client]; ok {
		return b
	}
	if len(t.buckets) >= maxBuckets {
		t.sweep(now)
	}
	if len(t.buckets) >= maxBuckets {
		return t.shared
	}
	b := rate.NewLimiter(t.rate, t.burst)
	t.buckets[client] = b
	return b
}

// sweep forgets the clients that have not asked for so long that their bucket is full again, which is the
// same as never having asked. At most once a second, so that a flood does not make it the main work.
func (t *throttle) sweep(now time.Time) {
	if now.Sub(t.swept) < time.Second {
		return
	}
	t.swept = now
	for client, b := range t.buckets {
		if b.TokensAt(now) >= float64(t.burst) {
			delete(t.buckets, client)
		}
	}
}
