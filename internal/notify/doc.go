// Package notify tells others what peers did to the files of this device: an
// OpenClaw gateway, webhooks, commands.
//
// # How a notification travels
//
// Each target has a batcher and a courier. The batcher reads events above the
// target's position, gathers those that match, and when the batch is due writes
// it to the outbox; the position moves on in the same transaction, so that a kill
// at any moment neither loses nor doubles an event. The courier sends what is in
// the outbox in order, one at a time, the same bytes with the same key until it
// is accepted, and removes it then. A kill between the answer and the removal
// sends once more what was accepted: at least once, and exactly once where the
// other side honours the key.
//
// # When a batch is due
//
// Some time after the last change, and at the latest some time after the first;
// at once if it tells of a new device. When the hour's limit is used up, or too
// much waits to be sent, the batch stays open and takes on what comes.
//
// # What is refused
//
// A notification that a target will never accept is parked, and the next one is
// sent. A target that accepts none, such as one with a wrong token, is paused until
// it is changed or somebody asks to try again.
package notify
