// Package machines tests botsync on machines of its own: network namespaces,
// joined by cables, switches and routers that the tests make, unplug and listen
// on, with relays, guests and neighbours that are hostile. Its tests need Linux,
// root and iproute2; nothing leaves the namespaces.
package machines
