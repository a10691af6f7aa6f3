// Package skills holds what botsync teaches agents: skills as OpenClaw, Claude
// Code, Codex and others read them, a directory each with a SKILL.md.
package skills

import _ "embed" // for SKILL.md

// Name is the name of the skill, and of the directory that it is installed in.
const Name = "botsync"

// Botsync is botsync/SKILL.md.
//
//go:embed botsync/SKILL.md
var Botsync string
