// Package doctor decides what is wrong with a root, from facts that others have
// gathered: [Examine] is a pure function from [Facts] to checks, and
// [Result.Report] one from both to a text that can be sent to somebody.
//
// # What is secret
//
// Whatever a check says it says twice: for the person at the machine, with names,
// paths and addresses, and for a report, without them. So that no secret depends
// on being recognised, a report contains nothing but what is known to be harmless:
// the words of this package, numbers, times, and those parts of paths, addresses
// and errors that are in a list. Everything else is replaced; see text.go.
package doctor
