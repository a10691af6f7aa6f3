// Package engine runs Syncthing inside this process and is the only package
// that knows it. It takes [Settings] in botsync's own words, and hands out
// folders, peers and events in its own types.
//
// Syncthing keeps package-wide state, so a process can run one engine.
//
// The parts are wired here instead of with Syncthing's own App type: that gives
// access to the connections (how a peer is reached, which listener failed), and
// leaves out what botsync never wants, namely usage and crash reports,
// upgrades, the web interface and its API.
package engine
