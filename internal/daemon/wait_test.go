package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/engine"
	"github.com/botsync/botsync/internal/root"
)

var (
	self   = api.Device{ID: "SELFSEL-AAAAAAA", Name: "vps"}
	laptop = api.Device{ID: "LAPTOPA-AAAAAAA", Name: "laptop"}
	phone  = api.Device{ID: "PHONEAA-AAAAAAA", Name: "phone"}
	tablet = api.Device{ID: "PHONEBB-AAAAAAA", Name: "Phone 2"}
	peers  = []api.Device{laptop, phone, tablet}
)

func TestChoose(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		names string
		want  string // names, or the beginning of the error
	}{
		{"laptop", "laptop"},
		{"LAPTOP", "laptop"},
		{"laptop,phone", "laptop,phone"},
		{"laptop,LAPTOPA,lapt", "laptop"},
		{"phone", "phone"},
		{"PHONEA", "phone"},
		{"phoneb", "Phone 2"},
		{"PHONEBB-AAAA", "Phone 2"},
		{"PHONEBBAAAA", "Phone 2"},
		{"phon", `"phon" can mean 2 devices`},
		{"pho", `there is no device "pho"`}, // three letters are too few of an ID
		{"vps", `"vps" is this device`},
		{"SELFSEL", `"SELFSEL" is this device`},
		{"laptop,nobody", `there is no device "nobody"`},
		{" ", `there is no device " "`},
		{"", `there is no device ""`},
	} {
		got, err := choose(strings.Split(test.names, ","), self, peers)
		var names []string
		for _, d := range got {
			names = append(names, d.Name)
		}
		said := strings.Join(names, ",")
		if err != nil {
			said = err.Error()
			if e := new(*api.Error); !errors.As(err, e) || (*e).Exit != api.ExitUsage || !strings.Contains((*e).Hint, "phone (PHONEAA)") {
				t.Errorf("%s: the error does not say who there is: %+v", test.names, err)
			}
		}
		if said != test.want {
			t.Errorf("%s: got %s, want %s", test.names, said, test.want)
		}
	}
	if got, err := choose(nil, self, peers); err != nil || got != nil {
		t.Errorf("nobody was named, and %v, %v chosen", got, err)
	}
	twins := []api.Device{{ID: "AAAAAAA-1", Name: "twin"}, {ID: "BBBBBBB-1", Name: "twin"}}
	if _, err := choose([]string{"twin"}, self, twins); err == nil {
		t.Error("one of two devices of one name was chosen")
	}
}

// seen is how a peer is in the table below: connected, known, and what it needs.
func seen(p api.Device, connected, known bool, need int) peerCompletion {
	return peerCompletion{p, engine.Completion{Connected: connected, Known: known, NeedItems: need, NeedBytes: int64(10 * need)}, false}
}

// What is judged, look after look, and when it is said that all is synced.
func TestJudge(t *testing.T) {
	t.Parallel()
	nothing, something := api.Lack{Device: self}, api.Lack{Device: self, Files: 1}
	type look struct {
		here    api.Lack
		peers   []peerCompletion
		done    bool
		lacking string // who does not have everything, as Lacks say it
		offline string
	}
	for name, test := range map[string]struct {
		named []api.Device
		looks []look
	}{
		"all have everything": {nil, []look{
			{nothing, []peerCompletion{seen(laptop, true, true, 0), seen(phone, true, true, 0)}, true, "", ""}}},
		"one lacks a file": {nil, []look{
			{nothing, []peerCompletion{seen(laptop, true, true, 0), seen(phone, true, true, 1)}, false, "phone", ""},
			{nothing, []peerCompletion{seen(laptop, true, true, 0), seen(phone, true, true, 0)}, true, "", ""}}},
		"this device lacks one": {nil, []look{
			{something, []peerCompletion{seen(laptop, true, true, 0)}, false, "vps", ""}}},
		"a file cannot be read here": {nil, []look{
			{api.Lack{Device: self, Why: "denied"}, []peerCompletion{seen(laptop, true, true, 0)}, false, "vps", ""}}},
		"an index under way": {nil, []look{
			{nothing, []peerCompletion{seen(laptop, true, false, 0)}, false, "laptop", ""},
			{nothing, []peerCompletion{seen(laptop, true, true, 3)}, false, "laptop", ""},
			{nothing, []peerCompletion{seen(laptop, true, true, 0)}, true, "", ""}}},
		"nobody is connected": {nil, []look{
			{nothing, []peerCompletion{seen(laptop, false, false, 0)}, false, "", "laptop"},
			{nothing, []peerCompletion{seen(laptop, true, true, 0)}, true, "", ""}}},
		"there is nobody": {nil, []look{{nothing, nil, false, "", ""}}},
		"offline and not named": {nil, []look{
			{nothing, []peerCompletion{seen(laptop, true, true, 0), seen(phone, false, false, 7)}, true, "", "phone"}}},
		"offline and named": {[]api.Device{phone}, []look{
			{nothing, []peerCompletion{seen(laptop, true, true, 0), seen(phone, false, false, 0)}, false, "phone", ""},
			{nothing, []peerCompletion{seen(laptop, true, true, 0), seen(phone, true, true, 0)}, true, "", ""}}},
		"connected and not named": {[]api.Device{laptop}, []look{
			{nothing, []peerCompletion{seen(laptop, true, true, 0), seen(phone, true, true, 5)}, true, "", ""}}},
		"gone before it had everything": {nil, []look{
			{nothing, []peerCompletion{seen(laptop, true, true, 1), seen(phone, true, true, 0)}, false, "laptop", ""},
			{nothing, []peerCompletion{seen(laptop, false, false, 0), seen(phone, true, true, 0)}, false, "laptop", ""},
			{nothing, []peerCompletion{seen(laptop, true, true, 0), seen(phone, true, true, 0)}, true, "", ""}}},
		"gone after it had everything": {nil, []look{
			{nothing, []peerCompletion{seen(laptop, true, true, 0), seen(phone, true, true, 1)}, false, "phone", ""},
			{nothing, []peerCompletion{seen(laptop, false, false, 0), seen(phone, true, true, 0)}, true, "", ""}}},
		"gone after it had everything, and more was made": {nil, []look{
			{nothing, []peerCompletion{seen(laptop, true, true, 0), seen(phone, true, true, 1)}, false, "phone", ""},
			{nothing, []peerCompletion{seen(laptop, false, false, 1), seen(phone, true, true, 0)}, false, "laptop", ""}}},
		"back with an index under way": {nil, []look{
			{nothing, []peerCompletion{seen(laptop, true, true, 0), seen(phone, true, true, 1)}, false, "phone", ""},
			{nothing, []peerCompletion{seen(laptop, true, false, 0), seen(phone, true, true, 0)}, false, "laptop", ""}}},
		"a stock device that has accepted nothing": {nil, []look{
			{nothing, []peerCompletion{{phone, engine.Completion{Connected: true, Known: true}, true}}, false, "", "phone"},
			{nothing, []peerCompletion{seen(laptop, true, true, 0), {phone, engine.Completion{Connected: true, Known: true}, true}}, true, "", "phone"}}},
		"a stock device that has accepted nothing, named": {[]api.Device{phone}, []look{
			{nothing, []peerCompletion{{phone, engine.Completion{Connected: true, Known: true}, true}}, false, "phone", ""},
			{nothing, []peerCompletion{seen(phone, true, true, 0)}, true, "", ""}}},
		"who connects meanwhile counts": {nil, []look{
			{nothing, []peerCompletion{seen(laptop, true, true, 1), seen(phone, false, false, 0)}, false, "laptop", "phone"},
			{nothing, []peerCompletion{seen(laptop, true, true, 0), seen(phone, true, true, 2)}, false, "phone", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			tally := newTally(test.named)
			for i, l := range test.looks {
				line, done := tally.judge(l.here, l.peers)
				var lacking, offline []string
				if line.Here != nil {
					lacking = append(lacking, line.Here.Device.Name)
				}
				for _, p := range line.Peers {
					if !p.Nothing() {
						lacking = append(lacking, p.Device.Name)
					}
				}
				for _, p := range line.Offline {
					offline = append(offline, p.Name)
				}
				if done != l.done || strings.Join(lacking, ",") != l.lacking || strings.Join(offline, ",") != l.offline {
					t.Errorf("look %d: done %v, lacking %v, offline %v; want %+v", i, done, lacking, offline, l)
				}
				if e := notSynced(line); !done && len(e.Missing) != len(lacking) {
					t.Errorf("look %d: the error tells of %+v", i, e.Missing)
				}
			}
		})
	}
}

func TestSplitPath(t *testing.T) {
	t.Parallel()
	for p, want := range map[string]string{
		"inbox": "inbox .", "inbox/": "inbox .", "inbox/a": "inbox a", "./shared/a/../b/": "shared b", "inbox/a\nb": "inbox a\nb",
		"": "", ".": "", "..": "", "../inbox/a": "", "inbox/../../x": "", "/inbox/a": "", "inbox\x00/a": "", "other/a": "",
		"BOTSYNC.md": "", ".botsync/config.toml": "", "inboxes/a": "", "inbox/../.botsync/identity": "",
	} {
		folder, rest, err := splitPath(p)
		if got := strings.TrimSpace(folder + " " + rest); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", p, got, err)
		}
	}
}

func TestLanded(t *testing.T) {
	t.Parallel()
	received := api.Event{Type: api.EventFileReceived, Action: api.ActionNew, Folder: "inbox", Path: "sub/a"}
	with := func(change func(*api.Event)) api.Event { e := received; change(&e); return e }
	for name, test := range map[string]struct {
		event       api.Event
		folder, dir string
		want        bool
	}{
		"anywhere":        {received, "", ".", true},
		"in its folder":   {received, "inbox", ".", true},
		"in another":      {received, "shared", ".", false},
		"below":           {received, "inbox", "sub", true},
		"beside":          {received, "inbox", "su", false},
		"the file itself": {received, "inbox", "sub/a", true},
		"changed":         {with(func(e *api.Event) { e.Action = api.ActionChanged }), "", ".", true},
		"deleted":         {with(func(e *api.Event) { e.Action = api.ActionDeleted }), "", ".", false},
		"touched":         {with(func(e *api.Event) { e.Action = api.ActionTouched }), "", ".", false},
		"by this device":  {with(func(e *api.Event) { e.Type = api.EventFileChanged }), "", ".", false},
		"no file":         {with(func(e *api.Event) { e.Type = api.EventPeerConnected }), "", ".", false},
	} {
		if got := landed(test.event, test.folder, test.dir); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whoever waits looks at once, and again for every ring that comes after a look
// began; never without one.
func TestBell(t *testing.T) {
	t.Parallel()
	var b bell
	looks, looked := 0, make(chan int)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		ended <- b.await(ctx, func() (bool, error) {
			looks++
			if looks == 1 {
				b.ring() // while it looks
			}
			looked <- looks
			return looks == 4, nil
		})
	}()
	<-looked
	<-looked // for the ring during the first look
	select {
	case n := <-looked:
		t.Fatalf("look %d without a ring", n)
	case <-time.After(50 * time.Millisecond):
	}
	b.ring()
	<-looked
	b.ring()
	<-looked
	if err := <-ended; err != nil {
		t.Error(err)
	}
	broken := errors.New("broken")
	if err := b.await(ctx, func() (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	cancel()
	if err := b.await(ctx, func() (bool, error) { return false, nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Many wait, many ring: nobody sleeps on.
func TestBellWakesAll(t *testing.T) {
	t.Parallel()
	var b bell
	var mu sync.Mutex
	n := 0
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if err := b.await(t.Context(), func() (bool, error) {
				mu.Lock()
				defer mu.Unlock()
				return n == 100, nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	for range 100 {
		mu.Lock()
		n++
		mu.Unlock()
		b.ring()
	}
	start := time.Now()
	group.Wait()
	if took := time.Since(start); took > recheck/2 {
		t.Errorf("it took %s", took)
	}
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	v := newDelivery(&wantedPath{id: "n-inbox", folder: "inbox"})
	for _, name := range []string{"a", "b/c", "d"} {
		v.add(root.Put{Path: "inbox/" + name, Size: 10})
	}
	if v.rel(v.puts[1]) != "b/c" {
		t.Errorf("%q", v.rel(v.puts[1]))
	}
	v.expect(laptop)
	v.expect(phone)
	v.expect(laptop)
	have := map[string][]int{laptop.ID: {0}}
	var got []string
	received := func(p root.Put, d api.Device) { got = append(got, d.Name+" "+p.Path) }
	has := func(peer string, i int) (bool, error) { return slices.Contains(have[peer], i), nil }
	if done, err := v.settle(has, received); done || err != nil {
		t.Fatal(done, err)
	}
	missing := v.missing(func(id string) bool { return id == laptop.ID })
	if len(missing) != 2 || missing[0].Files != 2 || missing[0].Bytes != 20 || missing[0].Why != "" ||
		missing[1].Files != 3 || missing[1].Why == "" || missing[1].Names[1] != "inbox/b/c" {
		t.Errorf("missing: %+v", missing)
	}
	// An error in between loses and repeats nothing.
	have[laptop.ID], have[phone.ID] = []int{0, 1, 2}, []int{0, 1, 2}
	broken := errors.New("broken")
	if _, err := v.settle(func(peer string, i int) (bool, error) {
		if peer == phone.ID && i == 1 {
			return false, broken
		}
		return has(peer, i)
	}, received); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if done, err := v.settle(has, received); !done || err != nil {
		t.Fatal(done, err)
	}
	slices.Sort(got)
	if want := []string{"laptop inbox/a", "laptop inbox/b/c", "laptop inbox/d", "phone inbox/a", "phone inbox/b/c", "phone inbox/d"}; !slices.Equal(got, want) {
		t.Errorf("receipts: %v", got)
	}
}

func TestLooked(t *testing.T) {
	t.Parallel()
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		ctx  context.Context
		errs []error
		want string
	}{
		"in time":       {t.Context(), []error{nil, nil, nil}, "<nil>"},
		"one was busy":  {late, []error{nil, late.Err(), nil}, "the time ran out while looking for changes in " + root.Folders[1] + "/"},
		"two were":      {late, []error{late.Err(), nil, late.Err()}, "the time ran out while looking for changes in " + root.Folders[0] + "/ and " + root.Folders[2] + "/"},
		"one is broken": {late, []error{late.Err(), broken, nil}, "broken"},
		"nobody waits":  {gone, []error{gone.Err(), nil, nil}, "context canceled"},
	} {
		if err := looked(test.ctx, test.errs); fmt.Sprint(err) != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}
