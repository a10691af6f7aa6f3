package pairing

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Check reports the first value of the device that the other side would not
// take. Device names that a person chooses are checked by [CheckName] first.
func (d Device) Check() error {
	if err := checkDeviceID(d.ID); err != nil {
		return fmt.Errorf("device ID: %w", err)
	}
	if err := CheckName(d.Name); err != nil {
		return fmt.Errorf("name of device %s: %w", d.ID[:7], err)
	}
	if d.Role != "" && !role.MatchString(d.Role) {
		return fmt.Errorf("role of device %s: not a word of at most %d letters", d.ID[:7], MaxRole)
	}
	if err := d.Addresses.check(); err != nil {
		return fmt.Errorf("device %s: %w", d.ID[:7], err)
	}
	return nil
}

func (l Addresses) check() error {
	if len(l) > MaxAddresses {
		return fmt.Errorf("%d addresses, at most %d", len(l), MaxAddresses)
	}
	for _, a := range l {
		if err := CheckAddress(a); err != nil {
			return fmt.Errorf("address: %w", err)
		}
	}
	return nil
}

func (r Record) check() error {
	if err := r.Device.Check(); err != nil {
		return err
	}
	if err := checkDeviceID(r.AddedBy); err != nil {
		return fmt.Errorf("device %s added by: %w", r.ID[:7], err)
	}
	if r.AddedAt.IsZero() {
		return fmt.Errorf("device %s: no time of adding", r.ID[:7])
	}
	return nil
}

func (h Hello) check() error { return h.Device.Check() }

// check reports why w cannot be the answer to hello.
func (w Welcome) check(hello Hello) error {
	if err := checkToken(w.Network.ID); err != nil {
		return fmt.Errorf("network ID: %w", err)
	}
	if err := checkFolders(w.Folders); err != nil {
		return err
	}
	if len(w.Devices) > MaxDevices {
		return fmt.Errorf("%d devices, at most %d", len(w.Devices), MaxDevices)
	}
	ids := make(map[string]bool)
	for _, r := range w.Devices {
		if err := r.check(); err != nil {
			return err
		}
		if ids[r.ID] {
			return fmt.Errorf("two records of device %s", r.ID[:7])
		}
		ids[r.ID] = true
	}
	if !ids[w.Host] {
		return errors.New("no record of the host")
	}
	if err := w.Addresses.check(); err != nil {
		return fmt.Errorf("the host: %w", err)
	}
	if err := w.Guest.check(); err != nil {
		return fmt.Errorf("record of the guest: %w", err)
	}
	if w.Guest.ID != hello.Device.ID {
		return errors.New("the record of the guest is another device's")
	}
	if w.Host == w.Guest.ID {
		return errors.New("the host and the guest have the same device ID")
	}
	return w.Servers.check()
}

func (s *Servers) check() error {
	if s == nil {
		return nil
	}
	for _, list := range []ServerList{s.Discovery, s.Relays} {
		if len(list) > MaxServers {
			return fmt.Errorf("%d servers, at most %d", len(list), MaxServers)
		}
		for _, server := range list {
			if server == "default" || server == "none" && len(list) == 1 {
				continue
			}
			if err := checkServer(server); err != nil {
				return fmt.Errorf("server: %w", err)
			}
		}
	}
	return nil
}

// checkServer reports why s cannot be the URL of a server.
func checkServer(s string) error {
	if err := CheckAddress(s); err != nil {
		return err
	}
	switch name, _, _ := strings.Cut(s, "://"); name {
	case "http", "https", "relay", "dynamic+http", "dynamic+https":
		return nil
	}
	return errors.New("not the URL of a discovery server or relay")
}

// checkFolders also refuses names that differ only in case, which are one
// directory on many file systems.
func checkFolders(folders Folders) error {
	if len(folders) > MaxFolders {
		return fmt.Errorf("%d folders, at most %d", len(folders), MaxFolders)
	}
	ids, names := make(map[string]bool), make(map[string]bool)
	for _, f := range folders {
		if err := checkToken(f.ID); err != nil {
			return fmt.Errorf("folder ID: %w", err)
		}
		if err := checkFolderName(f.Name); err != nil {
			return fmt.Errorf("name of folder %s: %w", f.ID, err)
		}
		name := strings.ToLower(f.Name)
		if ids[f.ID] || names[name] {
			return fmt.Errorf("two folders like %s", f.ID)
		}
		ids[f.ID], names[name] = true, true
	}
	return nil
}

// The shapes of IDs. Syncthing writes a device ID as eight groups of seven
// characters of RFC 4648 base 32, four of the 56 being check characters.
var (
	deviceID = regexp.MustCompile(`^[A-Z2-7]{7}(-[A-Z2-7]{7}){7}$`)
	token    = regexp.MustCompile(fmt.Sprintf(`^[A-Za-z0-9][A-Za-z0-9._-]{0,%d}$`, MaxToken-1))
	role     = regexp.MustCompile(fmt.Sprintf(`^[a-z][a-z0-9_-]{0,%d}$`, MaxRole-1))
	scheme   = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)
)

func checkDeviceID(id string) error {
	if !deviceID.MatchString(id) {
		return errors.New("not eight groups of seven characters")
	}
	return nil
}

func checkToken(s string) error {
	if !token.MatchString(s) {
		return fmt.Errorf("not 1 to %d letters, digits, dots, hyphens and underscores", MaxToken)
	}
	return nil
}

// CheckName reports why s cannot be the name of a device: it must be 1 to
// [MaxName] runes, all printable in the sense of [unicode.IsPrint], which leaves
// out control, direction and other invisible characters, and must not begin or
// end with a space.
func CheckName(s string) error {
	switch {
	case s == "":
		return errors.New("empty")
	case !utf8.ValidString(s):
		return errors.New("not UTF-8")
	case utf8.RuneCountInString(s) > MaxName:
		return fmt.Errorf("longer than %d characters", MaxName)
	case strings.TrimSpace(s) != s:
		return errors.New("begins or ends with a space")
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("the character %U cannot be shown", r)
		}
	}
	return nil
}

// windowsNames are devices on Windows, whatever extension follows them.
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
var windowsNames = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])\s*(\.|$)`)

// checkFolderName reports why s cannot be a directory directly under a root on
// every system: besides what CheckName asks, it is one path element, not hidden
// (which also keeps it out of .botsync), and creatable on Windows.
func checkFolderName(s string) error {
	if err := CheckName(s); err != nil {
		return err
	}
	switch {
	case strings.ContainsAny(s, `/\<>:"|?*`):
		return errors.New(`contains one of / \ < > : " | ? *`)
	case strings.HasPrefix(s, "."):
		return errors.New("begins with a dot")
	case strings.HasSuffix(s, "."):
		return errors.New("ends with a dot")
	case windowsNames.MatchString(s):
		return errors.New("is reserved on Windows")
	}
	return nil
}

// CheckAddress reports why s cannot be an address of a device: "dynamic" or a URL
// with a scheme and a host, in at most [MaxAddress] printable ASCII characters.
// Which schemes there are is for the engine to know.
func CheckAddress(s string) error {
	if s == "dynamic" {
		return nil
	}
	if len(s) > MaxAddress {
		return fmt.Errorf("longer than %d bytes", MaxAddress)
	}
	for _, b := range []byte(s) {
		if b <= ' ' || b > '~' {
			return fmt.Errorf("%#02x is not a character of a URL", b)
		}
	}
	u, err := url.Parse(s)
	if err != nil || !scheme.MatchString(u.Scheme) || u.Host == "" || u.User != nil {
		return errors.New("not a URL with a scheme and a host")
	}
	return nil
}
