package sharing

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"opencloud/internal/event"
	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
)

// TestTail: events are told from any cursor on, those to come too; over the socket as in the process.
func TestTail(t *testing.T) {
	for _, name := range []string{"here", "socket"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, mem.New("11111111-1111-4111-8111-111111111111"))
			o, err := event.Open(t.Context(), w.Database())
			w.must(err)
			local := Local{w.Domain, event.NewFeed(slog.New(slog.DiscardHandler), o)}
			var a Admin = local
			if name == "socket" {
				a = overSocket(t, local)
			}
			_, err = w.fs.CreateFolder(as("alice"), w.at("d"), storage.Conditions{})
			w.must(err)
			share := func(name string) {
				t.Helper()
				if _, err := w.Links.Create(as("alice"), w.at("d"), link.Request{Rights: permission.Viewer, Name: name}); err != nil {
					t.Error(err)
				}
			}
			tail := func(ctx context.Context, r TailRequest, each func(Line) error) (names string, err error) {
				err = a.Tail(ctx, r, func(l Line) error {
					names += l.Name
					if l.Type != event.LinkCreated || l.Actor != "alice" || l.ID == "" || l.Cursor == "" {
						t.Errorf("%+v", l)
					}
					if each == nil {
						return nil
					}
					return each(l)
				})
				return names, err
			}
			for _, n := range []string{"a", "b", "c"} {
				share(n)
			}
			var first string
			stop := errors.New("stop")
			got, err := tail(t.Context(), TailRequest{}, func(l Line) error { first = l.Cursor; return stop })
			if !errors.Is(err, stop) || got != "a" {
				t.Error(got, err)
			}
			for after, want := range map[string]string{"": "abc", first: "bc", TailNow: ""} {
				if got, err := tail(t.Context(), TailRequest{After: after}, nil); err != nil || got != want {
					t.Errorf("after %q: %q, %v", after, got, err)
				}
			}
			if _, err := tail(t.Context(), TailRequest{After: "nonsense"}, nil); err == nil || !strings.Contains(err.Error(), "cursor") {
				t.Error(err)
			}
			ctx, end := context.WithTimeout(t.Context(), time.Minute)
			got, err = tail(ctx, TailRequest{After: first, Follow: true}, func(l Line) error {
				switch l.Name {
				case "c":
					go share("d")
				case "d":
					end()
				}
				return nil
			})
			if err != nil || got != "bcd" {
				t.Error(got, err)
			}
		})
	}
}
