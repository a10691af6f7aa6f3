//go:build unix

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/botsync/botsync/internal/botsynctest"
)

// recipe is a script of docs/agents.md.
func recipe(t *testing.T, name string) string {
	t.Helper()
	doc, err := os.ReadFile("../docs/agents.md")
	must(t, err)
	m := regexp.MustCompile("(?s)<!-- recipe: " + name + " -->\n```sh\n(.*?)```").FindSubmatch(doc)
	if m == nil {
		t.Fatalf("docs/agents.md has no recipe %s", name)
	}
	return string(m[1])
}

// typeIn runs a recipe on a node's machine, as written, in its home directory.
func typeIn(t *testing.T, n *botsynctest.Node, name string) *exec.Cmd {
	t.Helper()
	bin := filepath.Join(botsynctest.TempDir(t), "bin")
	must(t, os.Mkdir(bin, 0o755), os.Symlink(botsynctest.Binary(t), filepath.Join(bin, "botsync")))
	home := filepath.Dir(n.Root)
	script := filepath.Join(home, name+".sh")
	must(t, os.WriteFile(script, []byte(recipe(t, name)), 0o755))
	ctx, cancel := context.WithTimeout(context.Background(), botsynctest.Patience)
	cmd := exec.CommandContext(ctx, "sh", script)
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + home}
	cmd.Dir = home
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	t.Cleanup(cancel)
	return cmd
}

func TestRecipeTasks(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	var logs [2]bytes.Buffer
	for i := range logs {
		worker := typeIn(t, agent, "worker")
		worker.Stdout, worker.Stderr = &logs[i], &logs[i]
		must(t, worker.Start())
		t.Cleanup(func() {
			_ = worker.Cancel() // it works for ever
			_ = worker.Wait()
			if t.Failed() {
				t.Logf("worker %d:\n%s", i, &logs[i])
			}
		})
	}
	// Whoever asks again gets the answer to that, not the one from before.
	answer := regexp.MustCompile(`deliverables/(task-.*\.md)\nSUMMARISE THE REPORT\n$`)
	tasks := map[string]bool{}
	for range 2 {
		out, err := typeIn(t, laptop, "asker").CombinedOutput()
		m := answer.FindSubmatch(out)
		if err != nil || m == nil {
			t.Fatalf("%v: %s", err, out)
		}
		tasks[string(m[1])] = true
	}
	for task := range tasks {
		laptop.AwaitFile("inbox/done/"+task, "summarise the report\n")
	}
	left, err := filepath.Glob(laptop.Path("inbox", "*.md"))
	must(t, err)
	results, err := filepath.Glob(laptop.Path("deliverables", "*.md"))
	must(t, err)
	if len(left) != 0 || len(results) != 2 || len(tasks) != 2 {
		t.Errorf("in inbox %q, in deliverables %q; tasks %v", left, results, tasks)
	}
}

func TestRecipeCron(t *testing.T) {
	t.Parallel()
	agent, laptop := pair(t)
	laptop.Write("shared/data.txt", "12345\n")
	agent.Must("stop", "--quiet") // a job starts it
	if out, err := typeIn(t, agent, "cron").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	laptop.AwaitFile("deliverables/nightly/sizes.txt", "6 shared/data.txt\n")
	receipts, err := os.ReadFile(agent.Path(".work", "receipts.jsonl"))
	if err != nil || strings.Count(string(receipts), "\n") != 1 || !strings.Contains(string(receipts), `"name":"laptop"`) {
		t.Errorf("%s, %v", receipts, err)
	}
}
