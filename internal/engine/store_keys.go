package engine

import (
	"iter"
	"strings"
)

// keysDepth is how many bytes of the key after which others are read are gone by.
const keysDepth = 256

// keys returns keys of Syncthing's database that begin with a prefix, in their order:
// those above after, at most limit.
func (l *layer[S, O, M, B, P]) keys(prefix, after string, limit int) ([]string, error) {
	var out []string
	for part := range prefixesAbove(prefix, after) {
		pairs, failed := l.store.PrefixKV(part)
		for p := range pairs {
			key := struct {
				Key   string
				Value []byte
			}(p).Key
			if key <= after {
				continue
			}
			if len(out) == limit {
				return out, nil
			}
			out = append(out, key)
		}
		if err := failed(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// prefixesAbove returns prefixes that all strings with a prefix have which are above
// another, in their order. The database can read from no other place than the beginning
// of a prefix: with the one of all keys each part of them would have all those before it
// read again. Up to keysDepth bytes only those that begin with after itself are.
func prefixesAbove(prefix, after string) iter.Seq[string] {
	const highest = 0xf4 // byte in a string of UTF-8
	return func(yield func(string) bool) {
		if !strings.HasPrefix(after, prefix) {
			yield(prefix)
			return
		}
		after = after[:min(len(after), len(prefix)+keysDepth)]
		if !yield(after) {
			return
		}
		for i := len(after) - 1; i >= len(prefix); i-- {
			for b := int(after[i]) + 1; b <= highest; b++ {
				if !yield(after[:i] + string([]byte{byte(b)})) {
					return
				}
			}
		}
	}
}
