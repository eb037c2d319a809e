package frontend

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

const mount = "11111111-1111-4111-8111-111111111111"

func mary() identity.Actor {
	return identity.Actor{Kind: identity.Person, User: identity.User{ID: "u-mary", Username: "mary", DisplayName: "Mary", Mail: "mary@example.org"}}
}

type rig struct {
	t   *testing.T
	h   http.Handler
	fs  storage.FS
	ctx context.Context
}

func newRig(t *testing.T) *rig {
	w := newWorld(t, nil)
	return &rig{t, w.h, w.fs, w.ctx["mary"]}
}

func (r *rig) get(a identity.Actor, path string) *httptest.ResponseRecorder {
	req := httptest.NewRequest("GET", "https://cloud.test"+path, nil)
	w := httptest.NewRecorder()
	r.h.ServeHTTP(w, req.WithContext(identity.WithActor(req.Context(), a)))
	return w
}

func (r *rig) put(path, content string) storage.Info {
	r.t.Helper()
	res, err := r.fs.Upload(r.ctx, storage.At(resource.SpaceRoot(mount, "u-mary"), path), storage.UploadRequest{Length: int64(len(content)), MakeParents: true}, strings.NewReader(content))
	if err != nil {
		r.t.Fatal(err)
	}
	return res.Info
}

func TestArchives(t *testing.T) {
	r := newRig(t)
	r.put("docs/a.txt", "hello")
	r.put("docs/sub/b.txt", "world")
	folder, err := r.fs.Stat(r.ctx, storage.At(resource.SpaceRoot(mount, "u-mary"), "docs"), storage.View{})
	if err != nil {
		t.Fatal(err)
	}
	id := url.QueryEscape(folder.ID.String())
	w := r.get(mary(), "/archiver?id="+id)
	z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if w.Code != 200 || err != nil {
		t.Fatal(w.Code, err)
	}
	got := map[string]string{}
	for _, f := range z.File {
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(rc)
		got[f.Name] = string(b)
	}
	if got["docs/a.txt"] != "hello" || got["docs/sub/b.txt"] != "world" || len(got) != 4 {
		t.Fatal(got)
	}
	if d := w.Header().Get("Content-Disposition"); d != "attachment; filename*=UTF-8''docs.zip" {
		t.Error(d)
	}
	tr := tar.NewReader(r.get(mary(), "/archiver?output-format=tar&id="+id).Body)
	if h, err := tr.Next(); err != nil || h.Name != "docs/" {
		t.Error(h, err)
	}
	for path, want := range map[string]int{"/archiver": 400, "/archiver?id=x": 400, "/archiver?id=" + url.QueryEscape(mount+"$u-mary!none"): 404, "/archiver?id=" + id + "&output-format=rar": 400} {
		if w := r.get(mary(), path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if w := r.get(identity.Actor{}, "/archiver?id="+id); w.Code != 401 {
		t.Error("stranger:", w.Code)
	}
	if w := r.get(identity.Actor{Kind: identity.Person, User: identity.User{ID: "u-alan"}}, "/archiver?id="+id); w.Code != 404 {
		t.Error("another user:", w.Code)
	}
	r.put("docs/big", strings.Repeat("x", 2000))
	if w := r.get(mary(), "/archiver?id="+id); w.Code != 413 || w.Header().Get("Content-Type") == "application/zip" {
		t.Error("too large:", w.Code)
	}
}

func TestOCS(t *testing.T) {
	r := newRig(t)
	for _, tc := range []struct {
		path   string
		actor  identity.Actor
		status int
		has    string
	}{
		{"/ocs/v1.php/cloud/user?format=json", mary(), 200, `"statuscode":100`},
		{"/ocs/v2.php/cloud/user?format=json", mary(), 200, `"statuscode":200`},
		{"/ocs/v1.php/cloud/user", mary(), 200, "<email>mary@example.org</email>"},
		{"/ocs/v1.php/cloud/user", identity.Actor{}, 401, "<statuscode>997</statuscode>"},
		{"/ocs/v2.php/cloud/users/mary?format=json", mary(), 200, `"quota"`},
		{"/ocs/v2.php/cloud/users/alan?format=json", mary(), 403, `"statuscode":403`},
		{"/ocs/v1.php/config", identity.Actor{}, 200, "<version>1.7</version>"},
		{"/ocs/v1.php/cloud/capabilities?format=json", identity.Actor{}, 200, `"webdav-root":"remote.php/webdav"`},
		{"/ocs/v2.php/privacy?format=json", mary(), 404, `"statuscode":998`},
		{"/ocs/v1.php/privacy?format=json", mary(), 200, `"statuscode":998`},
		{"/status.php", identity.Actor{}, 200, `"installed":true`},
		{"/nothing", mary(), 404, ""},
		{"/data/not-a-token", identity.Actor{}, 410, ""},
	} {
		w := r.get(tc.actor, tc.path)
		if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.has) {
			t.Errorf("%s: %d, want %d and %q\n%s", tc.path, w.Code, tc.status, tc.has, w.Body)
		}
	}
}
