// Command bench measures botsync and prints one table: what a user waits for,
// what an idle daemon costs, and how fast files travel, each beside a floor
// that was measured in the same run on the same disk.
//
//	go run -tags noassets ./internal/bench            # make bench
//	go run -tags noassets ./internal/bench -quick
//	go run -tags noassets ./internal/bench -only 'idle|join' -json
//
// # Rows
//
// A row is one quantity of one tool: its median, 95th percentile and maximum
// over several repetitions. A limit is held against the median, since a busy
// machine spoils single repetitions; for memory and CPU it is held against the
// maximum. A ratio divides the median by that of another row of the same run.
//
// # Works
//
// Rows are made by works, see works.go. What moves files between two directories
// is a [mover]: botsync is one, and the floor, a goroutine that copies what
// inotify reports, is another. Another tool to compare with is one more mover in
// movers.go.
//
// All daemons are started with --lan-only on roots in a temporary directory,
// and are gone when the program ends.
package main
