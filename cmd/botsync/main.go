// Command botsync shares a folder between machines, peer to peer. See package
// cli for its commands, and docs/cli.md for what scripts can rely on.
package main

import (
	"context"
	"os"

	"github.com/botsync/botsync/internal/cli"
)

func main() { os.Exit(cli.Main(context.Background(), os.Args[1:], deps())) }
