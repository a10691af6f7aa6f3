package control

import (
	"context"

	"github.com/botsync/botsync/internal/api"
)

// Backend is the daemon as the local API sees it. Its methods are called from
// several goroutines at once and return when ctx is done. An error that is not
// an [api.Error] reaches the user as an unexpected one.
type Backend interface {
	// Version says what is running. It must not block.
	Version() api.Version
	Status(ctx context.Context) (*api.Status, error)
	Invite(ctx context.Context, req api.InviteRequest) (*api.InviteLine, error)
	// Join calls progress from its own goroutine, never after it returned.
	Join(ctx context.Context, req api.JoinRequest, progress func(api.ProgressLine)) (*api.JoinedLine, error)
	// Events calls emit for each remembered event with an ID above since, then
	// for each new one, until ctx is done or emit fails. A negative since means
	// new events only. emit may block for some seconds on a slow reader, so no
	// lock may be held meanwhile.
	Events(ctx context.Context, since int64, emit func(api.Event) error) error
	Waits
	Notifies
	Ignoring
	Versions
	Membership
	Doctors
	Histories
	Brakes
	// Stop asks the daemon to stop and returns at once.
	Stop()
}
