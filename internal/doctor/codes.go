package doctor

// Code is a stable code of checks. docs/doctor.md says what each means.
type Code struct {
	Code  string
	Group string
}

// The groups, in the order in which they are shown: what comes first can be the
// cause of what follows.
var groups = []string{"daemon", "device", "disk", "folders", "network", "devices", "notifications"}

// Codes are all there are.
var Codes = []Code{
	{"daemon", "daemon"},
	{"socket", "daemon"},
	{"lock", "daemon"},
	{"version", "daemon"},

	{"config", "device"},
	{"config_applied", "device"},
	{"identity", "device"},
	{"key_mode", "device"},
	{"state_db", "device"},
	{"clock", "device"},

	{"disk_space", "disk"},
	{"disk_writable", "disk"},
	{"history", "disk"},

	{"member", "devices"},
	{"record", "devices"},
	{"removed_device", "devices"},

	{"folder", "folders"},
	{"files", "folders"},
	{"held", "folders"},
	{"missing", "folders"},
	{"conflicts", "folders"},
	{"local_changes", "folders"},
	{"ignored", "folders"},
	{"watch", "folders"},

	{"port", "network"},
	{"port_mapping", "network"},
	{"lan", "network"},
	{"discovery", "network"},
	{"syncthing_relay", "network"},
	{"pairing_relay", "network"},
	{"invite", "network"},

	{"peer", "devices"},
	{"peer_version", "devices"},
	{"peer_clock", "devices"},

	{"notify", "notifications"},
	{"notify_test", "notifications"},

	{"status", "daemon"},
}
