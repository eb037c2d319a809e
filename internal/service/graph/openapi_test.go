package graph

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// deviations are answers that differ from the description, as those of the original do.
var deviations = map[string]string{
	"POST /v1.0/users/{user-id}/appRoleAssignments 201":            "described as 200; the original answers 201, and clients ask for it",
	"POST /v1beta1/drives/{drive-id}/root/children 201":            "as with roles",
	"POST /v1beta1/drives/{drive-id}/items/{item-id}/children 201": "as with roles",
}

// undescribed are calls of ours, by the beginning or end of their path, that the description does not have.
var undescribed = map[string]string{
	"/v1.0/directory/":                "the bin is our own; the original has no way to restore accounts",
	"/authentication/methods":         "second factors are our own",
	"/authentication/methods/f1":      "second factors are our own",
	"/sessions":                       "sessions are our own",
	"/sessions/nothing":               "sessions are our own",
	"/sessions/s-" + bjornID:          "sessions are our own",
	"/v1.0/users/" + adaID + "/drive": "the original has it, the description does not",
	"/v1.0/no/such/thing":             "there is no such path",
	adas + "/root/children":           "described as a part of items only",
	adas + "/root/content":            "described as a part of items only",
	"/root:/doc.txt":                  "described as a part of items only",
	jailDrive:                         "described in v1.0 only",
	jailDrive + "/root":               "described as a part of items only",
	jailDrive + "/root/children":      "described as a part of items only",
	"/createUploadSession":            "the original has it, the description does not",
	"/restore":                        "the original has it, the description does not",
	"/permanentDelete":                "the original has it, the description does not",
}

// description finds the operation of a path, and its name with the parameters' names in it.
func description(doc *openapi3.T, method, path string) (*openapi3.Operation, string) {
	path, _, _ = strings.Cut(path, "?")
	// Paths between colons cannot be described; the answer is that of the item there.
	path = regexp.MustCompile(`:/[^:]*(:|$)`).ReplaceAllString(path, "")
	have := strings.Split(strings.TrimSuffix(path, "/"), "/")
	for template, item := range doc.Paths.Map() {
		want := strings.Split(template, "/")
		ok := len(want) == len(have)
		for i := 0; ok && i < len(want); i++ {
			ok = want[i] == have[i] || strings.HasPrefix(want[i], "{")
		}
		if ok {
			return item.GetOperation(method), template
		}
	}
	return nil, ""
}

func answerFits(op *openapi3.Operation, out *httptest.ResponseRecorder) (string, bool) {
	r := op.Responses.Value(strconv.Itoa(out.Code))
	if r == nil && out.Code >= 400 {
		r = op.Responses.Default()
	}
	if r == nil {
		return "this status is not described", false
	}
	media := r.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		if out.Code == 204 && out.Body.Len() > 0 {
			return "204 with a body", false
		}
		return "", true
	}
	if got := out.Header().Get("Content-Type"); got != "application/json" {
		return "Content-Type " + got, false
	}
	var v any
	if err := json.Unmarshal(out.Body.Bytes(), &v); err != nil {
		return err.Error(), false
	}
	if err := media.Schema.Value.VisitJSON(v, openapi3.VisitAsResponse(), openapi3.MultiErrors(), openapi3.EnableFormatValidation()); err != nil {
		return err.Error(), false
	}
	return "", true
}

// TestAnswersAreAsDescribed holds every answer against the description of the API.
func TestAnswersAreAsDescribed(t *testing.T) {
	file := filepath.Join("..", "..", "..", "..", "shared", "api", "libre-graph-v1.0.yaml")
	if _, err := os.Stat(file); err != nil {
		t.Skip("the description of the API is not here")
	}
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	check(t, err)
	validated := 0
	seen := func(method, path string, out *httptest.ResponseRecorder) {
		op, template := description(doc, method, path)
		if op == nil {
			bare, _, _ := strings.Cut(path, "?")
			for part := range undescribed {
				if strings.HasPrefix(bare, part) || strings.HasSuffix(bare, part) {
					return
				}
			}
			if out.Code == http.StatusMethodNotAllowed || out.Code == http.StatusUnauthorized {
				return // a method that is not there
			}
			t.Errorf("%s %s: is not described (%d)", method, path, out.Code)
			return
		}
		validated++
		why, ok := answerFits(op, out)
		if deviations[method+" "+template+" "+strconv.Itoa(out.Code)] != "" {
			return
		}
		if !ok {
			t.Errorf("%s %s: %d: %s\n%.600s", method, path, out.Code, why, out.Body)
		}
	}
	w := newWorld(t, nil)
	w.seen = seen
	for _, c := range matrix() {
		for _, caller := range callers {
			if c.method != "GET" && caller.id == adminID {
				w = newWorld(t, nil)
				w.seen = seen
			}
			version := "/v1.0"
			if op, _ := description(doc, c.method, version+c.path); op == nil {
				if op, _ := description(doc, c.method, "/v1beta1"+c.path); op != nil {
					version = "/v1beta1"
				}
			}
			w.call(caller.id, c.method, version+c.path, c.body)
		}
	}
	eachSharing(t, func(w *world) { w.seen = seen }, func(sharingCall, string, int, *httptest.ResponseRecorder) {})
	w = newWorld(t, nil)
	w.seen = seen
	all := "$expand=memberOf,appRoleAssignments,drive,drives"
	for _, path := range []string{"/v1.0/me?" + all, "/v1.0/users?" + all, "/v1.0/users/" + adaID + "?" + all, "/v1beta1/me/drives?$expand=root($expand=permissions)",
		"/v1beta1/drives?$expand=root($expand=permissions)", "/v1.0/drives/" + mount + "$" + adaID + "?$select=@libre.graph.hasTrashedItems", "/v1.0/users?$filter=shoe eq '1'",
		"/v1.0/users?$top=1&$count=true", "/v1.0/groups?$expand=members", "/v1.0/me?$expand=shoes", "/v1.0/education/users?$filter=externalId eq 'ex1'"} {
		w.call(adminID, "GET", path, "")
	}
	w.members()
	check(t, w.fs.SetGrant(w.as(bjornID), storage.At(resource.SpaceRoot(mount, moonID), ""), space.Grant{Kind: space.GroupGrantee, Grantee: groupID, Permissions: permission.SpaceEditor | permission.PurgeTrash,
		Expires: time.Now().Add(time.Hour)}))
	w.call(bjornID, "PATCH", "/v1.0"+moon, `{"special":[{"id":"{plan}","specialFolder":{"name":"readme"}}]}`)
	for _, path := range []string{"/v1.0/me/drives", "/v1beta1/me/drives?$expand=root($expand=permissions)", "/v1.0" + moon, "/v1.0" + moon + "/root?$select=" + selectActions,
		"/v1.0" + moon + "/items/{plan}?$select=" + selectActions + "," + selectDownload, "/v1.0" + moon + "/items/{plan}/children", "/v1beta1" + moon + "/items/{plan}/content"} {
		w.call(bjornID, "GET", path, "")
	}
	w.call(spaceID, "POST", "/v1.0/drives?template=default", `{"name":"New"}`)
	w.disable(moonID)
	w.call(bjornID, "GET", "/v1.0/me/drives", "")
	w.call(bjornID, "PATCH", "/v1.0"+moon, "{}", "Restore", "T")
	w.call(bjornID, "DELETE", "/v1.0"+moon, "", "Purge", "maybe")
	w.call(adminID, "PATCH", "/v1.0/education/schools/"+schoolID, `{"terminationDate":"2020-01-01T00:00:00Z"}`)
	w.call(adminID, "GET", "/v1.0/education/schools", "")
	w.call(adminID, "DELETE", "/v1.0/education/schools/"+schoolID, "")
	if validated < 300 {
		t.Errorf("only %d answers were held against the description", validated)
	}
}
