package api

import "time"

// The types of the lines about devices.
const (
	TypeDevices = "devices"
	TypeRenamed = "renamed"
	TypeRemoved = "removed"
	TypeAdded   = "added"
	TypeLeft    = "left"
)

// Devices is the answer of "botsync devices --json" and of GET /v1/devices: this
// device first, then the others in the order in which they were added.
type Devices struct {
	Schema  int             `json:"schema"`
	Type    string          `json:"type"`
	Network *Network        `json:"network"` // null before init or join
	Devices []Member        `json:"devices"`
	Removed []RemovedDevice `json:"removed"` // the latest first
}

// Member is a device of the network.
type Member struct {
	Peer
	Self    bool      `json:"self"`
	AddedBy *Device   `json:"added_by"` // the device that let it in; itself if it founded the network
	AddedAt time.Time `json:"added_at"` // by the clock of that device
}

// RemovedDevice is a device that belonged to the network, and never will again.
type RemovedDevice struct {
	Device
	RemovedBy *Device   `json:"removed_by"` // itself if it left
	RemovedAt time.Time `json:"removed_at"` // by the clock of that device
}

// RenameRequest gives a device another name: POST /v1/devices/rename, answered by
// a RenamedLine. Device is a name, an ID or the beginning of one.
type RenameRequest struct {
	Device string `json:"device"`
	Name   string `json:"name"`
}

// RenamedLine says that a device has another name now.
type RenamedLine struct {
	Schema int    `json:"schema"`
	Type   string `json:"type"` // renamed
	Device Device `json:"device"`
	Was    string `json:"was"`
}

// RemoveRequest removes a device from the network for good: POST
// /v1/devices/remove, answered by a RemovedLine.
type RemoveRequest struct {
	Device string `json:"device"`
}

// RemovedLine says that a device was removed.
type RemovedLine struct {
	Schema  int      `json:"schema"`
	Type    string   `json:"type"` // removed
	Device  Device   `json:"device"`
	LetIn   []Device `json:"let_in"`  // devices that it had let in, which are still there
	Offline []Device `json:"offline"` // devices that are not connected, and hear of it later
	Stock   []Device `json:"stock"`   // those without botsync, which stay connected to it until it is removed there by hand
}

// AddRequest adds a Syncthing without botsync: POST /v1/devices/add, answered by
// an AddedLine.
type AddRequest struct {
	ID        string   `json:"id"` // its Syncthing device ID
	Name      string   `json:"name"`
	Addresses []string `json:"addresses,omitempty"` // such as tcp://192.0.2.7:22000; found by discovery if there are none
}

// AddedLine says that it was added, and what the person has to do there.
type AddedLine struct {
	Schema  int            `json:"schema"`
	Type    string         `json:"type"` // added
	Device  Device         `json:"device"`
	Devices []Device       `json:"devices"` // to be added there: this one first, then the others that run botsync
	Folders []SharedFolder `json:"folders"` // to be accepted there
}

// SharedFolder is a folder as another Syncthing has to call it.
type SharedFolder struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// LeaveRequest takes this device out of its network: POST /v1/leave, answered by
// a LeftLine. The daemon then goes on with another identity.
type LeaveRequest struct {
	Timeout time.Duration `json:"timeout,omitempty"` // for telling the others, nanoseconds; 0 means DefaultLeave
}

// DefaultLeave is how long a device that leaves waits for others to take note.
const DefaultLeave = 5 * time.Second

// LeftLine says that this device has left.
type LeftLine struct {
	Schema  int      `json:"schema"`
	Type    string   `json:"type"`   // left
	Device  Device   `json:"device"` // this device, as it was
	Network Network  `json:"network"`
	Told    []Device `json:"told"`   // devices that have taken note
	Untold  []Device `json:"untold"` // all others
}
