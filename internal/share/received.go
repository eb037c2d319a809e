package share

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// State is what a receiver made of a share. The values are those of the CS3 APIs.
type State int

const (
	Pending  State = 1
	Accepted State = 2
	Rejected State = 3
)

// String is the state's name in events.
func (s State) String() string {
	switch s {
	case Accepted:
		return "accepted"
	case Rejected:
		return "declined"
	}
	return "pending"
}

// Received is one file or folder that the actor received, by one share or several.
type Received struct {
	Shares []Share      // the oldest first
	Item   storage.Info // with the union of all their rights
	Entry
}

// SpaceAlias is the alias of the space it lies in.
func (r *Received) SpaceAlias() string { return r.Shares[0].SpaceAlias }

// ID is its id in the jail.
func (r *Received) ID() resource.ID { return Jail().WithNode(r.Share) }

// has tells whether a share with an id is one of its shares.
func (r *Received) has(shareID string) bool {
	return slices.ContainsFunc(r.Shares, func(sh Share) bool { return sh.ID() == shareID })
}

// Received returns all that the actor received, the oldest first, whatever he made of it. What he sees for the first time gets
// a name in his jail. It takes four queries, however many they are.
func (s *Service) Received(ctx context.Context) ([]Received, error) {
	found, entries, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	out := merge(shares(found))
	for i := range out {
		out[i].Entry = entries[out[i].Item.ID]
	}
	return out, nil
}

// merge makes one of all shares of a resource.
func merge(all []Share) []Received {
	at := map[resource.ID]int{}
	var out []Received
	for _, sh := range all {
		i, ok := at[sh.Item.ID]
		if !ok {
			i = len(out)
			at[sh.Item.ID] = i
			out = append(out, Received{Item: sh.Item})
		}
		out[i].Shares = append(out[i].Shares, sh)
	}
	return out
}

// ReceivedItem returns one thing that the actor received, by the id of the item itself or its id in the jail.
func (s *Service) ReceivedItem(ctx context.Context, id resource.ID) (Received, error) {
	all, err := s.Received(ctx)
	if err != nil {
		return Received{}, err
	}
	for _, r := range all {
		if r.Item.ID == id || id.Storage == JailID && r.has(id.Node) {
			return r, nil
		}
	}
	return Received{}, storage.ErrNotFound
}

// ReceivedChange is what a receiver changes; nil fields stay.
type ReceivedChange struct {
	State  *State
	Hidden *bool
	Mount  *string
}

// SetReceived changes the actor's view of something he received, named as for ReceivedItem. A mount that is taken is
// storage.ErrExists.
func (s *Service) SetReceived(ctx context.Context, id resource.ID, c ReceivedChange) (Received, error) {
	r, err := s.ReceivedItem(ctx, id)
	if err != nil {
		return r, err
	}
	if c.Mount != nil {
		if err := resource.ValidateName(*c.Mount); err != nil {
			return r, fmt.Errorf("%w: %w", storage.ErrInvalid, err)
		}
	}
	r.Entry, err = s.o.Store.Change(ctx, identity.ActorFrom(ctx).User.ID, r.Item.ID, c)
	return r, err
}

// Mounted finds what lies under a name in the actor's jail, or has an id there. storage.ErrNotFound if there is nothing, or it
// is not accepted. It asks once, without looking at rights: whoever goes there is asked for them.
func (s *Service) Mounted(ctx context.Context, name, shareID string) (Entry, error) {
	a := identity.ActorFrom(ctx)
	if a.Kind != identity.Person {
		return Entry{}, storage.ErrNotFound
	}
	e, ok, err := s.o.Store.Find(ctx, a.User.ID, name, shareID)
	if err != nil || ok && e.State == Accepted {
		return e, err
	}
	if ok {
		return Entry{}, storage.ErrNotFound
	}
	all, err := s.Received(ctx)
	for _, r := range all {
		if r.State == Accepted && (r.Mount == name || shareID != "" && r.has(shareID)) {
			return r.Entry, nil
		}
	}
	return Entry{}, cmp.Or(err, storage.ErrNotFound)
}

// free returns a name that is not taken: "name (1).ext", "name (2).ext", ….
func free(name string, taken func(string) bool) string {
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	if stem == "" {
		stem, ext = name, ""
	}
	for n, try := 1, name; ; n++ {
		if !taken(try) {
			return try
		}
		try = fmt.Sprintf("%s (%d)%s", stem, n, ext)
	}
}
