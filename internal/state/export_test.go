package state

// Hasty makes writing fast and unsafe, to fill a database for a benchmark.
func (s *DB) Hasty() error {
	_, err := s.db.Exec("PRAGMA synchronous = OFF")
	return err
}
