package link_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"opencloud/internal/event"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/db/dbtest"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// What happens to links is told once, with whom and what it is about, and without anything that opens them.
func TestEvents(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d db.DB) {
		w := newWorldOn(t, d, nil)
		o, err := event.Open(t.Context(), d)
		w.must(err)
		feed, cursor := event.NewFeed(slog.New(slog.DiscardHandler), o), event.Cursor{}
		const pw = "Sesame-0pen-Thyself"
		var secrets []string
		told := func(what string, want ...event.Type) event.Event {
			t.Helper()
			events, err := feed.After(t.Context(), cursor, 100)
			w.must(err)
			var got []event.Type
			var last event.Event
			for _, e := range events {
				cursor.Pass(e)
				got, last = append(got, e.Type), e
				text, _ := json.Marshal(e)
				for _, s := range secrets {
					if strings.Contains(string(text), s) {
						t.Errorf("%s: %s tells a secret", what, text)
					}
				}
			}
			if len(got) != len(want) || len(want) > 0 && got[0] != want[0] || len(want) > 1 && got[1] != want[1] {
				t.Fatalf("%s: told %v, want %v", what, got, want)
			}
			return last
		}

		l, err := w.create("alice", "docs", link.Request{Rights: permission.Viewer, Name: "press", Password: pw})
		w.must(err)
		secrets = []string{pw, l.Token, "argon2"}
		if e := told("made", event.LinkCreated); e.Link != l.ID || e.Actor != "alice" || e.Creator != "alice" || e.Owner != "alice" || e.Item != l.Item.String() || e.Name != "press" || e.Permissions != permission.Viewer {
			t.Errorf("%+v", e)
		}
		_, err = w.create("bob", "docs", link.Request{Rights: permission.Viewer})
		w.fails(err, storage.ErrNotFound)
		_, err = w.links.Update(as("bob"), l.ID, link.Change{Name: new(string)})
		w.fails(err, storage.ErrNotFound)
		w.fails(w.links.Remove(as("bob"), l.ID), storage.ErrNotFound)
		_, err = w.create("alice", "docs", link.Request{Rights: permission.Viewer, Expires: time.Now().Add(-time.Hour)})
		w.fails(err, link.ErrExpired)
		told("refused")

		name, other, end := "radio", pw+"!", time.Now().Add(time.Hour)
		_, err = w.links.Update(as("alice"), l.ID, link.Change{Name: &name, Password: &other, Expires: &end})
		w.must(err)
		if e := told("changed", event.LinkUpdated); strings.Join(e.Changed, " ") != "password expires name" || e.Name != name || !e.Expires.Equal(end) {
			t.Errorf("%+v", e)
		}

		w.fails(w.open(l, link.Key{Password: "wrong", Address: "10.0.0.1"}), link.ErrWrongPassword)
		w.fails(w.open(l, link.Key{Signature: "forged", Expiration: "never"}), link.ErrWrongPassword)
		w.fails(w.open(l, link.Key{}), link.ErrPassword)
		w.links.Viewed(l.ID)
		w.links.Viewed(l.ID)
		w.links.Downloaded(l.ID)
		told("not written down yet")
		w.must(w.store.Flush(t.Context()))
		if e := told("used", event.LinkAccessed, event.LinkAccessFailed); e.Failures != 2 || e.Link != l.ID || e.Actor != "" {
			t.Errorf("%+v", e)
		}
		w.must(w.store.Flush(t.Context()))
		told("not used since")

		n, err := w.store.ForgetExpired(t.Context(), end.Add(-time.Second))
		if w.must(err); n != 0 {
			t.Error("one was removed before its end")
		}
		n, err = w.store.ForgetExpired(t.Context(), end)
		if w.must(err); n != 1 {
			t.Error(n, "were removed at the end")
		}
		if e := told("ended", event.LinkExpired); e.Link != l.ID || !e.Expires.Equal(end) || e.Actor != "" {
			t.Errorf("%+v", e)
		}
		w.links.Viewed(l.ID)
		w.must(w.store.Flush(t.Context()))
		told("it is no more")

		remove := map[string]func(link.Link) error{
			"taken back":             func(l link.Link) error { return w.links.Remove(as("alice"), l.ID) },
			"the item is no more":    func(l link.Link) error { _, err := w.store.ForgetItems(t.Context(), []resource.ID{l.Item}); return err },
			"the creator is no more": func(l link.Link) error { return w.store.ForgetUser(t.Context(), "alice") },
		}
		for what, remove := range remove {
			l, err := w.create("alice", "docs", link.Request{Rights: permission.Viewer})
			w.must(err)
			told(what, event.LinkCreated)
			w.must(remove(l))
			if e := told(what, event.LinkRemoved); e.Link != l.ID || e.Item != l.Item.String() {
				t.Errorf("%+v", e)
			}
		}
	})
}

// A link that cannot be told of is not made: no change without its event.
func TestNoLinkWithoutEvent(t *testing.T) {
	d := dbtest.Open(t, dbtest.SQLite(t))
	w := newWorldOn(t, d, nil)
	w.must(d.Write(t.Context(), func(tx db.Tx) error { _, err := tx.Exec(t.Context(), `DROP TABLE events`); return err }))
	if _, err := w.create("alice", "docs", link.Request{Rights: permission.Viewer}); err == nil || errors.Is(err, storage.ErrForbidden) {
		t.Error(err)
	}
	if all, err := w.store.All(t.Context()); err != nil || len(all) != 0 {
		t.Error(all, err)
	}
}
