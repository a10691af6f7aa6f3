package daemon

import (
	"context"
	"errors"

	"github.com/botsync/botsync/internal/api"
)

var errNotYet = errors.New("this daemon cannot do that yet")

func (d *daemon) WaitSynced(context.Context, api.SyncedRequest, func(api.SyncedLine)) (*api.SyncedLine, error) {
	return nil, errNotYet
}

func (d *daemon) WaitPaths(context.Context, api.PathsRequest, func(api.FileHere) error) error {
	return errNotYet
}

func (d *daemon) WaitNew(context.Context, api.NewRequest, func(api.NewFile) error) error {
	return errNotYet
}

func (d *daemon) Send(context.Context, api.SendRequest, func(api.SendLine)) (*api.SentLine, error) {
	return nil, errNotYet
}

func (d *daemon) Log(context.Context, api.LogRequest) ([]api.Event, error) { return nil, errNotYet }
