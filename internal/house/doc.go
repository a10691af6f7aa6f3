// Package house holds tests of the house itself: who may import whom, how files
// look, and that the whole builds for every platform. docs/architecture.md says
// what the rooms are for; the table in imports_test.go is what the tests hold.
package house
