package e2e

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"opencloud/test/server"
)

// TestGone: of people and groups that are deleted while they share nothing is left that gives anything, and what they gave in
// projects stays. (spec/storage.md §10.1)
func TestGone(t *testing.T) {
	inBothWirings(t, func(t *testing.T, o server.Options) {
		s := server.Start(t, o)
		admin, alan, mary := s.Admin(), as(t, s, "alan"), as(t, s, "mary")
		read := func(a server.Answer) (v struct {
			ID   string
			Root struct{ ID string }
		}) {
			t.Helper()
			if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
				t.Fatal(err, a.Body)
			}
			return v
		}
		account := func(name string) (string, *sharer) {
			t.Helper()
			id := read(admin.Want("POST", "/graph/v1.0/users", `{"displayName":"`+name+`","onPremisesSamAccountName":"`+name+`","mail":"`+name+`@example.org","passwordProfile":{"password":"demo-Pass-1"}}`, nil, 201)).ID
			c := s.As(name, "demo-Pass-1")
			return id, &sharer{c, t, read(c.Want("GET", "/graph/v1.0/me/drive", "", nil, 200)).ID}
		}
		eveID, eve := account("eve")
		group := read(admin.Want("POST", "/graph/v1.0/groups", `{"displayName":"crew"}`, nil, 201)).ID
		admin.Want("POST", "/graph/v1.0/groups/"+group+"/members/$ref", `{"@odata.id":"`+s.URL+`/graph/v1.0/users/`+maryUser+`"}`, nil, 204)
		invite := func(by *sharer, item, kind, to, role string) string {
			t.Helper()
			a := by.Want("POST", "/graph/v1beta1/drives/"+by.drive+"/items/"+item+"/invite", `{"recipients":[{"objectId":"`+to+`","@libre.graph.recipient.type":"`+kind+`"}],"roles":["`+role+`"]}`, nil, 200)
			var v struct{ Value []struct{ ID string } }
			if err := json.Unmarshal([]byte(a.Body), &v); err != nil || len(v.Value) != 1 {
				t.Fatal(a.Body, err)
			}
			return v.Value[0].ID
		}
		jail := "/dav/spaces/" + jailSpace
		alan.mkdir("crew")
		alan.put("crew/a.txt", "1")
		alan.mkdir("eve")
		eve.mkdir("hers")
		_, token := eve.link("hers", "view")
		invite(alan, alan.id("crew"), "group", group, viewerRole)
		alan.invite("eve", eveID, editorRole)
		eve.invite("hers", maryUser, viewerRole)

		// A project in which eve is a manager, and shares.
		project := &sharer{admin, t, read(admin.Want("POST", "/graph/v1.0/drives", `{"name":"Ship"}`, nil, 201)).ID}
		project.mkdir("deck")
		project.put("deck/b.txt", "2")
		deck := project.id("deck")
		admin.Want("POST", "/graph/v1beta1/drives/"+project.drive+"/root/invite", `{"recipients":[{"objectId":"`+eveID+`"}],"roles":["312c0871-5ef7-4b3a-85b6-0e4074c64049"]}`, nil, 200)
		byEve := &sharer{eve.Client, t, project.drive}
		share := invite(byEve, deck, "user", maryUser, editorRole)

		for _, p := range []string{"/crew/a.txt", "/deck/b.txt"} {
			// other processes learn within a second that she is in a group now
			for until := time.Now().Add(5 * time.Second); mary.Do("GET", jail+p, "").Status == 404 && time.Now().Before(until); {
				time.Sleep(100 * time.Millisecond)
			}
			mary.Want("GET", jail+p, "", nil, 200)
		}
		mary.Want("PROPFIND", jail+"/hers", "", []string{"Depth", "0"}, 207)
		eve.Want("PROPFIND", jail+"/eve", "", []string{"Depth", "0"}, 207)

		admin.Want("DELETE", "/graph/v1.0/groups/"+group, "", nil, 204)
		admin.Want("DELETE", "/graph/v1.0/users/"+eveID, "", nil, 204)

		mary.Want("GET", jail+"/crew/a.txt", "", nil, 404)
		mary.Want("PROPFIND", jail+"/hers", "", []string{"Depth", "0"}, 404)
		s.As("public", linkPassword).Want("PROPFIND", "/dav/public-files/"+token, "", []string{"Depth", "0"}, 404)
		for _, item := range []string{"crew", "eve"} {
			if body := alan.Want("GET", "/graph/v1beta1/drives/"+alan.drive+"/items/"+alan.id(item)+"/permissions", "", nil, 200).Body; strings.Contains(body, eveID) || strings.Contains(body, group) {
				t.Errorf("%s is still shared: %s", item, body)
			}
		}
		// What she shared in the project remains, with the managers who are left.
		mary.Want("PUT", jail+"/deck/b.txt", "3", nil, 204)
		if body := mary.Want("GET", "/graph/v1beta1/me/drive/sharedWithMe", "", nil, 200).Body; !strings.Contains(body, "deck") || strings.Contains(body, "hers") || strings.Contains(body, "crew") {
			t.Errorf("shared with mary: %s", body)
		}
		admin.Want("DELETE", "/graph/v1beta1/drives/"+project.drive+"/items/"+deck+"/permissions/"+url.PathEscape(share), "", nil, 204)
		mary.Want("GET", jail+"/deck/b.txt", "", nil, 404)

		// The command reaches the running server, and the databases when there is none.
		for range 2 {
			var done struct{ Links, Received, Grants int }
			out, err := s.Command("shares", "cleanup", "--grants", "--json", "--service-account-id", "x", "--service-account-secret", "y").Output()
			if err == nil {
				err = json.Unmarshal(out, &done)
			}
			if err != nil || done.Links != 0 || done.Grants != 0 {
				t.Fatalf("shares cleanup: %v %s", err, out)
			}
			if out, err := s.Command("shares", "check").CombinedOutput(); err != nil || !strings.Contains(string(out), "0 shares, 0 links, 0 mounts") {
				t.Fatalf("shares check: %v\n%s", err, out)
			}
			s.Stop()
		}
	})
}
