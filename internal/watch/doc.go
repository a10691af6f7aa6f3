// Package watch notices finished writes in a directory and all below it, and
// says which paths to look at again. It knows nothing of who looks, or why.
//
// # What is reported, and when
//
// A [Change] says "look at this path again", not what happened there: by the
// time that it is read, something else may have. A regular file is reported when
// whoever writes it closes it; everything else at once: files that are moved in
// or linked, symbolic links, directories with all that is in them already, what
// is deleted or moved away, changes of mode and times.
//
// A file that stays open is reported as well, see [Writes]. Until then it is
// unfinished, and [Tree.Unfinished] says so to those who list its directory.
//
// # On Linux
//
// One inotify instance serves all trees of a [Watcher], since a user has only
// 128 of them. It is used directly: fsnotify, the library for this purpose, does
// not offer IN_CLOSE_WRITE, which is the point of this package. Everything
// follows three rules:
//
//   - A directory is watched first and read then. What appears in between is
//     found twice, and nothing not at all.
//   - A directory is known by its watch descriptor, which the kernel keeps to the
//     inode. Wherever a directory appears it is watched again by the path that it
//     has now, and takes that path in the books. An event that came too late for
//     the path of its time can mislead only until the next.
//   - What cannot be known is looked at: a queue that overflowed means a new
//     reading of all directories, and a report of the whole tree.
//
// A file with several names (hard links) changes under all of them, and inotify
// tells of one: the others are looked for, a moment later.
//
// What inotify does not tell: writes through a memory mapping, before it is
// gone; changes that another machine makes on a network file system.
package watch
