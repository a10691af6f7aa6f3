package watch

import "testing"

func TestUsageCountsWatches(t *testing.T) {
	w, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	before, limit, ok := Usage()
	if !ok || limit < 1 {
		t.Fatalf("the limit is %d, %v", limit, ok)
	}
	tree, err := w.Add(t.TempDir(), func(string) bool { return false }, NewQueue(Settle{}))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if after, _, _ := Usage(); after <= before {
		t.Errorf("%d watches before and %d after", before, after)
	}
}
