package watch

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		limit int
		add   []Change
		want  []Change
	}{
		{"nothing", 3, nil, nil},
		{"twice the same", 3, []Change{{"a", false}, {"a", false}}, []Change{{"a", false}}},
		{"deep stays deep", 3, []Change{{"a", true}, {"a", false}}, []Change{{"a", true}}},
		{"below a deep one", 3, []Change{{"a/b", false}, {"a", true}, {"a/c/d", true}}, []Change{{"a", true}}},
		{"not below", 3, []Change{{"ab", false}, {"a", true}}, []Change{{"a", true}, {"ab", false}}},
		{"below one that is not deep", 3, []Change{{"a", false}, {"a/b", false}}, []Change{{"a", false}, {"a/b", false}}},
		{"all", 3, []Change{{"a", false}, {Root, true}, {"b", false}}, []Change{{Root, true}}},
		{"too many in one directory", 3, []Change{{"d/1", false}, {"d/2", false}, {"d/3", false}, {"d/4", false}}, []Change{{"d", true}}},
		{"the deepest give way", 4, []Change{{"d/1", false}, {"a", false}, {"d/2", false}, {"d/e/f", false}, {"d/e/g", false}}, []Change{{"a", false}, {"d", true}}},
		{"too many everywhere", 3, []Change{{"a", false}, {"b", false}, {"c", false}, {"d", false}}, []Change{{Root, true}}},
		{"no limit", 0, []Change{{"a", false}, {"b", false}}, []Change{{"a", false}, {"b", false}}},
	} {
		s := NewSet(tt.limit)
		s.Add(tt.add...)
		if diff := cmp.Diff(tt.want, s.Take()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, diff)
		}
		if s.Len() != 0 {
			t.Errorf("%s: %d are left", tt.name, s.Len())
		}
	}
}

// Whatever is added is in it, by itself or by a directory above it.
func TestSetLosesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 10).Draw(t, "limit")
		s := NewSet(limit)
		changes := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Change {
			p := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 4).Draw(t, "path"), "/")
			return Change{p, rapid.Bool().Draw(t, "deep")}
		})).Draw(t, "changes")
		s.Add(changes...)
		got := s.Take()
		if len(got) > limit {
			t.Fatalf("%d of at most %d: %v", len(got), limit, got)
		}
		for _, c := range changes {
			found := false
			for _, g := range got {
				found = found || g.Path == c.Path && (g.Deep || !c.Deep) ||
					g.Deep && (g.Path == Root || strings.HasPrefix(c.Path, g.Path+"/"))
			}
			if !found {
				t.Fatalf("%v is not in %v", c, got)
			}
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	q := NewQueue(Settle{Quiet: settle, More: settleMore, Max: settleMax})
	for i := range 3 * queueLimit {
		q.Add(Change{Path: fmt.Sprintf("%d/%d", i%7, i)})
	}
	if got := q.Take(); len(got) > queueLimit {
		t.Errorf("%d changes wait", len(got))
	}
}
