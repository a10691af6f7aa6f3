// Package mcp is the server of the Model Context Protocol, through which agents
// use botsync as tools: "botsync mcp", on standard input and output.
//
// It asks the daemon, like every command, and decides nothing itself. What it
// adds is what a model needs: descriptions, schemas, limits, and names that
// cannot do harm where they are shown.
//
// # Limits
//
// No tool reaches outside of the root. list_files opens the synced folders with
// [os.Root], so that neither ".." nor a symbolic link that a peer made leads out
// of them, nor into .botsync. send_files reads files below the root, and others
// only in directories that config.toml names. Tools hand over paths, never the
// bytes of files, and every answer is bounded.
//
// # When there is no daemon
//
// The server starts without a daemon and without a root. A tool that needs them
// then answers with an error that says what to do, and works as soon as they are
// there: each call reaches the daemon anew, which takes less than a millisecond.
//
// # Waiting
//
// A tool that waits ends with what it has when its time is up, which is an
// answer and no error: clients give up on a call after a minute or so, and a call
// with the cursor of the one before misses nothing. Meanwhile it reports
// progress, if the client asked for it. It ends early when the client cancels it
// or goes away, and the daemon stops waiting with it.
//
// docs/mcp.md is the contract.
package mcp
