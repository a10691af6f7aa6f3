package network

import (
	"errors"
	"fmt"
	"slices"

	"github.com/botsync/botsync/internal/api"
)

// addressesFile is the file in which a device keeps where it is, and which nobody
// else writes: addresses/<device id>.json. It is a hint: it says where to dial,
// not who belongs. Whoever answers there has to prove to be the device.
type addressesFile struct {
	Schema    int      `json:"schema"`
	ID        string   `json:"id"`
	Addresses []string `json:"addresses"`
}

// ParseAddresses reads the addresses in data, which have to be in the file of the
// device with the given ID.
func ParseAddresses(id string, data []byte) ([]string, error) {
	var f addressesFile
	if err := parse(data, &f); err != nil {
		return nil, fmt.Errorf("reading addresses: %w", err)
	}
	if f.ID != id || !ValidID(id) {
		return nil, errors.New("reading addresses: it claims another device's id")
	}
	if err := validAddresses(f.Addresses); err != nil {
		return nil, fmt.Errorf("reading addresses: %w", err)
	}
	return f.Addresses, nil
}

// AddressesFile is the file that says where a device is. At most [MaxAddresses]
// are kept, in sorted order: their order says nothing, and a file that only
// changed its order would travel for nothing.
func AddressesFile(id string, addresses []string) File {
	addresses = slices.Clone(addresses[:min(len(addresses), MaxAddresses)])
	slices.Sort(addresses)
	return File{
		Path: fileOf(addressesDir, id),
		Data: marshal(addressesFile{Schema: api.Schema, ID: id, Addresses: slices.Compact(addresses)}),
	}
}

func validAddresses(addresses []string) error {
	if len(addresses) > MaxAddresses {
		return fmt.Errorf("it has more than %d addresses", MaxAddresses)
	}
	for _, a := range addresses {
		if len(a) > MaxAddressBytes || !printable(a) {
			return errors.New("one of its addresses is too long or not printable")
		}
	}
	return nil
}
