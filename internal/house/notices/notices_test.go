package main

import (
	"os"
	"testing"
)

func TestNoticeIsUpToDate(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error(`NOTICE is not what is compiled in; run "make notices"`)
	}
}

func TestLicence(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"Permission is hereby granted,\n free of charge, to any", "MIT"},
		{"Redistribution and use in source and binary\nforms", "BSD-2-Clause"},
		{"Redistribution and use in source and binary forms * Neither the name of", "BSD-3-Clause"},
		{"Mozilla Public License Version 2.0", "MPL-2.0"},
		{"all rights reserved", ""},
	} {
		if got := licence(tt.text); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestShorten(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3": "v1.2.3",
		"v1.30.0-rc.1.0.20260626052240-44cbfcad56db": "44cbfcad56db",
		"v0.0.0-20180428030007-95032a82bc51":         "95032a82bc51",
	} {
		if got := shorten(version); got != want {
			t.Errorf("%s: got %s, want %s", version, got, want)
		}
	}
}
