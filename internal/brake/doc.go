// Package brake decides whether what vanished from a folder is told to the peers
// or held here until a person has decided. It is pure: it knows neither disk nor
// clock nor Syncthing.
//
// # What counts
//
// A loss is a file or symbolic link that is gone, or a file that had contents and
// is empty now. Directories do not count; they share the fate of what was in them.
// A loss does not count when its contents appeared under another name in the root
// within [Span], one for one: then it was moved, perhaps more than once. Nor does one
// whose file is there again.
//
// # What happens
//
// A few losses pass at once (see [Few]), so that the deletion of a file travels as
// fast as any other change. More of them wait until it has been quiet for [Quiet],
// so that a burst is judged as a whole before a part of it is told. If what waits,
// together with what passed within [Span], is over the [Limits], it is held, and so
// is every further loss in that folder until somebody has decided.
package brake

import "time"

const (
	// Span is for how long losses that passed add up with those that follow: a
	// slow deletion is one as well.
	Span = 10 * time.Minute
	// Few is how many losses within FewSpan pass without waiting for others.
	Few     = 5
	FewSpan = 2 * time.Second
	// Quiet is how long after a loss no other may come until they are judged, and
	// Patience how long it may take until it is quiet.
	Quiet    = 500 * time.Millisecond
	Patience = 10 * time.Second
)

// Limits say how much may vanish from a folder.
type Limits struct {
	Off   bool    // everything may
	Files int     // losses beyond so many are held,
	Share float64 // if they are more than this part of the folder as well, 0 to 1
}

// Default are the limits unless config.toml has others.
func Default() Limits { return Limits{Files: 50, Share: 1.0 / 3} }

// Over reports whether so many lost files of a folder are too many.
func (l Limits) Over(lost, of int) bool {
	return !l.Off && lost > l.Files && float64(lost) > l.Share*float64(of)
}

// Content stands for what is in a file; 0 for nothing that could be recognised.
type Content uint64

// Loss is what is no longer where it was.
type Loss struct {
	Name      string
	Content   Content // what was in it
	Emptied   bool    // it is there, and has no contents any more
	Directory bool
	OnWay     bool // it had appeared within Span, moved there from elsewhere; see [Mark]
	Uncounted bool // it is not among the files that are counted: it was lost while that did not travel
}
