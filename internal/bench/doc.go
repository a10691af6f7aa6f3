// Command bench measures botsync and prints one table: what a user waits for,
// what an idle daemon costs, and how fast files travel, each beside a floor
// that was measured in the same run on the same disk.
//
//	go run -tags noassets ./internal/bench            # make bench
//	go run -tags noassets ./internal/bench -quick
//	go run -tags noassets ./internal/bench -only 'idle|pair' -json
//	go run -tags noassets ./internal/bench -only '^file$' -tools 'botsync|unison' -n 5
//
// # Rows
//
// A row is one quantity of one tool: median, percentiles and maximum over several
// repetitions, the processor time of one repetition and the highest memory of
// all processes of the tool. Its limits are held against the figure that they
// name, and some against the same figure of another row of the same run. A ratio
// divides the median by that of another row.
//
// # Works
//
// Rows are made by works, see works.go. What moves files between two directories
// is a [mover]: botsync is one, and the floor, a goroutine that copies what
// inotify reports, is another. Another tool to compare with is one more mover in
// movers.go; one whose program is missing is left out with a message. What waits
// on purpose, such as stock Syncthing, which takes more than ten seconds for a
// file, gets few repetitions.
//
// botsync's daemons are started with --lan-only, and other tools with nothing but
// loopback addresses, on directories in a temporary one. All are gone when
// the program ends. An interrupted run prints what it has.
package main
