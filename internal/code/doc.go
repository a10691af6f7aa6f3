// Package code makes and reads the five words that stand for an invite.
//
// A [Code] is five words drawn with replacement from [List], which is the
// large word list of the Electronic Frontier Foundation without the four
// words that contain a hyphen: 7,772 words, so 5 × log2(7772) = 64.6 bits.
//
// # Writing and reading
//
// [Code.String] writes a code one way, in lower case with hyphens:
//
//	abacus-abdomen-ability-ablaze-zoom
//
// [Parse] is generous, because a code travels through chats, mail and
// telephone calls: letters of either case, and between the words any mixture
// of spaces, line ends, dashes of every kind and common punctuation. It is
// strict about the words: each is on the list, or a [*WordError] names it with
// the nearest words that are.
//
// # Keeping it secret
//
// Whoever knows a code can take the place of a guest for as long as the
// invite is open. A Code therefore prints as "[code]" through fmt and log/slog;
// only [Code.String] and [Code.Words] reveal it.
//
// The word list and the way of joining the words are part of the pairing
// protocol (docs/pairing.md): changing either changes every key.
package code
