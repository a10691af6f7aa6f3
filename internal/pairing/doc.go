// Package pairing lets two devices that share a five-word code tell each other
// who they are, over any connection and past anyone who sits on it.
//
// It is pure over a net.Conn: how the two come to have one is the business of
// package meeting, and what they do with what they learn is the daemon's. The
// protocol is described byte by byte, with test vectors and a threat model, in
// docs/pairing.md.
//
// # Keys
//
// [DeriveKeys] turns a code into a [Place], where to meet, and a [PSK], what to
// prove there. Only [Place.Label], a hash of the place, ever leaves the machine.
//
// # Channel
//
// [Handshake] makes an encrypted [Channel] of a connection, for either [Side].
// It returns one only if the other end holds the same key and is there now, so
// that several connections can be raced and the first that completes be kept.
//
// # Exchange
//
// [Guest.Run] and [Host.Run] carry out the exchange on a channel and close it:
//
//	guest                         host
//	  Hello  ------------------->   Welcome(hello)
//	  Store(welcome)  <----------   Welcome
//	  Ack    ------------------->   Accept(hello, welcome)
//	         <-------------------   Done
//
// The host accepts a guest only when the guest has said that it stored exactly
// what the host had sent. Either side can answer with a refusal instead, which
// reaches the other as a [*RefusedError].
//
// # Limits
//
// Nothing that a peer sends makes this package allocate more than a small
// multiple of what has arrived, wait longer than [ExchangeTimeout], or hand on
// a value that breaks the limits in limits.go. Every goroutine has ended when a
// function returns.
package pairing
