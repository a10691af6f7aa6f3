// Package conflict knows what two versions of a file have to do with each other:
// the names of conflict copies, and which version a person means who says "mine".
// It is pure: it touches no disk, no network and no clock.
//
// Where two devices changed a file that did not know of each other's change, the
// newer version keeps the name. The other is kept beside it, as a conflict copy:
//
//	report.md
//	report.sync-conflict-20261122-101112-I3FSKGD.md
//
// The form is Syncthing's. What stands in it is botsync's: the time, in UTC, at
// which the version was written, and the short ID of the device that wrote it. So
// two devices that both had the version give it the same name, and it is there
// once. Syncthing puts the time of the conflict and the device of the other version
// there, which is different on each.
package conflict
