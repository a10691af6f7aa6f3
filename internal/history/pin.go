package history

// To bring back many versions is to keep as much of what they replace. What is to
// come next must not be removed to make room for that.

// pin is a version that is not to be removed.
type pin struct {
	count int // of those that hold it
	bytes int64
}

// Pin keeps versions from being swept until the function that it returns is called,
// once. They take their room beyond the limits meanwhile.
func (s *Store) Pin(versions []Version) (unpin func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pins == nil {
		s.pins = map[string]pin{}
	}
	files := make([]string, len(versions))
	for i, v := range versions {
		files[i] = v.File
		s.pins[v.File] = pin{s.pins[v.File].count + 1, v.Size}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, file := range files {
			if p := s.pins[file]; p.count > 1 {
				s.pins[file] = pin{p.count - 1, p.bytes}
			} else {
				delete(s.pins, file)
			}
		}
	}
}

// Pinned is how many bytes the versions have that are not to be removed.
func (s *Store) Pinned() (bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pins {
		bytes += p.bytes
	}
	return bytes
}

func (s *Store) isPinned(file string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pins[file].count > 0
}
