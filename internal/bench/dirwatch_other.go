//go:build !linux

package main

import "errors"

type dirWatch struct{}

func newDirWatch() (*dirWatch, error)       { return nil, errors.ErrUnsupported }
func (*dirWatch) add(string) error          { return errors.ErrUnsupported }
func (*dirWatch) next() ([]dirEvent, error) { return nil, errors.ErrUnsupported }
func (*dirWatch) close()                    {}
