// Package event tells, reliably, what happened: what people are notified of, what is audited, what open clients follow.
//
//   - An event is written in the transaction of the change that it tells of (Append), into the outbox of the same database. A
//     change that fails leaves none; one that is durable has its event.
//   - Events of one outbox have an order that everybody agrees on, the order of the transactions, and no gaps. All that concerns one
//     share, link or space is told by one outbox. Between outboxes there is no order but that of time.
//   - A consumer is told each event at least once, in this order, from any process (Feed.Consume). What it did not finish it is told
//     again; the id says that it is the same.
//   - Outboxes are bounded (Feed.Prune): a consumer that is away for longer than they reach is told so, and goes on with what is left.
//   - Events name people, files, shares and links by their ids; who is to hear of one is its consumers' business. No password and
//     no token is ever in one.
//
// (spec/services.md §1)
package event

import (
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/space"
)

// Type says what happened. The names are the original's; LinkExpired is ours. (spec/services.md §1.2)
type Type string

// On files and folders below the root of a space.
const (
	ShareCreated         Type = "ShareCreated"
	ShareUpdated         Type = "ShareUpdated"
	ShareRemoved         Type = "ShareRemoved"
	ShareExpired         Type = "ShareExpired"
	ReceivedShareUpdated Type = "ReceivedShareUpdated" // the actor accepted, declined, hid or renamed what he received
)

// About public links.
const (
	LinkCreated      Type = "LinkCreated"
	LinkUpdated      Type = "LinkUpdated"
	LinkRemoved      Type = "LinkRemoved"
	LinkExpired      Type = "LinkExpired"
	LinkAccessed     Type = "LinkAccessed"     // opened or downloaded from, so many times since the last such event
	LinkAccessFailed Type = "LinkAccessFailed" // wrong passwords, so many since the last such event
)

// About spaces, and their members: the grants on the root.
const (
	SpaceCreated           Type = "SpaceCreated"
	SpaceRenamed           Type = "SpaceRenamed"
	SpaceUpdated           Type = "SpaceUpdated"
	SpaceDisabled          Type = "SpaceDisabled"
	SpaceEnabled           Type = "SpaceEnabled"
	SpaceDeleted           Type = "SpaceDeleted"
	SpaceShared            Type = "SpaceShared"
	SpaceShareUpdated      Type = "SpaceShareUpdated"
	SpaceUnshared          Type = "SpaceUnshared"
	SpaceMembershipExpired Type = "SpaceMembershipExpired"
)

// Event is something that happened. Its JSON is what operators and other programs read: fields are added, never changed.
type Event struct {
	ID        string    `json:"id"` // the same however often it is told
	Type      Type      `json:"type"`
	Time      time.Time `json:"time"`
	Actor     string    `json:"actor,omitempty"`     // id of the user who did it; empty: the server did
	Initiator string    `json:"initiator,omitempty"` // id of the browser tab in which he did

	Item  string `json:"item"`            // id of the file, folder or root of a space (resource.ParseID)
	Name  string `json:"name,omitempty"`  // what it was called; of links, the link's own name
	Owner string `json:"owner,omitempty"` // id of the user whose personal space it is in

	Share       string         `json:"share,omitempty"`       // id of the share, or of the member among the space's permissions
	Link        string         `json:"link,omitempty"`        // id of the link
	Creator     string         `json:"creator,omitempty"`     // id of the user who made the share or link
	User        string         `json:"user,omitempty"`        // id of the grantee …
	Group       string         `json:"group,omitempty"`       // … who is a user or a group
	Permissions permission.Set `json:"permissions,omitempty"` // given by the share or link; none: it denies, or a link for people with an account
	Expires     time.Time      `json:"expires,omitzero"`

	Changed   []string `json:"changed,omitempty"`   // names of what an update changed
	State     string   `json:"state,omitempty"`     // of ReceivedShareUpdated: pending, accepted or declined
	Views     int64    `json:"views,omitempty"`     // of LinkAccessed
	Downloads int64    `json:"downloads,omitempty"` // of LinkAccessed
	Failures  int64    `json:"failures,omitempty"`  // of LinkAccessFailed

	// Members are who was a member when the space was disabled or deleted: later nobody can tell.
	Members []Member `json:"members,omitempty"`
}

// Member is a user or a group.
type Member struct {
	User  string `json:"user,omitempty"`
	Group string `json:"group,omitempty"`
}

// Field is something that an update can change.
type Field struct {
	Name    string
	Changed bool
}

// Changed returns the names of the fields that changed, in their order.
func Changed(fields ...Field) (names []string) {
	for _, f := range fields {
		if f.Changed {
			names = append(names, f.Name)
		}
	}
	return names
}

// To returns whom a grant is to.
func To(g space.Grant) Member {
	if g.Kind == space.GroupGrantee {
		return Member{Group: g.Grantee}
	}
	return Member{User: g.Grantee}
}
