// Package ignores says what is kept out of a folder, and why.
//
// Three lists make one: the defaults, which every device has (secrets, version
// control, caches and what programs leave behind), the user's own .stignore, which
// stays on this device, and [SharedName], which syncs, so that every device obeys
// it. The lines are Syncthing's ignore patterns; docs/ignores.md tells which.
//
// # Order
//
// The first pattern that matches a path decides. A default holds unless a line
// with ! names it: only then does it come after the lines of the two files. So a
// broad exception, "!/docs", lets no secret through, and a directory that a default
// keeps out is kept out whole. Secrets and version control are [Class.Guarded]: only
// .stignore itself can name them.
//
// # Strangers
//
// The shared file is what a peer wrote: its size, its lines and what a line may
// ask of the matcher are bounded, nothing in it names another file, and with one
// line that cannot be used the whole file is not: the patterns before hold.
//
// The package knows nothing of the engine: [Set.Text] is a list for Syncthing,
// and [Set.Match] decides as Syncthing does with it.
package ignores
