package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"opencloud/internal/event"
	"opencloud/test/server"
)

// TestEvents: what people do, by whatever protocol and in whatever process, is told to the operator as it happens, once, with who did
// it and without what opens anything.
func TestEvents(t *testing.T) {
	everywhere(t, func(t *testing.T, o server.Options) {
		s := server.Start(t, o)
		alan, mary := as(t, s, "alan"), as(t, s, "mary")
		follow := s.Command("events", "tail", "--follow", "--after", "now")
		out, err := follow.StdoutPipe()
		must(t, err)
		must(t, follow.Start())
		defer func() { _ = follow.Wait() }()
		defer func() { must(t, follow.Process.Kill()) }()
		heard := make(chan event.Event, 100)
		go func() {
			for dec := json.NewDecoder(out); ; {
				var e event.Event
				if dec.Decode(&e) != nil {
					close(heard)
					return
				}
				heard <- e
			}
		}()
		// Until the command listens, what happens may be before its "now".
		for n := 0; len(heard) == 0; n++ {
			if n == 60 {
				t.Fatal("nothing is heard")
			}
			s.Admin().Want("POST", "/graph/v1.0/drives", `{"name":"first"}`, nil, 201)
			time.Sleep(time.Second)
		}
		hear := func(want event.Type) event.Event {
			t.Helper()
			for end := time.After(20 * time.Second); ; {
				select {
				case e, open := <-heard:
					if open && e.Type == event.SpaceCreated && e.Name == "first" {
						continue
					}
					if !open || e.Type != want {
						t.Fatalf("heard %+v, want %s", e, want)
					}
					return e
				case <-end:
					t.Fatalf("%s is not heard", want)
				}
			}
		}

		alan.mkdir("docs")
		id := alan.id("docs")
		share := alan.invite("docs", maryUser, viewerRole)
		if e := hear(event.ShareCreated); e.Actor != alanUser || e.User != maryUser || e.Item != id || e.Name != "docs" || e.Share != share {
			t.Errorf("%+v", e)
		}
		mary.Want("DELETE", "/dav/spaces/"+jailSpace+"/docs", "", nil, 204)
		if e := hear(event.ReceivedShareUpdated); e.Actor != maryUser || e.Item != id || e.State != "declined" {
			t.Errorf("%+v", e)
		}
		at := "/graph/v1beta1/drives/" + alan.drive + "/items/" + id + "/permissions/"
		alan.Want("DELETE", at+share, "", nil, 204)
		hear(event.ShareRemoved)
		ref, token := alan.link("docs", "view")
		if e := hear(event.LinkCreated); e.Actor != alanUser || e.Link != ref {
			t.Errorf("%+v", e)
		}
		guest := s.As("public", linkPassword)
		guest.Want("PROPFIND", "/dav/public-files/"+token, "", []string{"Depth", "0"}, 207)
		if e := hear(event.LinkAccessed); e.Link != ref || e.Views != 1 {
			t.Errorf("%+v", e)
		}
		alan.Want("DELETE", at+ref, "", nil, 204)
		hear(event.LinkRemoved)
		project := newProject(t, s.Admin(), "Garden")
		if e := hear(event.SpaceCreated); e.Name != "Garden" {
			t.Errorf("%+v", e)
		}
		s.Admin().Want("DELETE", "/graph/v1.0/drives/"+project, "", nil, 204)
		hear(event.SpaceDisabled)

		s.Stop()
		again, err := s.Command("events", "tail").CombinedOutput()
		if err != nil {
			t.Fatalf("without a server: %v\n%s", err, again)
		}
		var types []event.Type
		for dec := json.NewDecoder(bytes.NewReader(again)); ; {
			var e event.Event
			if err := dec.Decode(&e); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if e.Item == id || e.Item == project || e.Link == ref {
				types = append(types, e.Type)
			}
		}
		slices.Sort(types)
		want := []event.Type{event.LinkAccessed, event.LinkCreated, event.LinkRemoved, event.ReceivedShareUpdated, event.ShareCreated, event.ShareRemoved}
		if !slices.Equal(types[:min(len(types), len(want))], want) {
			t.Errorf("told %v, want %v and more", types, want)
		}
		for _, secret := range []string{token, linkPassword, "argon2"} {
			if strings.Contains(string(again), secret) {
				t.Errorf("%q is among the events", secret)
			}
		}
	})
}
