package api

import "time"

// The types of the lines that send answers with.
const (
	TypeSent     = "sent"     // a SentLine: the end
	TypeReceived = "received" // a SendLine: a peer has a file
)

// SendRequest puts copies of files into a folder: POST /v1/send, answered by
// SendLines, then a SentLine or an ErrorReply. What was put in place before an
// error stays there.
type SendRequest struct {
	Sources []SendSource  `json:"sources"`
	To      string        `json:"to,omitempty"`      // a folder, or a directory below one, with slashes; empty means that of the role, see [Role.Target]
	Peers   []string      `json:"peers,omitempty"`   // whom to wait for, as in SyncedRequest
	Wait    bool          `json:"wait,omitempty"`    // until the peers have the files
	Timeout time.Duration `json:"timeout,omitempty"` // of the waiting, nanoseconds; 0 means DefaultWait
}

// SendSource is a file or directory to send.
type SendSource struct {
	Path string `json:"path"`           // absolute, as the system writes it
	Name string `json:"name,omitempty"` // to have it under; empty means its own
	// Within is a directory above Path, both without links: whatever becomes of
	// Path meanwhile, nothing outside of that directory is sent.
	Within string `json:"within,omitempty"`
}

// SendLine says that one file is in place, or that a peer has it.
type SendLine struct {
	Schema int       `json:"schema"`
	Type   string    `json:"type"`             // file or received
	Path   string    `json:"path"`             // relative to the root, with slashes
	Size   int64     `json:"size"`             //
	SHA256 string    `json:"sha256,omitempty"` // of the contents, in hex; none of a symbolic link
	Device *Device   `json:"device,omitempty"` // of received: who has it
	Time   time.Time `json:"time"`             // when
}

// SentLine is the end of a send: what was put in place, and who has it. It comes
// with the error as well if one ended it early.
type SentLine struct {
	Schema int        `json:"schema"`
	Type   string     `json:"type"`  // sent
	Files  []SentFile `json:"files"` // in the order in which they were put in place
	Bytes  int64      `json:"bytes"` // of all of them
}

// SentFile is one file that was sent, and its receipts.
type SentFile struct {
	Path     string    `json:"path"` // relative to the root, with slashes
	Size     int64     `json:"size"`
	SHA256   string    `json:"sha256,omitempty"` // of the contents, in hex
	Receipts []Receipt `json:"receipts"`         // empty without Wait
}

// Receipt says that a device has a file, in exactly the version that was sent.
type Receipt struct {
	Device Device    `json:"device"`
	Time   time.Time `json:"time"` // when it had said so
}
