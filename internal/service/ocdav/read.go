package ocdav

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/share"
	"opencloud/internal/storage"
	"opencloud/internal/transfer"
	"opencloud/internal/webdav"
)

func tusHeaders(hd http.Header) {
	hd.Set("Tus-Resumable", transfer.TusVersion)
	hd.Set("Tus-Version", transfer.TusVersion)
	hd.Set("Tus-Extension", transfer.TusExtensions)
	hd.Set("Tus-Checksum-Algorithm", transfer.TusChecksums)
}

// propfind answers PROPFIND. (RFC 4918 §9.1, spec/storage.md §7.5)
func (h *handler) propfind(w http.ResponseWriter, r *http.Request, t target) error {
	depth, err := webdav.ParseDepth(r.Header.Get("Depth"), webdav.DepthOne)
	if err != nil {
		return err
	}
	if depth == webdav.DepthInfinity && !h.cfg.AllowInfinity {
		return fail(http.StatusBadRequest, "Depth: infinity is not allowed")
	}
	body, err := webdav.ParsePropfind(r.Body)
	if err != nil {
		return err
	}
	minimal := strings.Contains(r.Header.Get("Prefer"), "return=minimal")
	q := newQuestion(r.Context(), body, minimal)
	if err := h.linkQuestion(r, q); err != nil {
		return err
	}
	return h.multistatus(w, r, t, q, depth)
}

// multistatusHeaders are those of every PROPFIND answer.
func multistatusHeaders(hd http.Header, folder, minimal bool) {
	hd.Set("Content-Type", webdav.ContentType)
	hd.Set("DAV", "1, 3, extended-mkcol")
	hd.Set("Vary", "Prefer")
	if minimal {
		hd.Set("Preference-Applied", "return=minimal")
	}
	if folder {
		tusHeaders(hd)
		hd.Set("Access-Control-Expose-Headers", "Tus-Resumable, Tus-Version, Tus-Extension")
	}
}

// multistatus writes a resource and what is below it while it is being read.
func (h *handler) multistatus(w http.ResponseWriter, r *http.Request, t target, q *question, depth webdav.Depth) error {
	if depth == webdav.DepthZero {
		i, err := h.fs.Stat(r.Context(), t.ref, q.view())
		if err != nil {
			return err
		}
		if err := h.spaceProps(r.Context(), q, &t, &i); err != nil {
			return err
		}
		multistatusHeaders(w.Header(), i.IsFolder(), q.minimal)
		x := webdav.NewXML(w)
		x.Raw(webdav.Header + webdav.Multistatus)
		h.response(x, q, &t, &i)
		x.Raw("</d:multistatus>")
		w.Header()["Content-Length"] = []string{strconv.Itoa(x.Len())}
		w.WriteHeader(http.StatusMultiStatus)
		return x.Flush()
	}
	self, children, err := h.fs.List(r.Context(), t.ref, q.view())
	if err != nil {
		return err
	}
	if err := h.spaceProps(r.Context(), q, &t, &self); err != nil {
		return err
	}
	multistatusHeaders(w.Header(), self.IsFolder(), q.minimal)
	w.WriteHeader(http.StatusMultiStatus)
	x := webdav.NewXML(w)
	x.Raw(webdav.Header + webdav.Multistatus)
	h.response(x, q, &t, &self)
	left := maxInfinity
	for i, err := range children {
		if err == nil {
			err = h.below(x, r.Context(), q, t.child(i.Name), &i, depth, &left)
		}
		if err == nil {
			err = x.More()
		}
		if err != nil {
			// What has been sent must not be taken for the whole: clients would delete what is missing.
			h.log.WarnContext(r.Context(), "listing broke off", "err", err)
			return http.ErrAbortHandler
		}
	}
	x.Raw("</d:multistatus>")
	return x.Flush()
}

// maxInfinity bounds the resources of one answer to Depth: infinity.
const maxInfinity = 1_000_000

func (h *handler) below(x *webdav.XML, ctx context.Context, q *question, t target, i *storage.Info, depth webdav.Depth, left *int) error {
	h.response(x, q, &t, i)
	if depth != webdav.DepthInfinity || !i.IsFolder() {
		return nil
	}
	if *left--; *left < 0 {
		return fail(http.StatusInsufficientStorage, "too many resources")
	}
	_, children, err := h.fs.List(ctx, storage.At(i.ID, ""), q.view())
	if err != nil {
		return err
	}
	for c, err := range children {
		if err == nil {
			err = h.below(x, ctx, q, t.child(c.Name), &c, depth, left)
		}
		if err == nil {
			err = x.More()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// spaceProps fetches what is asked about the space.
func (h *handler) spaceProps(ctx context.Context, q *question, t *target, i *storage.Info) error {
	a := identity.ActorFrom(ctx)
	if i.IsFolder() && a.Known() && q.asks(quotaUsed, quotaAvailable) { // how full a space is, is not for those who come by a link
		quota, err := h.fs.Quota(ctx, i.ID)
		if err != nil && !errors.Is(err, storage.ErrForbidden) {
			return err
		}
		if err == nil {
			q.quota = &quota
		}
	}
	if h.links != nil && a.Kind == identity.Person && i.ID.Storage != share.JailID && q.asks(shareTypes) {
		linked, err := h.links.Linked(ctx, i.ID.Root())
		if err != nil {
			return err
		}
		q.linked = linked
	}
	if i.IsFolder() && q.asks(syncToken) {
		token, err := h.currentToken(ctx, t)
		if err != nil && !errors.Is(err, storage.ErrUnsupported) {
			return err
		}
		q.syncRoot = token
	}
	return nil
}

// get answers GET and HEAD, with ranges and conditions. (RFC 9110 §13, §14)
func (h *handler) get(w http.ResponseWriter, r *http.Request, t target) error {
	if err := webdav.CheckRange(r.Header); err != nil {
		return err
	}
	i, err := h.fs.Stat(r.Context(), t.ref, storage.View{})
	if err != nil {
		return err
	}
	if i.IsFolder() {
		resourceHeaders(w.Header(), &i)
		w.Header().Set("Content-Type", "httpd/unix-directory")
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusOK)
			return nil
		}
		w.Header().Set("Allow", allow)
		return fail(http.StatusMethodNotAllowed, "A folder has no content; use PROPFIND, or /archiver to download it")
	}
	c, err := h.fs.Open(r.Context(), t.ref)
	if err != nil {
		return err
	}
	defer c.Close()
	h.content(w, r, c)
	return nil
}

// content serves an open file.
func (h *handler) content(w http.ResponseWriter, r *http.Request, c *storage.Content) {
	hd := w.Header()
	resourceHeaders(hd, &c.Info)
	contentHeaders(hd, &c.Info)
	if s := c.Info.Checksums.SHA1; s != nil {
		hd["OC-Checksum"] = []string{"SHA1:" + hexText(s)}
	}
	http.ServeContent(w, r, "", c.Info.MTime, c)
}

// contentHeaders make sure that browsers show nothing of people's content under our origin.
func contentHeaders(hd http.Header, i *storage.Info) {
	ct := i.MIME
	if strings.HasPrefix(ct, "text/") {
		ct += "; charset=UTF-8"
	}
	hd.Set("Content-Type", ct)
	hd.Set("Content-Disposition", disposition(i.Name))
	hd.Set("X-Content-Type-Options", "nosniff")
	hd.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	hd.Set("Cache-Control", "private, no-cache")
}

// disposition names a download; the name is encoded so that no header can be smuggled in. (RFC 6266)
func disposition(name string) string {
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, name)
	return `attachment; filename*=UTF-8''` + url.PathEscape(name) + `; filename="` + ascii + `"`
}

const hexDigits = "0123456789abcdef"

func hexText(b []byte) string {
	out := make([]byte, 0, 2*len(b))
	for _, c := range b {
		out = append(out, hexDigits[c>>4], hexDigits[c&15])
	}
	return string(out)
}

// evaluate checks the If header (RFC 4918 §10.4) and collects the conditions that the storage must keep to: what was
// seen here is pinned, so that nothing can change in between.
func (h *handler) conditions(r *http.Request, t target) (storage.Conditions, error) {
	var c storage.Conditions
	var err error
	if c.IfMatch, err = webdav.ParseETags(r.Header.Values("If-Match")); err != nil {
		return c, err
	}
	if c.IfNoneMatch, err = webdav.ParseETags(r.Header.Values("If-None-Match")); err != nil {
		return c, err
	}
	if s := r.Header.Get("If-Unmodified-Since"); s != "" && len(c.IfMatch) == 0 {
		if d, err := http.ParseTime(s); err == nil {
			c.IfUnmodifiedSince = d
		}
	}
	if s := r.Header.Get("Lock-Token"); s != "" {
		if token, err := webdav.ParseLockToken(s); err == nil {
			c.LockTokens = append(c.LockTokens, token)
		}
	}
	f, err := webdav.ParseIf(r.Header.Get("If"))
	if err != nil || len(f) == 0 {
		return c, err
	}
	c.LockTokens = append(c.LockTokens, f.Tokens()...)
	pinned := ""
	ok, err := f.Eval(func(resource string) (webdav.State, error) {
		at := t
		if resource != "" {
			escaped, err := webdav.ParseDestination(resource, r.Host, h.public.Host)
			if err != nil {
				return webdav.State{}, nil // elsewhere: nothing is known of it
			}
			if at, err = h.resolve(r, escaped); err != nil {
				return webdav.State{}, nil
			}
		}
		st, err := h.state(r.Context(), at, c.LockTokens)
		if at.ref == t.ref && st.ETag != "" {
			pinned = st.ETag
		}
		return st, err
	})
	if err != nil {
		return c, err
	}
	if !ok {
		return c, storage.ErrPrecondition
	}
	if pinned != "" && usesETags(f) && len(c.IfMatch) == 0 {
		c.IfMatch = []string{pinned}
	}
	return c, nil
}

func usesETags(f webdav.If) bool {
	for _, l := range f {
		for _, c := range l.Conditions {
			if c.ETag != "" {
				return true
			}
		}
	}
	return false
}

// state returns ETag and lock tokens of a resource; of a free name, the tokens that guard the folder it is in.
func (h *handler) state(ctx context.Context, t target, tokens []string) (webdav.State, error) {
	v := storage.View{Tokens: tokens}
	i, err := h.fs.Stat(ctx, t.ref, v)
	var st webdav.State
	if err != nil {
		if statusOf(err) != http.StatusNotFound || t.ref.Path == "" {
			return st, nil
		}
		p := t.parent()
		if i, err = h.fs.Stat(ctx, p.ref, v); err != nil {
			return st, nil
		}
		for _, l := range i.Locks {
			if l.Infinite {
				st.Tokens = append(st.Tokens, l.Token)
			}
		}
		return st, nil
	}
	st.ETag = i.ETag
	for _, l := range i.Locks {
		st.Tokens = append(st.Tokens, l.Token)
	}
	return st, nil
}

// mediaType returns the media type of a header without parameters.
func mediaType(s string) string {
	m, _, _ := mime.ParseMediaType(s)
	return m
}
