package engine

import "testing"

// A folder that is not for all peers is for those that are named.
func TestFolderForSomePeers(t *testing.T) {
	t.Parallel()
	peers := []Peer{{ID: peerID, Name: "peer"}}
	for name, test := range map[string]struct {
		only []string
		want int // devices, this one included
	}{
		"all":          {nil, 2},
		"nobody":       {[]string{}, 1},
		"the peer":     {[]string{peerID}, 2},
		"someone else": {[]string{selfID}, 1},
	} {
		cfg := configure(t, Settings{Folders: []Folder{{ID: "n", Name: "n", Path: "/r", Only: test.only}}, Peers: peers})
		if got := len(cfg.Folders[0].Devices); got != test.want || cfg.Folders[0].Devices[0].DeviceID.String() != selfID {
			t.Errorf("%s: it is shared with %d devices", name, got)
		}
	}
}
