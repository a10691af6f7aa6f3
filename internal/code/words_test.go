package code

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The list is part of the pairing protocol: with another list, the codes of one
// version could not be typed into another. A change of the library must not
// pass unnoticed.
func TestListIsPinned(t *testing.T) {
	t.Parallel()
	const (
		size   = 7772
		digest = "76e3348ad957cad7d9c5c68873e89410ed998c19f4956367ab52d9aec4eee884"
	)
	list := List()
	if len(list) != size {
		t.Errorf("%d words, want %d", len(list), size)
	}
	sum := sha256.Sum256([]byte(strings.Join(list, "\n")))
	if got := hex.EncodeToString(sum[:]); got != digest {
		t.Errorf("SHA-256 of the words joined by line feeds is %s, want %s", got, digest)
	}
}

func TestListIsUnambiguous(t *testing.T) {
	t.Parallel()
	list := List()
	plain := regexp.MustCompile(`^[a-z]{3,9}$`)
	for _, w := range list {
		if !plain.MatchString(w) {
			t.Errorf("word %q is not three to nine letters from a to z", w)
		}
	}
	if !slices.IsSorted(list) {
		t.Error("the list is not sorted")
	}
	if n := len(slices.Compact(list)); n != len(words().set) || n != len(words().all) {
		t.Errorf("%d different words of %d", n, len(words().all))
	}
}
