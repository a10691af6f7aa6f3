package ignores

// Class is the kind of thing that a pattern keeps out.
type Class string

// The classes of the defaults, and that of a line in a file.
const (
	VCS          Class = "version_control"
	Secret       Class = "secret"
	Dependencies Class = "dependencies"
	VirtualEnv   Class = "virtual_environment"
	Cache        Class = "cache"
	Editor       Class = "editor"
	System       Class = "system"
	Partial      Class = "partial"
	Own          Class = "pattern"
)

var words = map[Class]string{
	VCS:          "version control: its files break when two devices write them, and can make a command run",
	Secret:       "secret: it stays on the device where it is",
	Dependencies: "packages, which every device installs for itself",
	VirtualEnv:   "virtual environment, which holds for one device",
	Cache:        "cache, which is made again",
	Editor:       "left by a program while a file is open",
	System:       "left by the system",
	Partial:      "download that is not complete",
	Own:          "a pattern of this folder",
}

// Words is the class for a person.
func (c Class) Words() string { return words[c] }

// Precious reports whether what is of this class is never deleted here because a
// peer deleted the directory that it is in.
func (c Class) Precious() bool { return c == VCS || c == Secret }

// Guarded reports whether what is of this class is synced only if the device's own
// file says so: a repository that a peer can write to runs what the peer likes at
// the next command in it, and a secret that was sent is none.
func (c Class) Guarded() bool { return c == VCS || c == Secret }
