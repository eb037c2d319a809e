package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"opencloud/test/server"
)

// TestSharingAtOnce lets 16 clients share, take back, move, delete, restore, accept, rename mounts, make and remove links on the
// same folders, for OC_STRESS_TIME (else shortly). No request fails in an unexpected way, and in the end nothing leads nowhere.
// OPENCLOUD_BINARY may name a program built with the race detector.
func TestSharingAtOnce(t *testing.T) {
	for name, o := range map[string]server.Options{"one process": {}, "split": {Split: true}} {
		t.Run(name, func(t *testing.T) { sharingAtOnce(t, o) })
	}
}

var trashKey = regexp.MustCompile(`<d:href>[^<]*/trash-bin/[^/<]+/([^/<]+)</d:href>`)

func sharingAtOnce(t *testing.T, o server.Options) {
	d, err := time.ParseDuration(os.Getenv("OC_STRESS_TIME"))
	if err != nil {
		d = 3 * time.Second
	}
	s := server.Start(t, o)
	alan := as(t, s, "alan")
	for i := range 3 {
		alan.mkdir(fmt.Sprint("d", i))
	}
	users := map[string]string{}
	for _, u := range []string{"mary", "lynn"} {
		var me struct{ ID string }
		must(t, json.Unmarshal([]byte(s.As(u, "demo").Want("GET", "/graph/v1.0/me", "", nil, 200).Body), &me))
		users[u] = me.ID
	}
	until := time.Now().Add(d)
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[string]int{}
	for k := range uint64(16) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), k))
			name := []string{"mary", "lynn"}[k%2]
			c := &atOnce{r: r, owner: s.As("alan", "demo"), receiver: s.As(name, "demo"), to: users[name], drive: alan.drive}
			for time.Now().Before(until) {
				what, a, err := c.step()
				if err != nil {
					t.Errorf("%s: %v", what, err)
					return
				}
				if a.Status >= 500 && a.Status != 503 && a.Status != 507 {
					t.Errorf("%s: %d %.300s", what, a.Status, a.Body)
				}
				mu.Lock()
				statuses[fmt.Sprintf("%s %dxx", what, a.Status/100)]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Log(statuses)
	s.Stop()
	for _, args := range [][]string{{"shares", "cleanup"}, {"shares", "check"}, {"storage-users", "check"}} {
		if out, err := s.Command(args...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

// atOnce is one of many clients: somebody who shares, and who receives it.
type atOnce struct {
	r               *rand.Rand
	owner, receiver *server.Client
	to, drive       string
}

func (c *atOnce) path() string { return fmt.Sprintf("/dav/spaces/%s/d%d", c.drive, c.r.IntN(3)) }

// pick returns one of the matches in what a request gave, "" if there are none.
func (c *atOnce) pick(by *server.Client, method, path string, what *regexp.Regexp, h ...string) string {
	a, err := by.Try(method, path, nil, h...)
	if err != nil {
		return ""
	}
	m := what.FindAllStringSubmatch(a.Body, -1)
	if len(m) == 0 {
		return ""
	}
	return m[c.r.IntN(len(m))][1]
}

var (
	itemID       = regexp.MustCompile(`<oc:id>([^<]+)</oc:id>`)
	permissionID = regexp.MustCompile(`"id":"([^"$:]+:[^":]+:[^":]+|[A-Za-z]{15})"`)
	mountHref    = regexp.MustCompile(`<d:href>[^<]*` + jailID + `/([^/<]+)/?</d:href>`)
)

func (c *atOnce) step() (what string, a server.Answer, err error) {
	item := "/graph/v1beta1/drives/" + c.drive + "/items/" + c.pick(c.owner, "PROPFIND", c.path(), itemID, "Depth", "0")
	steps := []string{"invite", "invite", "invite", "permission", "move", "delete", "restore", "mkdir", "mkdir", "mkdir", "link", "mount", "mount", "unsync", "accept", "put", "put", "list"}
	what = steps[c.r.IntN(len(steps))]
	mount := func() string {
		return "/dav/spaces/" + jailSpace + "/" + c.pick(c.receiver, "PROPFIND", "/dav/spaces/"+jailSpace, mountHref, "Depth", "1")
	}
	if slices.Contains([]string{"invite", "permission", "link", "accept"}, what) && strings.HasSuffix(item, "/") {
		return "nothing there", server.Answer{Status: 404}, nil
	}
	switch what {
	case "invite":
		a, err = c.owner.Try("POST", item+"/invite", strings.NewReader(`{"recipients":[{"objectId":"`+c.to+`"}],"roles":["`+editorRole+`"]}`))
	case "permission":
		p := c.pick(c.owner, "GET", item+"/permissions", permissionID)
		method, body := "DELETE", ""
		if c.r.IntN(2) == 0 {
			method, body = "PATCH", `{"expirationDateTime":null}`
		}
		a, err = c.owner.Try(method, item+"/permissions/"+url.PathEscape(p), strings.NewReader(body))
	case "move":
		a, err = c.owner.Try("MOVE", c.path(), nil, "Destination", c.path(), "Overwrite", "T")
	case "delete":
		a, err = c.owner.Try("DELETE", c.path(), nil)
	case "restore":
		trash := "/dav/spaces/trash-bin/" + c.drive
		key := c.pick(c.owner, "PROPFIND", trash, trashKey, "Depth", "1")
		if a, err = c.owner.Try("MOVE", trash+"/"+key, nil, "Destination", c.path(), "Overwrite", "F"); c.r.IntN(3) == 0 {
			a, err = c.owner.Try("DELETE", trash+"/"+key, nil)
		}
	case "mkdir":
		a, err = c.owner.Try("MKCOL", c.path(), nil)
	case "link":
		a, err = c.owner.Try("POST", item+"/createLink", strings.NewReader(`{"type":"view","password":"`+linkPassword+`"}`))
	case "mount":
		a, err = c.receiver.Try("MOVE", mount(), nil, "Destination", fmt.Sprintf("/dav/spaces/%s/m%d", jailSpace, c.r.IntN(4)), "Overwrite", "F")
	case "unsync":
		a, err = c.receiver.Try("DELETE", mount(), nil)
	case "accept":
		a, err = c.receiver.Try("POST", "/graph/v1beta1/drives/"+jailSpace+"/root/children", strings.NewReader(`{"remoteItem":{"id":"`+item[strings.LastIndexByte(item, '/')+1:]+`"}}`))
	case "put":
		a, err = c.receiver.Try("PUT", mount()+"/f", strings.NewReader("x"))
	case "list":
		a, err = c.receiver.Try("GET", "/graph/v1beta1/me/drive/sharedWithMe", nil)
	}
	return what, a, err
}
