//go:build unix

package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/botsync/botsync/internal/botsynctest"
)

// TestScripts runs testdata/script/*.txtar. testdata/script/README.md lists the
// commands that they can use beside those of testscript itself.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		Setup:              setup,
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"on":              cmdOn,
			"botsync":         cmdBotsync,
			"exits":           cmdExits,
			"within":          cmdWithin,
			"code":            cmdCode,
			"background":      cmdBackground,
			"await-output":    cmdAwaitOutput,
			"signal":          cmdSignal,
			"finish":          cmdFinish,
			"json":            cmdJSON,
			"await-status":    cmdAwaitStatus,
			"await-file":      cmdAwaitFile,
			"await-gone":      cmdAwaitGone,
			"await-same-tree": cmdAwaitSameTree,
			"remember":        cmdRemember,
			"unchanged":       cmdUnchanged,
			"kill9":           cmdKill9,
			"terminate":       cmdTerminate,
			"hangup":          cmdHangup,
			"no-daemon":       cmdNoDaemon,
			"secret-from-ps":  cmdSecretFromPS,
			"expire-in":       cmdExpireIn,
			"serve":           cmdServe,
			"tmpfs":           cmdTmpfs,
			"as-nobody":       cmdAsNobody,
			"no-escapes":      cmdNoEscapes,
			"upper":           cmdUpper,
			"spaced":          cmdSpaced,
			"words":           cmdWords,
			"holds":           cmdHolds,
			"empty":           cmdEmpty,
			"both-kept":       cmdBothKept,
			"rm-glob":         cmdRmGlob,
			"damage-index":    cmdDamageIndex,
			"same-value":      cmdSameValue,
			"fill":            cmdFill,
			"random":          cmdRandom,
			"check":           cmdCheck,
			"await-check":     cmdAwaitCheck,
			"mend":            cmdMend,
			"read-only":       cmdReadOnly,
			"writable":        cmdWritable,
			"relent":          cmdRelent,
			"suspend":         cmdSuspend,
			"continue":        cmdContinue,
			"take-port":       cmdTakePort,
			"serve-refusals":  cmdServeRefusals,
			"betrays-nothing": cmdBetraysNothing,
		},
	})
}

// world is what the commands of one script share.
type world struct {
	tb     testing.TB
	work   string
	actor  string // whose commands run now
	nobody bool   // run as a user without rights
	last   *run   // the botsync command that ended last
	runs   map[string]*run
	trees  map[string][]string

	relented atomic.Bool // the server of serve-refusals has
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func setup(env *testscript.Env) error {
	w := &world{tb: env.T().(testing.TB), work: env.WorkDir, runs: map[string]*run{}, trees: map[string][]string{}}
	env.Values[worldKey{}] = w
	env.Defer(w.end)
	// A script may act as a user who owns nothing here.
	return os.Chmod(filepath.Dir(env.WorkDir), 0o755)
}

// node is the botsync of the actor at the given root.
func (w *world) node(root string) *botsynctest.Node {
	return &botsynctest.Node{TB: w.tb, Name: filepath.Base(filepath.Dir(root)), Root: root}
}

// end stops everything that the script started, each process by its number. It
// can be called twice.
func (w *world) end() {
	for _, r := range w.runs {
		r.kill()
	}
	for _, root := range w.roots() {
		w.node(root).End()
	}
}

// roots are the directories below $WORK in which a daemon ever ran.
func (w *world) roots() []string {
	var roots []string
	_ = filepath.WalkDir(w.work, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "daemon.lock" {
			roots = append(roots, filepath.Dir(filepath.Dir(path)))
		}
		return nil // what cannot be read holds no root of ours
	})
	return roots
}
