package engine

import "github.com/syncthing/syncthing/lib/build"

// version is the release of Syncthing that the pseudo-version in go.mod stands
// for. The module itself does not know it: peers see it and show it.
const version = "v2.1.2"

func init() { build.Version = version }

// Version returns the release of Syncthing that is compiled in.
func Version() string { return version }
