package e2e

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"opencloud/test/server"
)

const sharingAPI = "/ocs/v2.php/apps/files_sharing/api/v1/"

// ocs makes a call of the sharing API as older clients do: a form in, JSON out. It returns the data.
func ocs(t *testing.T, c *server.Client, status int, method, path string, form url.Values) any {
	t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	a := c.Want(method, sharingAPI+path+sep+"format=json", form.Encode(), []string{"Content-Type", "application/x-www-form-urlencoded", "OCS-APIRequest", "true"}, status)
	var v struct {
		OCS struct {
			Data any `json:"data"`
		} `json:"ocs"`
	}
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		t.Fatalf("%s %s: %v\n%s", method, path, err, a.Body)
	}
	return v.OCS.Data
}

// member of the first (or only) object of an answer.
func member(data any, name string) any {
	if list, ok := data.([]any); ok {
		if len(list) == 0 {
			return nil
		}
		data = list[0]
	}
	o, _ := data.(map[string]any)
	return o[name]
}

// A folder is shared, used, and taken back by the OCS API, as mobile and older desktop clients do.
func TestSharingByOCS(t *testing.T) {
	inBothWirings(t, func(t *testing.T, o server.Options) {
		s := server.Start(t, o)
		mary, alan, nobody := s.As("mary", "demo"), s.As("alan", "demo"), s.As("", "")
		mary.Want("MKCOL", "/dav/files/mary/docs", "", nil, 201)
		mary.Want("PUT", "/dav/files/mary/docs/a.txt", "hello", nil, 201)
		found := ocs(t, mary, 200, "GET", "sharees?search=alan&itemType=folder", nil)
		exact, _ := found.(map[string]any)["exact"].(map[string]any)
		to, _ := member(member(exact["users"], "value"), "shareWith").(string)
		share := ocs(t, mary, 200, "POST", "shares", url.Values{"shareType": {"0"}, "path": {"/docs"}, "shareWith": {to}, "permissions": {"1"}})
		id, _ := member(share, "id").(string)
		got := ocs(t, alan, 200, "GET", "shares?shared_with_me=true", nil)
		if member(got, "path") != "/Shares/docs" || member(got, "uid_owner") != "mary" || member(got, "state") != 0.0 {
			t.Fatalf("%v", got)
		}
		if below := ocs(t, mary, 200, "GET", "shares?path=/&subfiles=true&reshares=true", nil); member(below, "id") != id || member(below, "path") != "/docs" {
			t.Errorf("%v", below)
		}
		folder, _ := member(got, "item_source").(string)
		in := "/dav/spaces/" + folder
		alan.Want("GET", in+"/a.txt", "", nil, 200)
		alan.Want("PUT", in+"/b.txt", "x", nil, 403)
		ocs(t, alan, 404, "PUT", "shares/"+id, url.Values{"permissions": {"15"}})
		ocs(t, mary, 200, "PUT", "shares/"+id, url.Values{"permissions": {"15"}})
		alan.Want("PUT", in+"/b.txt", "x", nil, 201)
		if a := alan.Want("GET", "/archiver?id="+url.QueryEscape(folder), "", nil, 200); !strings.HasPrefix(a.Body, "PK") {
			t.Error("no archive")
		}
		link := ocs(t, mary, 200, "POST", "shares", url.Values{"shareType": {"3"}, "path": {"/docs"}, "password": {"Secret 123!"}})
		token, _ := member(link, "token").(string)
		if info := ocs(t, mary, 200, "GET", "tokeninfo/protected/"+token, nil); member(info, "password_protected") != true || member(info, "path") != "/docs" {
			t.Error(info)
		}
		ocs(t, mary, 400, "POST", "shares", url.Values{"shareType": {"3"}, "path": {"/docs"}})
		nobody.Want("GET", sharingAPI+"shares", "", nil, 401)
		ocs(t, mary, 200, "DELETE", "shares/"+id, nil)
		alan.Want("GET", in+"/a.txt", "", nil, 404)
		if got, _ := ocs(t, alan, 200, "GET", "shares?shared_with_me=true&state=all", nil).([]any); len(got) != 0 {
			t.Error(got)
		}
	})
}
