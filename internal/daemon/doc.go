// Package daemon is the running node of one root. It opens the root, wires the
// parts together and owns all state; every command is a request to it.
//
// # Who does what
//
//	daemon.go     start, stop, and what ends a daemon
//	open.go       identity, state and engine of a root, and what is damaged there
//	members.go    who belongs to the network, and what the engine is told of it
//	invites.go    open invites and their meetings: the host of a pairing
//	guest.go      the exchange with one guest
//	join.go       the guest of a pairing
//	events.go     what happened, for those who want to know
//	observe.go    what the engine reports
//	status.go     how everything is
//	wait*.go      those who wait: for peers, for files
//	send*.go      files that are put into folders, and their receipts
//	log.go        what happened, for those who ask later
//
// Data flows one way: a pairing changes the device records, the records give
// the plan, the plan is applied to the engine, the engine reports events.
package daemon
