// Package network knows who belongs to a network. Membership is a set of small
// files, one a device and one a removal, written once and never edited, so that
// Syncthing can carry them between devices without conflicts:
//
//	.botsync/network/devices/<device id>.json
//	.botsync/network/removed/<device id>.json
//
// [Plan] turns them into what the engine should be told. It is pure, and the
// daemon applies its result after every change.
package network
