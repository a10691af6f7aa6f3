// Package root is the directory that botsync manages: its layout, the settings
// in config.toml, the text for whoever lands there, and the lock that keeps a
// second daemon out.
//
//	~/sync/
//	  BOTSYNC.md                          what this directory is; local, not synced
//	  shared/  deliverables/  inbox/      the synced folders
//	  .botsync/                           everything that botsync knows, 0700
//	    config.toml                       what a person may edit
//	    identity/ engine/ network/ versions/ logs/
//	    daemon.lock  daemon.sock
//
// # When a root exists
//
// A root is initialised once config.toml exists. [Create] writes that file last
// and in one step, so that it can be killed at any point and be run again: what
// it finds half-made it completes.
//
// # Undoing
//
// [Create] says exactly what it made, and [Created.Undo] takes only that back:
// directories that are still empty, an unmodified BOTSYNC.md, and .botsync. A
// user's file is never removed.
//
// The package decides nothing about devices, folders' contents or the engine,
// and knows no other part of botsync.
package root
