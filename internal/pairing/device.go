package pairing

import "time"

// Device is what a device says of itself.
type Device struct {
	// ID is the Syncthing device ID in its written form: eight groups of seven
	// characters with hyphens. Its check characters are not checked here.
	ID string `json:"id"`
	// Name is what a person calls the device, at most MaxName runes.
	Name string `json:"name"`
	// Role is "agent", "human", a role of a later version, or empty.
	Role string `json:"role"`
	// Addresses are where the device listens, as URLs that Syncthing
	// understands, or "dynamic".
	Addresses Addresses `json:"addresses"`
}

// Record is what a network knows about one of its devices.
type Record struct {
	Device
	AddedBy string    `json:"added_by"` // device ID
	AddedAt time.Time `json:"added_at"`
}

// Network identifies a network.
type Network struct {
	ID string `json:"id"`
}

// Folder is a folder that the devices of a network share.
type Folder struct {
	ID   string `json:"id"`   // Syncthing's folder ID
	Name string `json:"name"` // of its directory under the root; safe as such
}

// Servers are Syncthing's discovery servers and relays: URLs, or the words
// "default" for the public ones and, alone, "none".
type Servers struct {
	Discovery ServerList `json:"discovery"`
	Relays    ServerList `json:"relays"`
}

// Lists decode at most as many elements as their limits allow, so that a message
// full of empty elements does not grow to many times its size in memory. A nil
// list is written as an empty one.
type (
	// Addresses holds at most MaxAddresses.
	Addresses []string
	// Records holds at most MaxDevices.
	Records []Record
	// Folders holds at most MaxFolders.
	Folders []Folder
	// ServerList holds at most MaxServers.
	ServerList []string
)

func (l *Addresses) UnmarshalJSON(b []byte) (err error) {
	*l, err = decodeList[string](b, MaxAddresses)
	return err
}

func (l *Records) UnmarshalJSON(b []byte) (err error) {
	*l, err = decodeList[Record](b, MaxDevices)
	return err
}

func (l *Folders) UnmarshalJSON(b []byte) (err error) {
	*l, err = decodeList[Folder](b, MaxFolders)
	return err
}

func (l *ServerList) UnmarshalJSON(b []byte) (err error) {
	*l, err = decodeList[string](b, MaxServers)
	return err
}

func (l Addresses) MarshalJSON() ([]byte, error) { return encodeList(l) }
func (l Records) MarshalJSON() ([]byte, error)   { return encodeList(l) }
func (l Folders) MarshalJSON() ([]byte, error)   { return encodeList(l) }

func (l ServerList) MarshalJSON() ([]byte, error) { return encodeList(l) }
