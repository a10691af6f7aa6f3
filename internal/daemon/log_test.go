package daemon

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/state"
)

func TestLog(t *testing.T) {
	t.Parallel()
	db, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Now()
	gone := api.Device{ID: "GONEAAA-AAAAAAA", Name: "old laptop"}
	file := func(ago time.Duration, kind, action, folder, path string, by api.Device) api.Event {
		return api.Event{Time: now.Add(-ago), Type: kind, Action: action, Folder: folder, Path: path, Device: &by}
	}
	events := []api.Event{
		{Time: now.Add(-9 * time.Hour), Type: api.EventPeerAdded, Device: &laptop},
		{Time: now.Add(-9 * time.Hour), Type: api.EventPeerAdded, Device: &gone},
		file(8*time.Hour, api.EventFileReceived, api.ActionNew, "inbox", "a", laptop),
		file(7*time.Hour, api.EventFileReceived, api.ActionNew, "inbox", "dir/b", gone),
		file(2*time.Hour, api.EventFileChanged, api.ActionChanged, "inbox", "a", self),
		file(time.Hour, api.EventFileReceived, api.ActionDeleted, "inbox", "dir/b", laptop),
		file(0, api.EventFileReceived, api.ActionNew, "shared", "dir/b", laptop),
	}
	for range api.DefaultLog {
		events = append(events, file(0, api.EventFileReceived, api.ActionTouched, "deliverables", "x", laptop))
	}
	if err := db.AddActivity(t.Context(), state.Entries{Events: events}); err != nil {
		t.Fatal(err)
	}
	members := []api.Device{laptop, self}
	for name, test := range map[string]struct {
		req  api.LogRequest
		want string // IDs of events; more than ten are counted
	}{
		"the latest":         {api.LogRequest{}, "100 of them"},
		"all files":          {api.LogRequest{Limit: -1}, "105 of them"},
		"all":                {api.LogRequest{Limit: -1, All: true}, "107 of them"},
		"three":              {api.LogRequest{Limit: 3}, "105 106 107"},
		"inbox":              {api.LogRequest{Path: "inbox"}, "3 4 5 6"},
		"a directory":        {api.LogRequest{Path: "inbox/dir"}, "4 6"},
		"a file":             {api.LogRequest{Path: "inbox/a"}, "3 5"},
		"since":              {api.LogRequest{Path: "inbox", Since: now.Add(-150 * time.Minute)}, "5 6"},
		"after":              {api.LogRequest{After: 4, Path: "inbox"}, "5 6"},
		"after, all":         {api.LogRequest{After: 4}, "103 of them"},
		"by a peer":          {api.LogRequest{By: "laptop", Path: "inbox"}, "3 6"},
		"by its ID":          {api.LogRequest{By: "LAPTOPA", Path: "inbox"}, "3 6"},
		"by this device":     {api.LogRequest{By: "vps"}, "5"},
		"by one that left":   {api.LogRequest{By: "old laptop"}, "4"},
		"by nobody":          {api.LogRequest{By: "nobody"}, `there is no device "nobody"`},
		"outside":            {api.LogRequest{Path: "../x"}, `"../x" is outside of the root`},
		"nothing in there":   {api.LogRequest{Path: "shared/none"}, ""},
		"nothing since then": {api.LogRequest{After: 1000}, ""},
	} {
		got, err := readLog(t.Context(), db, test.req, members)
		var ids []string
		for _, e := range got {
			ids = append(ids, itoa(e.ID))
		}
		said := strings.Join(ids, " ")
		if len(ids) > 10 {
			said = itoa(int64(len(ids))) + " of them"
		}
		if err != nil {
			said = err.Error()
		} else if got == nil {
			t.Errorf("%s: null", name)
		}
		if said != test.want {
			t.Errorf("%s: got %s, want %s", name, said, test.want)
		}
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// A root whose daemon never ran has no log, and that is no error.
func TestLogBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	r, _, err := root.Create(filepath.Join(t.TempDir(), "sync"), root.Config{Name: "vps"})
	if err != nil {
		t.Fatal(err)
	}
	events, err := OfflineLog(context.Background(), r.Dir(), api.LogRequest{})
	if err != nil || events == nil || len(events) != 0 {
		t.Errorf("%v, %v", events, err)
	}
}
