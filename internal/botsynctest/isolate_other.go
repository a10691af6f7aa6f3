//go:build !linux

package botsynctest

import "testing"

// MainAlone is [Main]: only Linux has network namespaces.
func MainAlone(m *testing.M) { Main(m) }
