//go:build !noassets

package engine

// Syncthing's web interface is generated code that its module does not carry;
// it is left out with a build tag. Makefile, CI and release set it. Without it
// the import below has no files, and the go command says so at once, instead of
// compiling for minutes until Syncthing's own files fail.
import _ "github.com/botsync/botsync/internal/engine/build_with_make_or_with_tags_noassets"
