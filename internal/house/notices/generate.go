package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const syncthing = "github.com/syncthing/syncthing"

const intro = `botsync is copyright (c) 2026 The botsync authors, under the MIT licence: see
LICENSE. This file names everything else that is compiled into it, and the terms
of each. It is generated: run "make notices" when go.mod has changed.

Syncthing %s moves the files. It is part of botsync, unmodified, under the
Mozilla Public License 2.0. Its source is at
https://github.com/syncthing/syncthing, tag %s, and is the Go module
%s %s.
What else is under that licence is marked so below; its source is the Go module
of that name and version, unmodified too.

The words of codes are from the EFF's large word list, (c) Electronic Frontier
Foundation, under the Creative Commons Attribution 3.0 licence (US),
https://creativecommons.org/licenses/by/3.0/us/, less four words with a hyphen.

`

// release is the tag that the version of Syncthing's module stands for.
const release = "v2.1.2"

// generate returns the text of NOTICE.
func generate() (string, error) {
	list, err := modules()
	if err != nil {
		return "", err
	}
	find := func(path string) (module, error) {
		i := slices.IndexFunc(list, func(m module) bool { return m.path == path })
		if i < 0 {
			return module{}, fmt.Errorf("finding the terms of %s: it is not compiled in", path)
		}
		return list[i], nil
	}
	engine, err := find(syncthing)
	if err != nil {
		return "", err
	}
	// The same authors and terms as the standard library.
	std, err := find("golang.org/x/sys")
	if err != nil {
		return "", err
	}
	list = append(list, module{path: "Go's standard library", terms: std.terms})

	var out strings.Builder
	fmt.Fprintf(&out, intro, release, release, engine.path, engine.version)
	holders := map[string][]string{} // by text
	var texts []string
	for _, m := range list {
		var names []string
		for _, text := range m.terms {
			name := licence(text)
			if name == "" {
				return "", fmt.Errorf("reading the terms of %s: nobody has taught this program that licence", m.path)
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			if holders[text] == nil {
				texts = append(texts, text)
			}
			holders[text] = append(holders[text], m.path)
		}
		fmt.Fprintf(&out, "%-52s %-16s %s\n", m.path, shorten(m.version), strings.Join(names, ", "))
	}
	for _, text := range texts {
		fmt.Fprintf(&out, "\n%s\n%s\n\n%s", strings.Repeat("=", 80), strings.Join(holders[text], "\n"), text)
	}
	return out.String(), nil
}

var pseudo = regexp.MustCompile(`^v.*[-.]\d{14}-([0-9a-f]{12})$`)

// shorten leaves of a pseudo-version the commit.
func shorten(version string) string { return pseudo.ReplaceAllString(version, "$1") }

// licences are what is told apart, by words that stand in each and not in those
// after it.
var licences = []struct{ name, words string }{
	{"MPL-2.0", "Mozilla Public License"},
	{"Apache-2.0", "Apache License"},
	{"CC0-1.0", "CC0 1.0 Universal"},
	{"Unlicense", "free and unencumbered software"},
	{"BSD-3-Clause", "Neither the name"},
	{"BSD-3-Clause", "names of its contributors"},
	{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
	{"ISC", "Permission to use, copy, modify, and/or distribute"},
	{"ISC", "Permission to use, copy, modify, and distribute"},
	{"MIT", "Permission is hereby granted, free of charge"},
	{"public domain", "public domain"},
	{"notice", "Copyright"},
}

// licence returns the SPDX name of the licence in text, or what it is instead.
func licence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	for _, l := range licences {
		if strings.Contains(text, l.words) {
			return l.name
		}
	}
	return ""
}
