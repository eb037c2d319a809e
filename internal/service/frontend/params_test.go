package frontend

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestParameters(t *testing.T) {
	const form, multi = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
	for name, c := range map[string]struct {
		query, kind, body string
		want              string // encoded; empty: refused
	}{
		"form":                  {"", form, "path=%2Fa+b&shareType=0", "path=%2Fa+b&shareType=0"},
		"form without type":     {"", "", "a=1", "a=1"},
		"with character set":    {"", form + "; charset=UTF-8", "a=1", "a=1"},
		"query":                 {"a=1&b=2", "", "", "a=1&b=2"},
		"body before query":     {"a=1&b=2", form, "a=3", "a=3&b=2"},
		"JSON":                  {"", "application/json", `{"path":"/a \"b\"","shareType":3,"quicklink":true,"x":null,"attributes":[{"a":1}]}`, "attributes=%5B%7B%22a%22%3A1%7D%5D&path=%2Fa+%22b%22&quicklink=true&shareType=3"},
		"multipart":             {"", multi, "--x\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n/a\r\n--x--\r\n", "path=%2Fa"},
		"empty value":           {"", form, "password=", "password="},
		"not JSON":              {"", "application/json", `{"path":`, ""},
		"JSON but no object":    {"", "application/json", `["path"]`, ""},
		"JSON and more":         {"", "application/json", `{} {}`, ""},
		"broken form":           {"", form, "a=%zz", ""},
		"broken query":          {"a=%zz", "", "", ""},
		"unknown type":          {"", "text/plain", "a=1", ""},
		"broken type":           {"", ";;", "a=1", ""},
		"multipart, no end":     {"", multi, "--x\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\n/a", ""},
		"no text":               {"", form, "a=%00", ""},
		"no text in a name":     {"", form, "%ff=1", ""},
		"too long":              {"", form, "a=" + strings.Repeat("x", maxBody), ""},
		"too many":              {"", form, "a=1" + manyParams(), ""},
		"too many parts":        {"", multi, strings.Repeat("--x\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\na\r\n", 200) + "--x--\r\n", ""},
		"many values of a name": {"a=1&a=2", "", "", "a=1&a=2"},
	} {
		r := httptest.NewRequest("POST", "https://cloud.test/x?"+c.query, strings.NewReader(c.body))
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		p, err := parameters(r)
		var e *ocsError
		switch {
		case c.want == "" && (!errors.As(err, &e) || e.code/100 != 4):
			t.Errorf("%s: %v, %v, want a refusal", name, p, err)
		case c.want != "" && (err != nil || p.Encode() != c.want):
			t.Errorf("%s: %s, %v, want %s", name, p.Encode(), err, c.want)
		}
	}
}

func manyParams() string {
	var b strings.Builder
	for i := range maxParams {
		fmt.Fprintf(&b, "&b%d=1", i)
	}
	return b.String()
}

func TestMoments(t *testing.T) {
	for text, want := range map[string]string{
		"2030-12-31":                "2030-12-31T23:59:59Z",
		"2030-12-31T10:00:00Z":      "2030-12-31T10:00:00Z",
		"2030-12-31T10:00:00+0100":  "2030-12-31T09:00:00Z",
		"2030-12-31T10:00:00+01:00": "2030-12-31T09:00:00Z",
		"2030-12-31 10:00:00":       "2030-12-31T10:00:00Z",
		"":                          "0001-01-01T00:00:00Z",
		"31.12.2030":                "",
		"2030-02-30":                "",
	} {
		got, err := params{url.Values{"d": {text}}}.moment("d")
		if want == "" {
			if err == nil {
				t.Errorf("%q: %v", text, got)
			}
			continue
		}
		if err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q: %v, %v, want %s", text, got, err, want)
		}
	}
}

// Whatever is sent: it is read within bounds or refused, and what was read is text.
func FuzzParameters(f *testing.F) {
	f.Add("a=1", "application/x-www-form-urlencoded", []byte("path=%2Fa&shareType=3"))
	f.Add("", "application/json", []byte(`{"path":"/a","shareType":3,"attributes":[{}]}`))
	f.Add("", "multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n/a\r\n--x--\r\n"))
	f.Fuzz(func(t *testing.T, query, kind string, body []byte) {
		r := httptest.NewRequest("POST", "https://cloud.test/x", strings.NewReader(string(body)))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", kind)
		p, err := parameters(r)
		if err != nil {
			var e *ocsError
			if !errors.As(err, &e) || e.code < 400 || e.code > 499 {
				t.Fatal(err)
			}
			return
		}
		if len(p.Values) > maxParams {
			t.Fatal(len(p.Values), "parameters")
		}
		for name, values := range p.Values {
			for _, v := range append(values, name) {
				if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
					t.Fatalf("%q", v)
				}
			}
			_, _ = p.moment(name)
			p.is(name)
		}
	})
}
