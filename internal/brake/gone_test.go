package brake_test

import (
	"testing"

	"github.com/botsync/botsync/internal/brake"
)

// What was told is not said to be gone if it was moved, and what was moved and is held
// where it disappeared from in the end is not gone as well.
func TestGoneBefore(t *testing.T) {
	t.Parallel()
	f := brake.Folder{Limits: brake.Default()}
	var a brake.Arrivals
	lost := append(files(0, 4), brake.Loss{Name: "empty"})
	if got := count(f.Offer(start, lost, 300, 0)); got != len(lost) {
		t.Fatalf("%d pass", got)
	}
	if got := f.Gone(a.Contents(start)); got != 5 {
		t.Errorf("%d are gone, of five that were deleted", got)
	}
	for _, l := range lost[:2] {
		a.Add(start, "inbox", "elsewhere/"+l.Name, l.Content)
	}
	if got := f.Gone(a.Contents(start)); got != 3 || f.Passed() != 5 {
		t.Errorf("%d of %d are gone, and two were moved", got, f.Passed())
	}
	a.Add(start, "inbox", "a copy", lost[1].Content)
	if got := f.Gone(a.Contents(start)); got != 3 {
		t.Errorf("%d are gone when one was copied as well", got)
	}
	f.Hold()
	f.Offer(start, []brake.Loss{{Name: "elsewhere/f3", Content: lost[3].Content, OnWay: true}}, 300, 0)
	if got := f.Gone(a.Contents(start)); got != 2 {
		t.Errorf("%d are gone, and one is held where it was moved to", got)
	}
}
