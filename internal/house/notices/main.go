// Command notices prints NOTICE: what is compiled into botsync on any of its
// platforms, and the terms of each.
package main

import (
	"fmt"
	"os"
)

func main() {
	text, err := generate()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(text)
}
