package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/meeting"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/pairing"
)

const (
	joinTimeout = 60 * time.Second // of a whole join
	lookUpRound = 10 * time.Second // for one look along all ways
	// pendingLifetime is how long a join that the host may not know of is tried:
	// as long as its invite can be open.
	pendingLifetime = inviteLifetime
	// retryPatience is how long a join that was cut off waits for the connection
	// before it looks for the host again.
	retryPatience = 2 * time.Second
)

// The stages of a join.
const (
	stageKeys       = "keys"
	stageMeeting    = "meeting"
	stagePairing    = "pairing"
	stageConnecting = "connecting"
)

// joins keeps a second join out while one is under way.
type joins struct {
	mu    sync.Mutex
	ctx   context.Context // of the one under way
	ended chan struct{}   // closed when it has; nil if there is none
}

// begin reports whether no other join is under way. One whose command is gone is
// waited for: it is about to end.
func (j *joins) begin(ctx context.Context) bool {
	for {
		j.mu.Lock()
		ended := j.ended
		if ended == nil {
			j.ctx, j.ended = ctx, make(chan struct{})
			j.mu.Unlock()
			return true
		}
		given := j.ctx.Err() != nil
		j.mu.Unlock()
		if !given {
			return false
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return false
		}
	}
}

func (j *joins) done() {
	j.mu.Lock()
	defer j.mu.Unlock()
	close(j.ended)
	j.ctx, j.ended = nil, nil
}

func (j *joins) busy() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.ended != nil
}

// join is one run of Join.
type join struct {
	d *daemon
	offer
	progress func(stage, text string)
	timing   api.Timing // each the sum, if it took several times
}

// Join is the guest's side of a pairing. It returns when this device and the
// host have accepted each other and are connected, or when nothing of it is left
// behind, or, with the code "timeout", when the host may have accepted and the
// connection is still being tried.
func (d *daemon) Join(ctx context.Context, req api.JoinRequest, progress func(api.ProgressLine)) (*api.JoinedLine, error) {
	relay, err := d.relay(req.Relay)
	if err != nil {
		return nil, err
	}
	if !d.joins.begin(ctx) {
		return nil, api.Errorf(api.CodeJoining, "Wait until it is done.", "another join is under way for this root")
	}
	defer d.wake() // a pending join ends some day
	defer d.joins.done()
	if d.members.removal() != nil {
		if err := d.startAnew(context.WithoutCancel(ctx)); err != nil {
			return nil, err
		}
		return nil, errStartsAnew()
	}
	if m, plan, _ := d.members.current(); len(plan) > 0 && m.Pending == nil && m.Joined == nil && !d.disowned() {
		return nil, errInNetwork(plan)
	}
	timeout := req.Timeout
	if timeout <= 0 {
		timeout = joinTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	j := &join{d: d, progress: func(stage, text string) {
		progress(api.ProgressLine{Stage: stage, Text: text})
	}}
	j.progress(stageKeys, "working out where to meet")
	if j.offer, err = d.takeOffer(req.Code, relay, func(took time.Duration) { j.timing.KeysMS = milliseconds(took) }); err != nil {
		return nil, err
	}
	host, err := j.run(ctx)
	var refused *pairing.RefusedError
	if errors.As(err, &refused) && refused.Code == codeRemoved {
		if err := d.startAnew(context.WithoutCancel(ctx)); err != nil {
			return nil, err
		}
		return nil, errStartsAnew()
	}
	if err != nil {
		return nil, j.explain(ctx, err)
	}
	return d.joined(host, j.timing), nil
}

func errInNetwork(plan []network.Member) error {
	return api.Errorf(api.CodeInNetwork,
		"To bring the other machine into this network, run \"botsync invite\" here and \"botsync join\" there. To join another network, use another --root.",
		"this root is in a network with %d other device(s) already", len(plan))
}

func isMember(plan []network.Member, id string) bool {
	return slices.ContainsFunc(plan, func(m network.Member) bool { return m.ID == id })
}

// run meets the host, goes through the exchange and waits for the connection.
func (j *join) run(ctx context.Context) (host string, err error) {
	m, plan, _ := j.d.members.current()
	label := j.keys.Place.Label()
	switch {
	case m.Pending != nil && m.Pending.Label == label:
		return j.retry(ctx, m.Pending.Host)
	case m.Joined != nil && m.Joined.Label == label && isMember(plan, m.Joined.Host):
		// An earlier join with this code was cut off and has been made good since.
		return m.Joined.Host, j.connect(ctx, m.Joined.Host)
	case m.Pending != nil:
		if err := j.d.leave(); err != nil {
			return "", err
		}
	case len(plan) > 0 && !j.d.disowned():
		return "", errInNetwork(plan)
	}
	welcome, err := j.pair(ctx)
	if p := j.d.members.pending(); err != nil && p != nil {
		// It was cut off after this device had stored the welcome.
		return j.retry(ctx, p.Host)
	}
	if err != nil {
		return "", err
	}
	return welcome.Host, j.connect(ctx, welcome.Host)
}

// retry is for a join that was cut off after this device had stored the
// welcome. Either the host has it, and the two are connected soon, or the invite
// is still open, or the host is away.
func (j *join) retry(ctx context.Context, host string) (string, error) {
	for {
		soon, cancel := context.WithTimeout(ctx, retryPatience)
		err := j.connect(soon, host)
		cancel()
		if err == nil || ctx.Err() != nil {
			return host, err
		}
		welcome, err := j.pair(ctx)
		switch {
		case err == nil:
			return welcome.Host, j.connect(ctx, welcome.Host)
		case ctx.Err() != nil, isLost(err):
			return host, j.connect(ctx, host)
		case !worthRetry(err):
			return host, err
		}
	}
}

// isLost reports whether a look-up failed because the host was not found. That
// says nothing about an invite which this device may have used itself.
func isLost(err error) bool {
	var nobody *meeting.NobodyError
	var unreachable *meeting.UnreachableError
	var refused *pairing.RefusedError
	return errors.As(err, &nobody) || errors.As(err, &unreachable) ||
		errors.As(err, &refused) && refused.Code == pairing.CodeInviteUsed
}

// pair finds the host and goes through the exchange, until this device has stored
// the welcome or the time is up.
func (j *join) pair(ctx context.Context) (pairing.Welcome, error) {
	for {
		j.progress(stageMeeting, "looking "+spoken(j.ways))
		start := time.Now()
		channel, way, err := meeting.Dial(ctx, j.ways, place(j.keys), meeting.DialOptions{Round: lookUpRound}, j.try)
		j.timing.MeetMS += milliseconds(time.Since(start))
		if err != nil {
			return pairing.Welcome{}, err
		}
		j.timing.Way = way
		j.progress(stagePairing, "found the other side by "+way)
		start = time.Now()
		guest := pairing.Guest{Device: j.d.introduction(), Store: func(_ context.Context, w pairing.Welcome) error {
			return j.d.store(w, j.keys.Place.Label(), channel.conn.RemoteAddr())
		}}
		welcome, err := guest.Run(ctx, channel.Channel)
		j.timing.PairMS += milliseconds(time.Since(start))
		if err == nil {
			return welcome, nil
		}
		var uncertain *pairing.UncertainError
		if !worthRetry(err) || errors.As(err, &uncertain) || ctx.Err() != nil {
			return welcome, err
		}
		j.d.log.Info("a pairing was cut off; trying again", "way", way, "error", err)
	}
}

// found is a connection on which the handshake is done.
type found struct {
	*pairing.Channel
	conn net.Conn
}

func (j *join) try(ctx context.Context, _ string, conn net.Conn) (found, error) {
	channel, err := pairing.Handshake(ctx, conn, j.keys.PSK, pairing.GuestSide)
	return found{channel, conn}, err
}

// worthRetry reports whether an exchange failed because of what is between the
// two sides, not because of either of them.
func worthRetry(err error) bool {
	var refused *pairing.RefusedError
	if errors.As(err, &refused) {
		return refused.Code == pairing.CodeBusy
	}
	var version *pairing.ProtocolError
	var user *api.Error
	return !errors.As(err, &version) && !errors.As(err, &user)
}

// connect tells the engine of the host and waits until the two are connected
// and the host has told which folders it shares.
func (j *join) connect(ctx context.Context, host string) error {
	j.progress(stageConnecting, "connecting")
	start := time.Now()
	if err := j.d.apply(); err != nil {
		return err
	}
	err := j.d.peers.await(ctx, host)
	j.timing.ConnectMS += milliseconds(time.Since(start))
	if err != nil {
		return &connectError{host: host, err: err}
	}
	return j.d.members.confirm()
}

type connectError struct {
	host string
	err  error
}

func (e *connectError) Error() string { return "connecting: " + e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// store makes this device a member of the host's network.
func (d *daemon) store(w pairing.Welcome, label string, from net.Addr) error {
	invalid := func(format string, args ...any) error {
		return &pairing.RefusedError{Code: pairing.CodeInvalid, Message: fmt.Sprintf(format, args...)}
	}
	if !network.ValidNetworkID(w.Network.ID) {
		return invalid("the network's id is none")
	}
	if id, err := engine.ParseID(w.Host); err != nil || id != w.Host {
		return invalid("the host's id is no device ID")
	}
	var records []network.Record
	var hostAddresses []string
	for _, r := range append(w.Devices, w.Guest) {
		record := toRecord(r)
		if id, err := engine.ParseID(r.ID); err != nil || id != r.ID {
			return invalid("%q is no device ID", r.Name)
		}
		if err := record.Validate(); err != nil {
			return invalid("the record of %q: %v", r.Name, err)
		}
		if r.ID == w.Host {
			hostAddresses = reachable(slices.Concat(w.Addresses, r.Addresses), from)
		}
		records = append(records, record)
	}
	if w.Guest.ID != d.members.self {
		return invalid("the welcome is for another device")
	}
	if now, plan, _ := d.members.current(); len(plan) > 0 && now.Pending == nil && now.Network != w.Network.ID {
		return errInNetwork(plan) // which it may have been removed from, but nobody has said so
	}
	m := network.Membership{
		Network:   w.Network.ID,
		Pending:   &network.Pending{Host: w.Host, Label: label, Until: time.Now().Add(pendingLifetime)},
		Addresses: map[string][]string{w.Host: hostAddresses},
		Role:      d.config.Role,
	}
	if w.Servers != nil {
		m.Servers = &network.Servers{Discovery: w.Servers.Discovery, Relays: w.Servers.Relays}
	}
	return explain(d.root, d.adopt(m, records))
}

// introduction is what the host is told of this device.
func (d *daemon) introduction() pairing.Device {
	return pairing.Device{ID: d.members.self, Name: d.config.Name, Role: string(d.config.Role),
		Addresses: mostUseful(d.engine.Addresses(), pairing.MaxAddresses)}
}

func (d *daemon) joined(host string, timing api.Timing) *api.JoinedLine {
	m, plan, _ := d.members.current()
	device := d.members.device(host)
	return &api.JoinedLine{Schema: api.Schema, Type: api.TypeJoined, Device: *device,
		Network: &api.Network{ID: m.Network, Devices: len(plan) + 1}, Timing: &timing}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
