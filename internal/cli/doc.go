// Package cli is botsync's commands: one file each, with its flags, its output
// and its exit codes. docs/cli.md is the contract that they keep.
//
// A command asks the daemon and shows the answer; it decides nothing itself.
// What it needs from other parts of botsync is handed to [Main] in [Deps], so
// that this package knows the local API and nothing behind it.
//
// Output follows the rules of package term.
package cli
