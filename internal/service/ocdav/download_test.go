package ocdav

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"opencloud/internal/signedurl"
)

// The address in oc:downloadURL is good for the file it stands beside, as the one who asked, and for nothing else.
func TestDownloadURL(t *testing.T) {
	r := newRig(t)
	base := "/dav/spaces/" + mount + "$u-mary"
	r.run([]step{
		{"MKCOL", base + "/d%20%25", "", nil, 201, nil, nil},
		{"PUT", base + "/d%20%25/%C3%BC%3F%23%26.txt", "x", nil, 201, nil, nil},
	})
	ask := `<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop><oc:downloadURL/></d:prop></d:propfind>`
	body := r.do("PROPFIND", base+"/d%20%25", ask, "Depth", "1").Body.String()
	found := regexp.MustCompile(`<oc:downloadURL>([^<]+)</oc:downloadURL>`).FindAllStringSubmatch(body, -1)
	if len(found) != 1 {
		t.Fatalf("%d addresses, want that of the file only\n%s", len(found), body)
	}
	u, err := url.Parse(strings.ReplaceAll(found[0][1], "&amp;", "&"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := signedurl.New([]byte(urlSecret))
	if err != nil {
		t.Fatal(err)
	}
	if id, err := s.Verify(u, "https://cloud.test"); err != nil || id != "u-mary" {
		t.Errorf("%s: %q, %v", u, id, err)
	}
	if w := r.do("GET", u.EscapedPath(), ""); w.Code != 200 || w.Body.String() != "x" {
		t.Errorf("GET %s: %d", u.EscapedPath(), w.Code)
	}
	u.Path = strings.TrimSuffix(u.Path, ".txt")
	u.RawPath = ""
	if id, err := s.Verify(u, "https://cloud.test"); err == nil {
		t.Errorf("the signature is good for another address too, as %s", id)
	}
}
