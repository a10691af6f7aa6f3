package botsynctest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// seedEnv replays a test that draws by itself: the number that it printed. What
// several programs do at the same time still comes in another order.
const seedEnv = "BOTSYNC_TEST_SEED"

// Seed draws the seed of a test, and prints it.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if given := os.Getenv(seedEnv); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s=%d", seedEnv, seed)
	return seed
}

// AtLeast is how often a test does something: least, unless the environment
// variable asks for more.
func AtLeast(t testing.TB, env string, least int) int {
	t.Helper()
	given := os.Getenv(env)
	if given == "" {
		return least
	}
	n, err := strconv.Atoi(given)
	if err != nil {
		t.Fatal(err)
	}
	return max(n, least)
}
