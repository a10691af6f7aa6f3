package daemon

import (
	"testing"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/network"
	"github.com/botsync/botsync/internal/root"
)

// A device is called as the others were told, whatever its settings say since.
func TestNameOfThisDevice(t *testing.T) {
	t.Parallel()
	const id = "MFZWI3D-BONSGYC-YLTMRWG-C43ENR5-QXGZDMM-FZWI3DP-BONSGYY-LTMRWAD"
	r, _, err := root.Create(t.TempDir(), root.Config{Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	ms, err := openMembers(r, network.Membership{}, id)
	if err != nil {
		t.Fatal(err)
	}
	if got := ms.named("first"); got != "first" {
		t.Errorf("without a network it is %q", got)
	}
	if err := ms.found(api.Device{ID: id, Name: "first"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := ms.reread(); err != nil {
		t.Fatal(err)
	}
	if got := ms.named("second"); got != "first" {
		t.Errorf("in a network it is %q", got)
	}
}
