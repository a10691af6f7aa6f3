package api

// The outcomes of a check.
const (
	CheckOK      = "ok"
	CheckWarn    = "warn"    // it works, but not as well as it could, or not everything does
	CheckFail    = "fail"    // something does not work until it is mended
	CheckSkipped = "skipped" // it could not be made, or there is nothing to check; the message says why
)

// TypeDoctor is the type of [Doctor].
const TypeDoctor = "doctor"

// DoctorRequest asks why it is not syncing: POST /v1/doctor, answered by a Doctor.
type DoctorRequest struct {
	Version string `json:"version,omitempty"` // of the command that asks
	Notify  bool   `json:"notify,omitempty"`  // send each target of notifications a test
	Report  bool   `json:"report,omitempty"`  // make ReportText
	// Daemon is the version of a daemon that answers and is too old to be asked this.
	Daemon string `json:"-"`
}

// Doctor is the answer of "doctor --json".
type Doctor struct {
	Schema  int           `json:"schema"`
	Type    string        `json:"type"`  // doctor
	State   string        `json:"state"` // running or stopped
	Version string        `json:"version"`
	Engine  string        `json:"engine"`
	Root    string        `json:"root"`
	Summary DoctorSummary `json:"summary"`
	Checks  []DoctorCheck `json:"checks"`

	// Report is the file that --report wrote.
	Report string `json:"report,omitempty"`
	// ReportText is what it holds. It travels over the local API, and is not printed.
	ReportText string `json:"report_text,omitempty"`
}

// DoctorSummary counts checks by their outcome.
type DoctorSummary struct {
	OK      int `json:"ok"`
	Warn    int `json:"warn"`
	Fail    int `json:"fail"`
	Skipped int `json:"skipped"`
}

// DoctorCheck is one check. Its code is stable; there can be several of one code,
// told apart by their subject. docs/doctor.md has all codes.
type DoctorCheck struct {
	Code    string `json:"code"`
	Group   string `json:"group"`
	Subject string `json:"subject,omitempty"` // a folder, device, target or relay
	Status  string `json:"status"`            // ok, warn, fail or skipped
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"` // the command or the step that mends it

	Failed []FailedFile `json:"failed,omitempty"` // of the code files: the first that cannot be synced
}
