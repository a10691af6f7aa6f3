// Package term is what a person sees in a terminal, and what a program reads
// instead.
//
// # Rules
//
//   - Data goes to standard output, everything for people to standard error.
//     What was asked for is data: a code, a status, a help text.
//   - Colour, frames and spinners appear only on a terminal, and never with
//     NO_COLOR or TERM=dumb. Elsewhere the same words stand on plain lines.
//   - Nothing waits for input unless standard input is a terminal, and every
//     question has a flag. This package reads nothing at all, and never asks the
//     terminal about its colours or its cursor: the answer would arrive on
//     standard input, which may belong to somebody else.
//   - With --json standard output carries JSON alone, one object a line, and
//     standard error at most one object, the error. With --quiet standard error
//     carries warnings and errors only.
//   - A message says what happened, then what to do next.
//   - Names and paths that come from peers pass through [Clean] first: they could
//     carry control sequences.
package term
