package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	maxPage          = 1 << 20 // bytes
	noncePlaceholder = "__CSP_NONCE__"
	dataPlaceholder  = "<!-- __DATA__ -->"
)

// client is the application in the browser: ours, or the one in a folder of the operator's.
type client struct {
	files   *files
	ours    int    // the layer of our own client; -1: another one is served
	scripts string // origins beside our own that scripts come from
	// data returns what our page would ask for first, as elements.
	data func(context.Context) []byte
}

// newClient serves a folder that is a client of its own alone; single files of a folder without index.html take the place of ours.
func newClient(core *os.Root, own fs.FS, cache string, scripts string, data func(context.Context) []byte) *client {
	c := &client{scripts: scripts, data: data}
	list := layers(core)
	if core != nil {
		if i, err := core.Stat("index.html"); err == nil && i.Mode().IsRegular() {
			c.files, c.ours = newFiles(cache, list...), -1
			return c
		}
	}
	c.ours = len(list)
	c.files = newFiles(cache, append(list, own)...)
	return c
}

// serve answers with a file or, where the address is one of the application's own, with its page. (spec/services.md §19)
func (c *client) serve(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch name {
	case "oidc-callback.html", "oidc-silent-redirect.html":
		if c.page(w, r, name) {
			return
		}
	case "", "index.html":
	default:
		if c.files.serve(w, r, name) {
			return
		}
		// A script that is no more must not be answered with a page; the application has no addresses below its own folders.
		if top, _, deep := strings.Cut(name, "/"); deep && valid(top) && c.files.hasFolder(top) {
			http.NotFound(w, r)
			return
		}
	}
	if !c.page(w, r, "index.html") {
		b, _ := base.ReadFile("base/noclient.html") // the server was built without a client
		c.write(w, r, b, true)
	}
}

// page answers with an entry page and tells whether there is one.
func (c *client) page(w http.ResponseWriter, r *http.Request, name string) bool {
	b, layer, ok := c.files.read(name, maxPage)
	if ok {
		c.write(w, r, withBase(b), layer == c.ours)
	}
	return ok
}

// write sends a page. Ours get a policy about scripts beside the proxy's: browsers hold pages to both, so that an operator's
// still counts.
func (c *client) write(w http.ResponseWriter, r *http.Request, page []byte, ours bool) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	if !ours {
		sum := sha256.Sum256(page)
		h.Set("Etag", `"`+hex.EncodeToString(sum[:12])+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(page))
		return
	}
	// No ETag: a page from the browser's cache would have the nonce of another answer.
	nonce := rand.Text()
	if at := bytes.Index(page, []byte(dataPlaceholder)); at >= 0 {
		page = bytes.Join([][]byte{page[:at], page[at+len(dataPlaceholder):]}, c.data(r.Context()))
	}
	page = bytes.ReplaceAll(page, []byte(noncePlaceholder), []byte(nonce))
	h.Add("Content-Security-Policy", "script-src 'self' 'nonce-"+nonce+"'"+c.scripts+"; script-src-attr 'none'; base-uri 'self'")
	h.Set("Vary", "Accept-Encoding")
	if acceptedEncodings(r.Header.Values("Accept-Encoding"))["gzip"] {
		if packed := compress(page); packed != nil {
			h.Set("Content-Encoding", "gzip")
			page = packed
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(page)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(page)
	}
}

var (
	head    = regexp.MustCompile(`(?i)<head(?:\s[^>]*)?>`)
	hasBase = regexp.MustCompile(`(?i)<base\s`)
)

// withBase makes relative addresses of a page start at the root, however deep the address is by which it was asked for.
func withBase(page []byte) []byte {
	at := head.FindIndex(page)
	if at == nil || hasBase.Match(page) {
		return page
	}
	return bytes.Join([][]byte{page[:at[1]], page[at[1]:]}, []byte(`<base href="/">`))
}
