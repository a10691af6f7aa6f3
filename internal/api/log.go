package api

import "time"

// LogRequest asks what happened: GET /v1/log, answered by lines of Events, the
// latest last. Its zero value means the latest DefaultLog changes of files.
type LogRequest struct {
	Since time.Time // not before
	After int64     // ID of an event: those after it
	By    string    // a device: name, ID or beginning of an ID; also one that was removed
	Path  string    // relative to the root, with slashes: this file, or all below this directory
	Limit int       // the latest so many; 0 means DefaultLog, or all that there are after Since or After; below 0 all
	All   bool      // events of every type, instead of those of files
}

// DefaultLog is how many events log shows unless told otherwise.
const DefaultLog = 100
