package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"opencloud/internal/link"
	"opencloud/internal/permission"
	"opencloud/test/server"
)

// Ids of demo users. (spec/identity.md §14.9)
const (
	alanUser     = "b1f74ec4-dd7e-11ef-a543-03775734d0f7"
	margaretUser = "801abee4-dd7f-11ef-a324-83f55a754b62"
)

// party is somebody who asks.
type party struct {
	name      string
	c         *server.Client
	may, root permission.Set // on what is asked about, and on the root of its space
	token     string         // of the link that he comes by
	refused   int            // the answer to whatever he asks; 0: that depends
	own       string         // his personal space
}

// way is an address by which a party can come to the shared folder.
type way struct{ name, base string }

func (p *party) ways(w *world) []way {
	if p.token != "" {
		return []way{{"link", "/dav/public-files/" + p.token}}
	}
	out := []way{{"id", "/dav/spaces/" + w.folder}, {"path", "/dav/spaces/" + w.drive + "/P/" + w.mount}}
	switch {
	case p.name == "denied":
		out = append(out, way{"jail", "/dav/spaces/" + jailSpace + "/P/" + w.mount})
	case p.root == 0: // others received nothing
		out = append(out, way{"jail", "/dav/spaces/" + jailSpace + "/" + w.mount})
	}
	return out
}

// world is a space with a folder P/M that people have rights on.
type world struct {
	t             *testing.T
	s             *server.Server
	owner         *server.Client
	drive, folder string
	mount         string // name of the folder
	parties       []party
	made          int
}

// tree is a folder in the shared folder, for one call or for many that change nothing.
type tree struct {
	name string
	v    map[string]string // what stands for {…}
}

var (
	fileID      = regexp.MustCompile(`<oc:fileid>([^<]+)<`)
	askID       = `<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:fileid/></d:prop></d:propfind>`
	versionHref = regexp.MustCompile(`/v/([^<]+)</d:href>`)
)

func (w *world) id(path string) string {
	w.t.Helper()
	a := w.owner.Want("PROPFIND", "/dav/spaces/"+w.drive+"/"+path, askID, []string{"Depth", "0"}, 207)
	return fileID.FindStringSubmatch(a.Body)[1]
}

func (w *world) dav(method, path, body string) {
	w.t.Helper()
	w.owner.Want(method, "/dav/spaces/"+w.drive+"/"+path, body, nil, 200, 201, 204)
}

// graph asks the owner's sharing API about a path and returns the ids in the answer.
func (w *world) graph(path, action, body string) (id, token string) {
	w.t.Helper()
	at := "/graph/v1beta1/drives/" + w.drive + "/root"
	if path != "" {
		at = "/graph/v1beta1/drives/" + w.drive + "/items/" + w.id(path)
	}
	a := w.owner.Want("POST", at+"/"+action, body, nil, 200)
	type permission struct {
		ID   string
		Link struct{ WebURL string }
	}
	var v struct {
		permission
		Value []permission
	}
	must(w.t, json.Unmarshal([]byte(a.Body), &v))
	if len(v.Value) > 0 {
		return v.Value[0].ID, ""
	}
	return v.ID, v.Link.WebURL[strings.LastIndexByte(v.Link.WebURL, '/')+1:]
}

func (w *world) give(path, user, role string, expires time.Duration) {
	w.t.Helper()
	body := fmt.Sprintf(`{"recipients":[{"objectId":%q,"@libre.graph.recipient.type":"user"}],"roles":[%q]`, user, role)
	if strings.HasPrefix(user, "g:") {
		body = fmt.Sprintf(`{"recipients":[{"objectId":%q,"@libre.graph.recipient.type":"group"}],"roles":[%q]`, user[2:], role)
	}
	if expires > 0 {
		body += fmt.Sprintf(`,"expirationDateTime":%q`, time.Now().Add(expires).UTC().Format(time.RFC3339Nano))
	}
	w.graph(path, "invite", body+"}")
}

// plant makes a tree with f.txt and sub/g.txt, and what else the call needs: a former version of f.txt, something in the trash, a
// share and a link. A nil call needs everything.
func (w *world) plant(c *call) *tree {
	w.t.Helper()
	w.made++
	t := &tree{name: fmt.Sprintf("t%d", w.made), v: map[string]string{"drive": w.drive}}
	at := "P/" + w.mount + "/" + t.name
	needs := func(names ...string) bool {
		return c == nil || slices.ContainsFunc(names, func(n string) bool { return strings.Contains(c.path+c.body, "{"+n+"}") })
	}
	w.dav("MKCOL", at, "")
	if needs("version") {
		w.dav("PUT", at+"/f.txt", "former")
	}
	w.dav("PUT", at+"/f.txt", "f")
	w.dav("MKCOL", at+"/sub", "")
	w.dav("PUT", at+"/sub/g.txt", "g")
	if needs("item") {
		t.v["item"] = w.id(at)
	}
	if needs("file") {
		t.v["file"] = w.id(at + "/f.txt")
	}
	if needs("version") {
		list := w.owner.Want("PROPFIND", "/dav/meta/"+t.v["file"]+"/v", "", nil, 207).Body
		t.v["version"] = versionHref.FindStringSubmatch(list)[1]
	}
	if needs("trash", "gone") {
		w.dav("PUT", at+"/gone.txt", "gone")
		t.v["gone"] = w.id(at + "/gone.txt")
		t.v["trash"] = t.v["gone"][strings.IndexByte(t.v["gone"], '!')+1:]
		w.dav("DELETE", at+"/gone.txt", "")
	}
	if needs("share") {
		t.v["share"], _ = w.graph(at, "invite", `{"recipients":[{"objectId":"`+alanUser+`"}],"roles":["`+viewerRole+`"]}`)
	}
	if needs("link") {
		t.v["link"], _ = w.graph(at, "createLink", `{"type":"view"}`)
	}
	return t
}

// fill replaces {…} in a call.
func (t *tree) fill(w *world, p *party, base string) *strings.Replacer {
	w.made++
	token := ""
	if p.token != "" {
		token = "&public-token=" + p.token
	}
	pairs := []string{"{base}", base + "/" + t.name, "{own}", p.own, "{margaret}", margaretUser, "{n}", fmt.Sprint(w.mount, w.made), "{token}", token}
	for k, v := range t.v {
		pairs = append(pairs, "{"+k+"}", v)
	}
	return strings.NewReplacer(pairs...)
}

// without is the tree of somebody else's imagination: nothing of it exists, in a space that does or does not.
func (t *tree) without(space bool) *tree {
	gone := &tree{name: "nothing", v: map[string]string{}}
	for k, v := range t.v {
		gone.v[k] = v
	}
	const no = "00000000-0000-4000-8000-0000000000"
	drive := t.v["drive"]
	if !space {
		drive = drive[:strings.IndexByte(drive, '$')] + "$" + no + "01"
		gone.v["drive"], gone.v["share"] = drive, strings.Replace(drive, "$", ":", 1)+":"+no+"02"
	}
	gone.v["item"], gone.v["file"], gone.v["gone"], gone.v["trash"] = drive+"!"+no+"03", drive+"!"+no+"04", drive+"!"+no+"05", no+"05"
	gone.v["link"] = "AAAAAAAAAAAAAAA"
	return gone
}

// account makes a user with a personal space.
func account(t *testing.T, s *server.Server, name string) (id string) {
	t.Helper()
	a := s.Admin().Want("POST", "/graph/v1.0/users", fmt.Sprintf(`{"displayName":%q,"onPremisesSamAccountName":%q,"mail":"%s@example.org","passwordProfile":{"password":%q}}`, name, name, name, server.Password), nil, 201)
	var u struct{ ID string }
	must(t, json.Unmarshal([]byte(a.Body), &u))
	return u.ID
}

// names of those who get rights of their own, the role on what, and what that gives.
type membership struct {
	name, role, on string
	may            permission.Set
}

func memberships(project bool) []membership {
	all := []membership{
		{"share-editor", permission.EditorID, "M", permission.Editor},
		{"share-viewer", permission.ViewerID, "M", permission.Viewer},
		{"uploader", permission.EditorLiteID, "M", permission.EditorLite},
		{"secure-viewer", permission.SecureViewerID, "M", permission.SecureViewer},
		{"group-member", permission.ViewerID, "M", permission.Viewer},
		{"expired", permission.EditorID, "M", permission.None},
		{"denied", permission.EditorID, "P", permission.None},
		{"stranger", "", "", permission.None},
	}
	if project {
		all = append(all, membership{"space-manager", permission.ManagerID, "", permission.Manager}, membership{"space-editor", permission.SpaceEditorID, "", permission.SpaceEditor},
			membership{"space-viewer", permission.SpaceViewerID, "", permission.SpaceViewer})
	}
	return all
}

// matrixOptions lets every role be given, links have no password, and trees be listed at once.
func matrixOptions(o server.Options) server.Options {
	var roles []string
	for _, r := range permission.Roles() {
		roles = append(roles, r.ID)
	}
	o.Env = append(o.Env, "GRAPH_AVAILABLE_ROLES="+strings.Join(roles, ","), "OC_SHARING_PUBLIC_SHARE_MUST_HAVE_PASSWORD=false", "OCDAV_ALLOW_PROPFIND_DEPTH_INFINITY=true")
	return o
}

// people makes the accounts that have rights in all worlds, and a group.
func people(t *testing.T, s *server.Server) (ids map[string]string) {
	t.Helper()
	ids = map[string]string{}
	for _, m := range memberships(true) {
		ids[m.name] = account(t, s, m.name)
	}
	ids["disabled"] = account(t, s, "disabled")
	s.Admin().Want("PATCH", "/graph/v1.0/users/"+ids["disabled"], `{"accountEnabled":false}`, nil, 200)
	a := s.Admin().Want("POST", "/graph/v1.0/groups", `{"displayName":"matrix"}`, nil, 201)
	var g struct{ ID string }
	must(t, json.Unmarshal([]byte(a.Body), &g))
	ids["group"] = g.ID
	s.Admin().Want("POST", "/graph/v1.0/groups/"+g.ID+"/members/$ref", `{"@odata.id":"`+s.URL+`/graph/v1.0/users/`+ids["group-member"]+`"}`, nil, 204)
	return ids
}

func newProject(t *testing.T, c *server.Client, name string) (id string) {
	t.Helper()
	var d struct{ ID string }
	must(t, json.Unmarshal([]byte(c.Want("POST", "/graph/v1.0/drives", fmt.Sprintf(`{"name":%q}`, name), nil, 201).Body), &d))
	return d.ID
}

// newWorld makes a space with its parties: a project, or what a user owns.
func newWorld(t *testing.T, s *server.Server, ids map[string]string, project bool) *world {
	t.Helper()
	w := &world{t: t, s: s, owner: s.Admin(), mount: "Mine"}
	if project {
		w.mount = "Ours"
		w.drive = newProject(t, w.owner, "Project")
	} else {
		w.drive = personal(t, w.owner)
	}
	home := newProject(t, w.owner, "Elsewhere")
	w.dav("MKCOL", "P", "")
	w.dav("MKCOL", "P/"+w.mount, "")
	w.folder = w.id("P/" + w.mount)
	w.parties = append(w.parties, party{name: "owner", c: w.owner, may: permission.Manager, root: permission.Manager, own: home})
	for _, m := range memberships(project) {
		c := s.As(m.name, server.Password)
		p := party{name: m.name, c: c, may: m.may, own: personal(t, c)}
		who, expires := ids[m.name], time.Duration(0)
		switch m.name {
		case "group-member":
			who = "g:" + ids["group"]
		case "expired":
			expires = time.Second
		}
		switch m.on {
		case "M":
			w.give("P/"+w.mount, who, m.role, expires)
		case "P":
			w.give("P", who, m.role, 0)
			w.give("P/"+w.mount, who, permission.DeniedID, 0)
		default:
			if m.role != "" {
				w.give("", who, m.role, 0)
				p.root = m.may
			}
		}
		if status := c.Do("PUT", "/dav/spaces/"+p.own+"/mine.txt", "mine").Status; status != 201 && status != 204 {
			t.Fatalf("%s has no space", m.name)
		}
		w.parties = append(w.parties, p)
	}
	w.owner.Want("PUT", "/dav/spaces/"+home+"/mine.txt", "mine", nil, 201)
	for _, kind := range []link.Type{link.View, link.Upload, link.Edit, link.CreateOnly, link.Internal} {
		rights, err := kind.Rights(true)
		must(t, err)
		_, token := w.graph("P/"+w.mount, "createLink", fmt.Sprintf(`{"type":%q}`, kind))
		p := party{name: "link-" + string(kind), c: s.As("", ""), may: rights, token: token, own: "x"}
		if kind == link.Internal {
			p.refused = 401
		}
		w.parties = append(w.parties, p)
	}
	w.parties = append(w.parties, party{name: "nobody", c: s.As("", ""), refused: 401, own: "x"}, party{name: "disabled", c: s.As("disabled", server.Password), refused: 401, own: "x"})
	return w
}

// digest is everything that the owner can see of the space: files, properties, locks, trash and rights.
func (w *world) digest(at *tree) string {
	w.t.Helper()
	all := w.owner.Want("PROPFIND", "/dav/spaces/"+w.drive, `<d:propfind xmlns:d="DAV:"><d:allprop/></d:propfind>`, []string{"Depth", "infinity"}, 207).Body
	all += w.owner.Want("PROPFIND", "/dav/spaces/trash-bin/"+w.drive, "", nil, 207).Body
	all += w.owner.Want("PROPFIND", "/dav/meta/"+at.v["file"]+"/v", "", nil, 207).Body
	for _, p := range []string{"/root", "/items/" + w.folder, "/items/" + url.PathEscape(at.v["item"])} {
		all += w.owner.Want("GET", "/graph/v1beta1/drives/"+w.drive+p+"/permissions", "", nil, 200).Body
	}
	return linkCounters.ReplaceAllString(all, "$1")
}

// linkCounters grow some time after who came.
var linkCounters = regexp.MustCompile(`("@opencloud.link.(views|downloads)":)[0-9]+`)
