package house

import (
	"os/exec"
	"strings"
	"testing"
)

// goEnv asks the go command for a variable.
func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
