package share_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"opencloud/internal/event"
	"opencloud/internal/identity"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/db/dbtest"
	"opencloud/internal/resource"
	"opencloud/internal/share"
	"opencloud/internal/storage"
)

// What a receiver makes of a share is told when it changes something, and only then.
func TestReceivedEvents(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ctx := identity.WithActor(t.Context(), identity.Actor{Kind: identity.Person, User: identity.User{ID: "bob"}})
		store, err := share.NewStore(ctx, d)
		must(err)
		o, err := event.Open(ctx, d)
		must(err)
		feed, cursor := event.NewFeed(slog.New(slog.DiscardHandler), o), event.Cursor{}
		one := resource.ID{Storage: "s", Space: "p", Node: "n"}
		two := resource.ID{Storage: "s", Space: "p", Node: "m"}
		_, err = store.Add(ctx, "bob", []share.Entry{{Item: one, Share: "s:p:1", State: share.Pending, Mount: "n"}, {Item: two, Share: "s:p:2", State: share.Pending, Mount: "m"}})
		must(err)
		state := func(s share.State) *share.State { return &s }
		yes, mount, taken := true, "mine", "m"
		for _, c := range []struct {
			change    share.ReceivedChange
			told      bool
			state, of string
		}{
			{share.ReceivedChange{}, false, "", ""},
			{share.ReceivedChange{State: state(share.Accepted)}, true, "accepted", "state"},
			{share.ReceivedChange{State: state(share.Accepted)}, false, "", ""},
			{share.ReceivedChange{Hidden: &yes, Mount: &mount}, true, "accepted", "hidden mount"},
			{share.ReceivedChange{Mount: &taken}, false, "", ""},
			{share.ReceivedChange{State: state(share.Rejected)}, true, "declined", "state"},
		} {
			_, err := store.Change(ctx, "bob", one, c.change)
			if err != nil && !errors.Is(err, storage.ErrExists) {
				t.Fatal(err)
			}
			events, err := feed.After(ctx, cursor, 10)
			must(err)
			if len(events) != 0 != c.told {
				t.Fatalf("%+v: told %+v", c.change, events)
			}
			if !c.told {
				continue
			}
			cursor.Pass(events[0])
			if e := events[0]; len(events) != 1 || e.Type != event.ReceivedShareUpdated || e.Actor != "bob" || e.User != "bob" || e.Item != one.String() || e.Share != "s:p:1" ||
				e.State != c.state || strings.Join(e.Changed, " ") != c.of {
				t.Errorf("%+v: %+v", c.change, events)
			}
		}
	})
}
