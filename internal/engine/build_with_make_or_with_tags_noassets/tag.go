//go:build noassets

// Package tag is empty. The name of its directory is what the
// go command says when botsync is built without the tag that it needs.
package tag
