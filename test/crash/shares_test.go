package crash

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"opencloud/test/server"
)

// Ids of demo users and of roles. (spec/identity.md §14.9)
const (
	viewerRole   = "b1e2218d-eef8-4d4c-b82d-0f1a1b48f3b5"
	editorRole   = "fb6c3e19-e378-47e5-b277-9732f9de6e21"
	jailID       = "a0ca6a90-a365-4782-871e-d44447bbc668"
	jail         = "/dav/spaces/" + jailID + "$" + jailID
	linkPassword = "Qw3rty!x"
	linkName     = "@libre.graph.displayName" // of a link's name
)

// sharer shares folders of its own with one person and by links, and knows what must hold.
type sharer struct {
	t        *testing.T
	c        *server.Client // who shares
	receiver *server.Client
	to       string // user id of the receiver
	drive    string
	r        *rand.Rand
	folders  []*shared
	acked    int
	events   map[string]*span // by type of event and folder
}

// span is how many events there must be: one for each change that was acknowledged, perhaps one for each that was not answered.
type span struct{ least, most int }

func (s *sharer) expect(f *shared, event string, acknowledged bool) {
	key := event + " " + f.id
	if s.events[key] == nil {
		s.events[key] = &span{}
	}
	s.events[key].most++
	if acknowledged {
		s.events[key].least++
	}
}

// shared is a folder, whom it is shared with and by which links. What an unanswered request may have made is among the values.
type shared struct {
	name, id string
	role     map[string]bool // "" is: not shared
	mounts   map[string]bool // names at the receiver's, where it is shared
	links    map[string]*public
	removed  []string // tokens of links that were taken back
	lost     bool     // a link was made of which nothing is known
}

type public struct {
	token string
	names map[string]bool // "": removed
}

func only(v string) map[string]bool { return map[string]bool{v: true} }

func one(m map[string]bool) (string, bool) {
	for v := range m {
		return v, len(m) == 1
	}
	return "", false
}

func (s *sharer) send(c *server.Client, method, path, body string, h ...string) (server.Answer, bool) {
	a, err := c.Try(method, path, strings.NewReader(body), h...)
	return a, err == nil
}

// done tells whether an answer came to a change that is told by an event, and counts what was acknowledged; any other status is a
// failure of the test.
func (s *sharer) done(f *shared, event string, a server.Answer, answered bool, want int) (ok bool) {
	ok = answered && a.Status == want
	if ok {
		s.acked++
	} else if answered {
		s.t.Errorf("%s: %d %.300s", event, a.Status, a.Body)
	}
	s.expect(f, event, ok)
	return ok
}

func (s *sharer) item(f *shared) string {
	return "/graph/v1beta1/drives/" + s.drive + "/items/" + f.id
}

var shareID = regexp.MustCompile(`"id":"([^"]*:[^"]*:[^"]*)"`)

// permission is the path of the share of a folder: its id follows from folder and receiver.
func (s *sharer) permission(f *shared) (string, bool) {
	a, answered := s.send(s.c, "GET", s.item(f)+"/permissions", "")
	m := shareID.FindStringSubmatch(a.Body)
	if m == nil {
		return "", false
	}
	return s.item(f) + "/permissions/" + url.PathEscape(m[1]), answered
}

// work sends requests until the server is gone.
func (s *sharer) work(stop <-chan struct{}) {
	for alive := true; alive; {
		select {
		case <-stop:
			return
		default:
		}
		f := s.folders[s.r.IntN(len(s.folders))]
		switch s.r.IntN(6) {
		case 0, 1:
			alive = s.give(f)
		case 2:
			alive = s.takeBack(f)
		case 3:
			alive = s.renameMount(f)
		case 4:
			alive = s.makeLink(f)
		default:
			alive = s.changeLink(f)
		}
	}
}

// give shares a folder, or changes the role.
func (s *sharer) give(f *shared) bool {
	now, certain := one(f.role)
	if !certain {
		return true
	}
	role := []string{viewerRole, editorRole}[s.r.IntN(2)]
	if now == "" {
		a, answered := s.send(s.c, "POST", s.item(f)+"/invite", `{"recipients":[{"objectId":"`+s.to+`"}],"roles":["`+role+`"]}`)
		if !s.done(f, "ShareCreated", a, answered, 200) {
			f.role[role], f.mounts = true, nil
			return answered
		}
		f.role, f.mounts = only(role), nil
		return true
	}
	path, ok := s.permission(f)
	if !ok {
		return true // the server is gone, or the check after the next start finds it
	}
	a, answered := s.send(s.c, "PATCH", path, `{"roles":["`+role+`"]}`)
	if !s.done(f, "ShareUpdated", a, answered, 200) {
		f.role[role] = true
		return answered
	}
	f.role = only(role)
	return true
}

func (s *sharer) takeBack(f *shared) bool {
	if now, certain := one(f.role); !certain || now == "" {
		return true
	}
	path, ok := s.permission(f)
	if !ok {
		return true
	}
	a, answered := s.send(s.c, "DELETE", path, "")
	if !s.done(f, "ShareRemoved", a, answered, 204) {
		f.role[""] = true
		return answered
	}
	f.role, f.mounts = only(""), nil
	return true
}

// mountOf asks under which name the receiver has a folder; "" if he has not.
func (s *sharer) mountOf(f *shared) (name string, answered bool) {
	a, answered := s.send(s.receiver, "GET", "/graph/v1beta1/me/drive/sharedWithMe", "")
	var v struct {
		Value []struct {
			Name       string
			RemoteItem struct{ ID string }
		}
	}
	if answered && a.Status == 200 && json.Unmarshal([]byte(a.Body), &v) == nil {
		for _, i := range v.Value {
			if i.RemoteItem.ID == f.id {
				return i.Name, true
			}
		}
		return "", true
	}
	return "", false
}

func (s *sharer) renameMount(f *shared) bool {
	if now, certain := one(f.role); !certain || now == "" {
		return true
	}
	if f.mounts == nil {
		name, answered := s.mountOf(f)
		if name == "" {
			return answered
		}
		f.mounts = only(name)
	}
	now, certain := one(f.mounts)
	if !certain {
		return true
	}
	to := fmt.Sprintf("%s-%d", f.name, s.r.Uint64())
	a, answered := s.send(s.receiver, "MOVE", jail+"/"+now, "", "Destination", jail+"/"+to)
	if !s.done(f, "ReceivedShareUpdated", a, answered, 201) {
		f.mounts[to] = true
		return answered
	}
	f.mounts = only(to)
	return true
}

func (s *sharer) makeLink(f *shared) bool {
	if len(f.links) > 3 {
		return true
	}
	a, answered := s.send(s.c, "POST", s.item(f)+"/createLink", `{"type":"view","displayName":"new","password":"`+linkPassword+`"}`)
	if !s.done(f, "LinkCreated", a, answered, 200) {
		f.lost = f.lost || !answered
		return answered
	}
	var v struct {
		ID   string
		Link struct{ WebURL string }
	}
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		s.t.Error(err, a.Body)
		return true
	}
	f.links[v.ID] = &public{v.Link.WebURL[strings.LastIndexByte(v.Link.WebURL, '/')+1:], only("new")}
	return true
}

// changeLink renames or removes a link.
func (s *sharer) changeLink(f *shared) bool {
	for id, l := range f.links {
		if _, certain := one(l.names); !certain {
			continue
		}
		path := s.item(f) + "/permissions/" + id
		if s.r.IntN(2) == 0 {
			a, answered := s.send(s.c, "DELETE", path, "")
			if !s.done(f, "LinkRemoved", a, answered, 204) {
				l.names[""] = true
				return answered
			}
			f.removed = append(f.removed, l.token)
			delete(f.links, id)
			return true
		}
		name := fmt.Sprint(s.r.Uint64())
		a, answered := s.send(s.c, "PATCH", path, `{"link":{"`+linkName+`":"`+name+`"}}`)
		if !s.done(f, "LinkUpdated", a, answered, 200) {
			l.names[name] = true
			return answered
		}
		l.names = only(name)
		return true
	}
	return true
}

// verify compares the server with what is known, and settles what was uncertain.
func (s *sharer) verify() {
	for _, f := range s.folders {
		var v struct {
			Value []struct {
				ID    string
				Roles []string
				Link  map[string]any
			}
		}
		if err := json.Unmarshal([]byte(s.c.Want("GET", s.item(f)+"/permissions", "", nil, 200).Body), &v); err != nil {
			s.t.Fatal(err)
		}
		role, links := "", map[string]string{}
		for _, p := range v.Value {
			if p.Link != nil {
				links[p.ID], _ = p.Link[linkName].(string)
			} else if len(p.Roles) == 1 {
				role = p.Roles[0]
			}
		}
		s.verifyShare(f, role)
		s.verifyLinks(f, links)
	}
}

func (s *sharer) verifyShare(f *shared, role string) {
	if !f.role[role] {
		s.t.Errorf("%s is shared as %q, want one of %v", f.name, role, f.role)
	}
	f.role = only(role)
	status := http.StatusNotFound
	if role != "" {
		status = http.StatusMultiStatus
	}
	if a := s.receiver.Do("PROPFIND", "/dav/spaces/"+f.id, "", "Depth", "0"); a.Status != status {
		s.t.Errorf("%s, shared as %q: %d", f.name, role, a.Status)
	}
	if role != "" {
		status = map[string]int{viewerRole: 403, editorRole: 201}[role]
		a := s.receiver.Do("PUT", "/dav/spaces/"+f.id+"/by receiver", "x")
		if a.Status != status && (role != editorRole || a.Status != 204) {
			s.t.Errorf("%s, shared as %q: PUT %d", f.name, role, a.Status)
		}
	}
	name, ok := s.mountOf(f)
	if !ok || (name != "") != (role != "") || f.mounts != nil && !f.mounts[name] && role != "" {
		s.t.Errorf("%s, shared as %q, is mounted as %q, want one of %v", f.name, role, name, f.mounts)
	}
	if f.mounts = nil; name != "" {
		f.mounts = only(name)
		if a := s.receiver.Do("PROPFIND", jail+"/"+name, "", "Depth", "0"); a.Status != 207 {
			s.t.Errorf("mount %s: %d", name, a.Status)
		}
	}
}

func (s *sharer) verifyLinks(f *shared, links map[string]string) {
	guest := s.c.As("public", linkPassword)
	opens := func(token string) int {
		return guest.Do("PROPFIND", "/dav/public-files/"+token, "", "Depth", "0").Status
	}
	for id, l := range f.links {
		name, there := links[id]
		if !l.names[name] {
			s.t.Errorf("link %s is called %q, want one of %v", id, name, l.names)
		}
		want := 207
		if !there {
			want = 404
			delete(f.links, id)
			f.removed = append(f.removed, l.token)
		}
		if got := opens(l.token); got != want {
			s.t.Errorf("link %s, there %v: %d", id, there, got)
		}
		l.names = only(name)
		delete(links, id)
	}
	if len(links) > 0 && !f.lost {
		s.t.Errorf("%s has links that were taken back or never made: %v", f.name, links)
	}
	f.lost = false
	for id := range links { // one whose answer was lost
		s.c.Want("DELETE", s.item(f)+"/permissions/"+id, "", nil, 204)
		s.expect(f, "LinkRemoved", true)
	}
	f.removed = f.removed[max(0, len(f.removed)-3):]
	for _, token := range f.removed {
		if got := opens(token); got != 404 {
			s.t.Errorf("link %s was taken back: %d", token, got)
		}
	}
}

// verifyEvents compares what the server tells to have happened with what was acknowledged: nothing is missing, nothing told twice.
func verifyEvents(t *testing.T, s *server.Server, sharers []*sharer) {
	t.Helper()
	out, err := s.Command("events", "tail").Output()
	if err != nil {
		t.Fatal(err)
	}
	told, ids := map[string]int{}, map[string]bool{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var e struct{ ID, Type, Item string }
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if ids[e.ID] {
			t.Errorf("event %s is told twice", e.ID)
		}
		ids[e.ID] = true
		told[e.Type+" "+e.Item]++
	}
	for _, sh := range sharers {
		for key, want := range sh.events {
			got := told[key]
			if got < want.least || got > want.most {
				t.Errorf("%s: %d events, want %d to %d", key, got, want.least, want.most)
			}
			want.least, want.most = got, got
		}
	}
}

// newSharers makes people who share at once, each in folders of its own.
func newSharers(t *testing.T, s *server.Server, seed uint64) (out []*sharer) {
	t.Helper()
	read := func(c *server.Client, path string) (v struct{ ID string }) {
		t.Helper()
		if err := json.Unmarshal([]byte(c.Want("GET", path, "", nil, 200).Body), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	alan, mary := s.As("alan", "demo"), s.As("mary", "demo")
	drive, to := read(alan, "/graph/v1.0/me/drive").ID, read(mary, "/graph/v1.0/me").ID
	for i := range uint64(2) {
		sh := &sharer{t: t, to: to, drive: drive, events: map[string]*span{}, r: rand.New(rand.NewPCG(seed, 50+i))}
		sh.connect(s)
		for j := range 3 {
			name := fmt.Sprintf("shared %d %d", i, j)
			a := alan.Want("MKCOL", "/dav/spaces/"+drive+"/"+url.PathEscape(name), "", nil, 201)
			sh.folders = append(sh.folders, &shared{name: name, id: a.Header.Get("Oc-Fileid"), role: only(""), links: map[string]*public{}})
		}
		out = append(out, sh)
	}
	return out
}

// connect forgets connections to a server that is gone.
func (s *sharer) connect(to *server.Server) {
	s.c, s.receiver = to.As("alan", "demo"), to.As("mary", "demo")
}
