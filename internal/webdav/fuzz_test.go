package webdav_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"opencloud/internal/webdav"
)

// FuzzBodies: whatever is sent, parsers neither panic nor accept a document type, and what they accept is bounded.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{"", "<", `<d:propfind xmlns:d="DAV:"><d:allprop/></d:propfind>`, `<propfind xmlns="DAV:"><prop><x xmlns="y"/></prop></propfind>`,
		`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, `<a:lockinfo xmlns:a="DAV:"><a:lockscope><a:shared/></a:lockscope><a:locktype><a:write/></a:locktype><a:owner><b xmlns="c">d</b></a:owner></a:lockinfo>`,
		`<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><x:y xmlns:x="z" x:a="1">é&amp;<q/></x:y></d:prop></d:set></d:propertyupdate>`,
		`<d:sync-collection xmlns:d="DAV:"><d:sync-token>t</d:sync-token><d:sync-level>infinite</d:sync-level><d:limit><d:nresults>5</d:nresults></d:limit><d:prop/></d:sync-collection>`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := webdav.ParsePropfind(bytes.NewReader(b))
		if err == nil && len(p.Props) > 1000 {
			t.Fatal("too many properties")
		}
		if err == nil && bytes.Contains(b, []byte("<!DOCTYPE")) && !bytes.Contains(b, []byte("<![CDATA[")) && !bytes.Contains(b, []byte("<!--")) && !bytes.Contains(b, []byte("<?")) {
			t.Fatal("a document type was accepted")
		}
		patches, err := webdav.ParseProppatch(bytes.NewReader(b))
		if err == nil {
			for _, x := range patches { // what is stored must be well formed when it is given back
				doc := `<?xml version="1.0"?><d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><v` + x.Attrs + `>` + x.Value + `</v></d:prop></d:set></d:propertyupdate>`
				if _, err := webdav.ParseProppatch(strings.NewReader(doc)); err != nil && len(doc) < webdav.MaxBody {
					t.Fatalf("stored value is not well formed: %v\n%s", err, doc)
				}
			}
		}
		_, _, _ = webdav.ParseLock(bytes.NewReader(b))
		_, _ = webdav.ParseReport(bytes.NewReader(b))
	})
}

func FuzzIf(f *testing.F) {
	for _, s := range []string{"", "(<a>)", `<http://x/y> (<t> ["e"]) (Not <DAV:no-lock>)`, `(["e"]`, "(Not", "<a>(<b>)(<c>)<d>(Not [W/\"x\"])"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := webdav.ParseIf(s)
		if err != nil {
			return
		}
		if len(parsed) == 0 && strings.TrimSpace(s) != "" {
			t.Fatalf("%q is taken for no condition", s)
		}
		if _, err := parsed.Eval(func(string) (webdav.State, error) { return webdav.State{ETag: "e", Tokens: []string{"t"}}, nil }); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"bytes=0-1", "bytes=-5,7-", "bytes=1-0", "Second-5, Infinite", "https://h/a%2fb", "/a/../b", "/%2e%2e/x", `"a", W/"b", *`, "infinity"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h := http.Header{"Range": {s}}
		if webdav.CheckRange(h) == nil && strings.Count(h.Get("Range"), ",") >= 64 {
			t.Fatal("too many ranges were let through")
		}
		if p, err := webdav.ParseDestination(s, "h"); err == nil {
			segments, err := webdav.CleanPath(p)
			for _, x := range segments {
				if err == nil && (x == ".." || x == "." || x == "" || strings.ContainsAny(x, "/\x00")) {
					t.Fatalf("segment %q of %q", x, s)
				}
			}
		}
		_, _ = webdav.ParseETags([]string{s})
		_, _ = webdav.ParseTimeout(s)
		_, _ = webdav.ParseDepth(s, webdav.DepthOne)
		_, _ = webdav.ParseLockToken(s)
	})
}

func TestIf(t *testing.T) {
	state := func(r string) (webdav.State, error) {
		if r == "/other" {
			return webdav.State{ETag: "o"}, nil
		}
		return webdav.State{ETag: "e", Tokens: []string{"t"}}, nil
	}
	for s, want := range map[string]bool{`(<t>)`: true, `(<x>)`: false, `(Not <x>)`: true, `(<t> ["e"])`: true, `(<t> ["f"])`: false, `(["f"]) (<t>)`: true,
		`</other> (["o"])`: true, `</other> (["e"])`: false, `(<x>) (Not <DAV:no-lock>)`: true, `(<t> Not ["f"])`: true} {
		f, err := webdav.ParseIf(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if got, err := f.Eval(state); err != nil || got != want {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	for _, s := range []string{"(", "()", "(<>)", "x", "(<t>", "(Not)", "<a>", `(["a)`} {
		if _, err := webdav.ParseIf(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{"a&<>\"": "a&amp;&lt;&gt;&#34;", "\x00\x1f": "\uFFFD\uFFFD", "é\xff": "é\uFFFD", "ok": "ok", "\uFFFE": "\uFFFD", "\r": "&#13;"} {
		if got := webdav.Escape(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := string(webdav.AppendHref(nil, "/a b/ü%#?+&'")); got != "/a%20b/%C3%BC%25%23%3F+%26%27" {
		t.Error(got)
	}
}
