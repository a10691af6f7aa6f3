//go:build !noassets

package engine

// Syncthing's web interface is generated code that its module does not carry;
// it is left out with a build tag. Makefile, CI and release set it. This line
// makes a build without it fail with a message that says so.
var _ = botsync_must_be_built_with_tags_noassets_use_make_or_see_CONTRIBUTING_md
