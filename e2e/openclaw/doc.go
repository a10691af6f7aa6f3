// Package openclaw tests notifications against a real OpenClaw gateway, which
// npm brings: about 880 MB, kept in the user's cache directory. That is not part
// of "make e2e"; "make openclaw" runs it.
package openclaw
