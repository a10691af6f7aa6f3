// Package merge makes one of two versions of a file to which both sides have only
// added lines, such as a log or a list of JSON objects.
//
// # What comes out
//
// What both had before, byte for byte; then all lines that either side added:
//
//   - A line that both added is there once. One that a side added twice is there
//     twice: the larger of the two numbers counts.
//   - The lines of each side keep their order, as far as the sides do not contradict
//     each other in it.
//   - Lines that one side alone has stand where they stood between those that both
//     have. Where both sides have some at one place, those come first whose side is
//     the smaller one, its added lines compared as bytes. In a log whose lines begin
//     with the time that is whoever began to write first.
//   - If one side has all the lines of the other, it is the result.
//
// So the result depends on nothing but the three versions: neither on who merges,
// nor on which of them is called first; merging it with one of them again changes
// nothing.
//
// A line ends with "\n". The last one may lack it, and gets it if another follows;
// with and without it is one line. A "\r" belongs to the line.
//
// # What it costs
//
// What both had is copied, whatever its size. Of each line that was added 32 bytes
// are kept in memory, of at most [MaxLines] on each side.
package merge
