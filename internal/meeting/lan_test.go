package meeting_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/meeting"
)

// The 56 bytes of docs/meeting.md, made without the code under test; without a proof, which takes the secret.
func datagram(kind byte, port int, label meeting.Label) []byte {
	raw, _ := hex.DecodeString(string(label))
	b := append([]byte{'b', 's', 'y', 'n', 1, kind, byte(port >> 8), byte(port)}, raw...)
	return append(b, make([]byte, 16)...)
}

const query, answer, announce = 1, 2, 3

func TestLANLatency(t *testing.T) {
	lan, _ := newLAN(t)
	h := startHost(t, "code", lan)
	h.await(t, "lan", isOpen)
	var times []time.Duration
	for range 20 {
		_, took := mustDial(t, "code", lan)
		times = append(times, took)
	}
	slices.Sort(times)
	t.Logf("met on loopback: median %v, longest %v", times[len(times)/2], times[len(times)-1])
	if times[len(times)/2] > 100*time.Millisecond {
		t.Errorf("meeting takes too long: %v", times)
	}
}

// A guest that has looked for a while hears of a host that comes, without waiting for its own next question.
func TestLANGuestBeforeHost(t *testing.T) {
	t.Parallel()
	lan, _ := newLAN(t)
	met := make(chan error, 1)
	go func() {
		conn, _, err := dial(t.Context(), "code", 0, lan)
		if err == nil {
			conn.Close()
		}
		met <- err
	}()
	sleepUntilAsked(t, lan)
	startHost(t, "code", lan)
	if err := <-met; err != nil {
		t.Error(err)
	}
}

// sleepUntilAsked waits until a guest has asked on the port of a lan way.
func sleepUntilAsked(t *testing.T, lan *meeting.LAN) {
	t.Helper()
	c := sharedSocket(t, lan)
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	for buf := make([]byte, 100); ; {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			t.Fatal("nobody asks")
		}
		if n == 56 && buf[5] == query {
			return
		}
	}
}

func sharedSocket(t *testing.T, lan *meeting.LAN) net.PacketConn {
	t.Helper()
	lc := net.ListenConfig{Control: meeting.SharePort}
	c, err := lc.ListenPacket(t.Context(), "udp4", fmt.Sprintf(":%d", lan.Port()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestLANSeveralHostsOnOneMachine(t *testing.T) {
	t.Parallel()
	lan, _ := newLAN(t)
	var pairs sync.WaitGroup
	for i := range 5 {
		code := fmt.Sprintf("code %d", i)
		h := startHost(t, code, lan)
		pairs.Go(func() {
			conn, _, err := dial(t.Context(), code, 0, lan)
			if err != nil {
				t.Errorf("%s: %v", code, err)
				return
			}
			defer conn.Close()
			if err := echo(conn, "hello"); err != nil {
				t.Errorf("%s: %v", code, err)
			}
			select {
			case <-h.met:
			default:
				t.Errorf("%s: met somebody else", code)
			}
		})
	}
	pairs.Wait()
}

func TestLANNobody(t *testing.T) {
	t.Parallel()
	lan, _ := newLAN(t)
	startHost(t, "code", lan)
	_, _, err := dial(t.Context(), "other code", 300*time.Millisecond, lan)
	if _, ok := errors.AsType[*meeting.NobodyError](err); !ok {
		t.Errorf("got %T: %v", err, err)
	}
}

func TestLANWithoutInterfaces(t *testing.T) {
	t.Parallel()
	lan := meeting.NewLAN(meeting.LANConfig{Port: 1, Interfaces: func() ([]net.Interface, error) { return nil, nil }})
	_, _, err := dial(t.Context(), "code", 100*time.Millisecond, lan)
	if _, ok := errors.AsType[*meeting.UnreachableError](err); !ok {
		t.Errorf("got %T: %v", err, err)
	}
}

// A network that returns while a host waits is used again.
func TestLANInterfaceThatComesLater(t *testing.T) {
	t.Parallel()
	_, port := newLAN(t)
	var mu sync.Mutex
	var up bool
	late := meeting.NewLAN(meeting.LANConfig{Port: port, Interfaces: func() ([]net.Interface, error) {
		mu.Lock()
		defer mu.Unlock()
		if !up {
			return nil, nil
		}
		return loopback()
	}})
	h := startHost(t, "code", late)
	h.await(t, "lan", func(s meeting.State) bool { return s.Open && s.Err != nil })
	mu.Lock()
	up = true
	mu.Unlock()
	h.await(t, "lan", func(s meeting.State) bool { return s.Open && s.Err == nil })
	_, took := mustDial(t, "code", meeting.NewLAN(meeting.LANConfig{Port: port, Interfaces: loopback}))
	t.Logf("met in %v", took)
}

// Somebody who holds the port for itself keeps no one from meeting, as long as one side can be heard.
func TestLANPortTaken(t *testing.T) {
	t.Parallel()
	lan, port := newLAN(t)
	c, err := net.ListenPacket("udp4", fmt.Sprintf(":%d", port)) // does not share
	if err != nil {
		t.Fatal(err)
	}
	h := startHost(t, "code", lan)
	s := h.await(t, "lan", isOpen)
	if s.Err == nil {
		t.Error("the host says that all is well")
	}
	t.Logf("the host says: %v", s.Err)
	c.Close()
	h.await(t, "lan", func(s meeting.State) bool { return s.Open && s.Err == nil })
	mustDial(t, "code", lan)
}

// The host answers only a well-formed question for its label, with a datagram no larger than the question.
func TestLANHostAnswersOnlyWhatItMust(t *testing.T) {
	t.Parallel()
	lan, port := newLAN(t)
	h := startHost(t, "code", lan)
	h.await(t, "lan", isOpen)
	label := placeOf("code").Label
	good := datagram(query, 0, label)
	c, err := net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	other := placeOf("other").Label
	for _, bad := range [][]byte{
		nil, []byte("x"), good[:55], append(slices.Clone(good), 0), good[:40], make([]byte, 56), append(slices.Clone(good[:55]), 1), make([]byte, 60_000),
		datagram(query, 1, label), datagram(answer, 5, label), datagram(announce, 5, label), datagram(9, 0, label), datagram(query, 0, other),
		append([]byte("bsyn\x02"), good[5:]...), append([]byte("BSYN"), good[4:]...),
	} {
		c.Write(bad)
	}
	c.Write(good)
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	var got [][]byte
	buf := make([]byte, 1000)
	for {
		n, err := c.Read(buf)
		if err != nil {
			break
		}
		got = append(got, slices.Clone(buf[:n]))
		c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	}
	if len(got) != 1 || len(got[0]) != 56 || got[0][5] != answer {
		t.Fatalf("got the answers %x, want one to the one good question", got)
	}
	tcp := uint16(got[0][6])<<8 | uint16(got[0][7])
	if proof := meeting.Prove(placeOf("code").Secret, netip.MustParseAddr("127.0.0.1"), tcp); !bytes.Equal(got[0][40:], proof[:]) {
		t.Errorf("the answer %x proves something else than that the host is at 127.0.0.1:%d", got[0], tcp)
	}
	// A flood of good ones is answered within limits.
	for range 10_000 {
		c.Write(good)
	}
	n := 0
	for c.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); ; n++ {
		if _, err := c.Read(buf); err != nil {
			break
		}
	}
	t.Logf("%d answers to 10,000 questions", n)
	if n > 1000 {
		t.Errorf("10,000 questions were answered %d times", n)
	}
}

// A liar answers every question of a guest, long before there is a host, with addresses where nobody is, where somebody
// lets the connection hang, and where somebody talks nonsense.
func TestLANLiars(t *testing.T) {
	lan, _ := newLAN(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var liars sync.WaitGroup
	defer liars.Wait()
	defer cancel()

	tarpit := listen(t, ctx, &liars, func(c net.Conn) { io.Copy(io.Discard, c) })
	babbler := listen(t, ctx, &liars, func(c net.Conn) { io.WriteString(c, "nonsense"); c.Close() })
	c := sharedSocket(t, lan)
	liars.Go(func() {
		<-ctx.Done()
		c.Close()
	})
	label := placeOf("code").Label
	lied := make(chan struct{})
	var once sync.Once
	liars.Go(func() {
		buf := make([]byte, 100)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if n != 56 || buf[5] != query {
				continue
			}
			c.WriteTo([]byte("garbage"), from)
			c.WriteTo(datagram(answer, tarpit, label), from)
			c.WriteTo(datagram(answer, babbler, label), from)
			for port := 1; port <= 10_000; port++ {
				c.WriteTo(datagram(answer, port, label), from)
			}
			// The same from 10,000 addresses that all lead into the tarpit.
			for i := range 10_000 {
				lie(fmt.Sprintf("127.7.%d.%d", i/250, 1+i%250), from, datagram(announce, tarpit, label))
			}
			once.Do(func() { close(lied) })
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	met := make(chan error, 1)
	go func() {
		conn, _, err := dial(t.Context(), "code", 0, lan)
		if err == nil {
			conn.Close()
		}
		met <- err
	}()
	<-lied
	startHost(t, "code", lan)
	start := time.Now()
	if err := <-met; err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	t.Logf("met among liars in %v; the heap grew by %d KiB", took, (int64(after.HeapInuse)-int64(before.HeapInuse))>>10)
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 64<<20 {
		t.Errorf("memory grew by %d bytes", grown)
	}
}

// A host that could not prove its address is found too: it may be seen from another one than it thinks.
func TestLANHostWithoutProof(t *testing.T) {
	t.Parallel()
	lan, _ := newLAN(t)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	port := listen(t, ctx, &running, func(c net.Conn) { serveGreeting(ctx, "", c) })
	c := sharedSocket(t, lan)
	running.Go(func() {
		<-ctx.Done()
		c.Close()
	})
	running.Go(func() {
		for buf := make([]byte, 100); ; {
			_, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			c.WriteTo(datagram(answer, port, placeOf("code").Label), from)
		}
	})
	mustDial(t, "code", lan)
}

// lie sends a datagram from another loopback address.
func lie(from string, to net.Addr, b []byte) {
	c, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(from)}, to.(*net.UDPAddr))
	if err != nil {
		return
	}
	defer c.Close()
	c.Write(b)
}

// listen accepts connections on a port of all loopback addresses.
func listen(t *testing.T, ctx context.Context, running *sync.WaitGroup, serve func(net.Conn)) (port int) {
	t.Helper()
	ln, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() { <-ctx.Done(); ln.Close() })
	running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				defer context.AfterFunc(ctx, func() { c.Close() })()
				serve(c)
			})
		}
	})
	return ln.Addr().(*net.TCPAddr).Port
}

// Ten thousand connections of somebody who says nothing do not keep a guest out, even from the same address.
func TestLANCrowd(t *testing.T) {
	lan, _ := newLAN(t)
	h := startHost(t, "code", lan)
	h.await(t, "lan", isOpen)
	port := tcpPortOf(t, lan, "code")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	half, full := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		defer func() { full <- n }()
		var d net.Dialer
		for ; n < 10_000 && ctx.Err() == nil; n++ {
			c, err := d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				break
			}
			defer c.Close()
			if n == 2000 {
				close(half)
			}
		}
		<-ctx.Done()
	}()
	<-half
	_, took := mustDial(t, "code", lan)
	goroutines := runtime.NumGoroutine()
	t.Logf("met among the crowd in %v, with %d goroutines", took, goroutines)
	if goroutines > 2000 {
		t.Errorf("%d goroutines", goroutines)
	}
	cancel()
	t.Logf("%d connections were made", <-full)
}

// tcpPortOf asks a host for its port.
func tcpPortOf(t *testing.T, lan *meeting.LAN, code string) int {
	t.Helper()
	c, err := net.Dial("udp4", fmt.Sprintf("127.0.0.1:%d", lan.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write(datagram(query, 0, placeOf(code).Label))
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 100)
	if n, err := c.Read(buf); err != nil || n != 56 {
		t.Fatalf("got %d bytes, %v", n, err)
	}
	return int(buf[6])<<8 | int(buf[7])
}

func BenchmarkLANLookUp(b *testing.B) {
	lan, _ := newLAN(b)
	h := startHost(b, "code", lan)
	h.await(b, "lan", isOpen)
	for b.Loop() {
		mustDial(b, "code", lan)
	}
}
