// Package history keeps old versions of files, finds them and gives them back.
//
// # What a version is
//
// A version is a plain file, or a symbolic link, with all that the file held when
// something took its place. Any program can read it. Whatever else is known of it
// is in its name (see Name), so that there is nothing that could disagree with
// the files: a version is there with its name or it is not.
//
//	.botsync/versions/shared/docs/report.md~20261122T150405.123456Z~MTJ5VA7~r
//
// Of a file that goes away a version is a link to it, which costs nothing and is
// made in one step. Where there are no links, and of what lives on under another
// name, it is a copy that gets its name when it is complete.
//
// # What stays
//
// Versions are kept for so many days, and as long as all of them together are
// below a size. They are thinned as they get older; see Thin. If there is no room,
// the oldest go first.
//
// The package knows no clock: whoever calls it says what time it is.
package history
