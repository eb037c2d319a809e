package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxFile     = 64 << 20 // bytes, of a file that is served
	maxPacked   = 8 << 20  // bytes, of a file that is compressed
	maxMemory   = 32 << 20 // bytes, of all that is kept compressed
	maxRecords  = 20_000
	forEver     = "public, max-age=31536000, immutable"
	encodingGap = 512 // bytes, below which compressing gains nothing
)

// files are folders put over each other: of each name the first folder that has it counts.
type files struct {
	layers []fs.FS
	cache  string // Cache-Control of names that stay when the content changes

	mu     sync.Mutex
	known  map[string]record
	packed int // bytes
}

// record is what is remembered of a file, as long as it does not change.
type record struct {
	modified time.Time
	size     int64
	sum      string
	gzip     []byte // nil: not compressed
}

func newFiles(cache string, layers ...fs.FS) *files {
	return &files{layers: layers, cache: cache, known: map[string]record{}}
}

func maxAge(d time.Duration) string {
	return "public, max-age=" + strconv.Itoa(max(int(d/time.Second), 0))
}

// valid tells whether a path may name a file: no way out, nothing hidden.
func valid(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.HasPrefix(name, ".") && !strings.Contains(name, "/.") && !strings.ContainsAny(name, "\\\x00")
}

// find opens a regular file. The caller closes it.
func (t *files) find(name string) (f fs.File, info fs.FileInfo, layer int, ok bool) {
	if !valid(name) {
		return nil, nil, 0, false
	}
	for i, l := range t.layers {
		if f, info, ok = openFile(l, name); ok {
			return f, info, i, true
		}
	}
	return nil, nil, 0, false
}

// openFile looks before it opens: opening a pipe would wait for whoever writes to it.
func openFile(l fs.FS, name string) (fs.File, fs.FileInfo, bool) {
	if i, err := fs.Stat(l, name); err != nil || !i.Mode().IsRegular() || i.Size() > maxFile {
		return nil, nil, false
	}
	f, err := l.Open(name)
	if err != nil {
		return nil, nil, false
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		_ = f.Close()
		return nil, nil, false
	}
	return f, info, true
}

// read returns a small file whole.
func (t *files) read(name string, limit int64) ([]byte, int, bool) {
	f, info, layer, ok := t.find(name)
	if !ok {
		return nil, 0, false
	}
	defer f.Close()
	if info.Size() > limit {
		return nil, 0, false
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	return b, layer, err == nil && int64(len(b)) <= limit
}

// hasFolder tells whether there is a folder of this name.
func (t *files) hasFolder(name string) bool {
	for _, l := range t.layers {
		if i, err := fs.Stat(l, name); err == nil && i.IsDir() {
			return true
		}
	}
	return false
}

// serve answers with a file and tells whether there is one: as small as the client takes it, conditional, in parts if it
// asks for parts. (RFC 9110 §8.4, §13, §14)
func (t *files) serve(w http.ResponseWriter, r *http.Request, name string) bool {
	f, info, layer, ok := t.find(name)
	if !ok {
		return false
	}
	defer f.Close()
	content, ok := f.(io.ReadSeeker)
	if !ok {
		return false
	}
	rec := t.record(strconv.Itoa(layer)+"/"+name, name, info, content)
	h := w.Header()
	h.Set("Content-Type", mediaType(name))
	h.Set("Cache-Control", t.cache)
	if hashed(name) {
		h.Set("Cache-Control", forEver)
	}
	tag := rec.sum
	if compressible(name) {
		h.Set("Vary", "Accept-Encoding")
		if r.Header.Get("Range") == "" { // parts are parts of the file as it is
			encoding, packed, size, done := t.encoded(r, name, layer, info, rec)
			defer done()
			if encoding != "" {
				content, tag = packed, tag+"-"+encoding
				h.Set("Content-Encoding", encoding)
				h.Set("Content-Length", strconv.FormatInt(size, 10))
			}
		}
	}
	h.Set("Etag", `"`+tag+`"`)
	http.ServeContent(w, r, "", info.ModTime(), content)
	return true
}

// encoded returns the smallest form of a file that the client takes; no encoding if that is the file itself.
func (t *files) encoded(r *http.Request, name string, layer int, info fs.FileInfo, rec record) (encoding string, content io.ReadSeeker, size int64, done func()) {
	accepted := acceptedEncodings(r.Header.Values("Accept-Encoding"))
	for _, e := range []struct{ name, ext string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if !accepted[e.name] {
			continue
		}
		if f, i, ok := openFile(t.layers[layer], name+e.ext); ok {
			if s, seeks := f.(io.ReadSeeker); seeks && !i.ModTime().Before(info.ModTime()) { // an older one is of an older file
				return e.name, s, i.Size(), func() { _ = f.Close() }
			}
			_ = f.Close()
		}
		if e.name == "gzip" && rec.gzip != nil {
			return e.name, bytes.NewReader(rec.gzip), int64(len(rec.gzip)), func() {}
		}
	}
	return "", nil, 0, func() {}
}

// acceptedEncodings reads Accept-Encoding. (RFC 9110 §12.5.3)
func acceptedEncodings(values []string) map[string]bool {
	out := map[string]bool{}
	for _, v := range values {
		for item := range strings.SplitSeq(v, ",") {
			name, params, _ := strings.Cut(item, ";")
			q := 1.0
			if s, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
				var err error
				if q, err = strconv.ParseFloat(s, 64); err != nil {
					q = 0
				}
			}
			out[strings.ToLower(strings.TrimSpace(name))] = q > 0
		}
	}
	return out
}

// record returns what there is to know of a file. Large ones are told apart by time and size, others by their content.
func (t *files) record(key, name string, info fs.FileInfo, content io.ReadSeeker) record {
	t.mu.Lock()
	rec, ok := t.known[key]
	t.mu.Unlock()
	if ok && rec.size == info.Size() && rec.modified.Equal(info.ModTime()) {
		return rec
	}
	rec = record{modified: info.ModTime(), size: info.Size(), sum: strconv.FormatInt(info.ModTime().UnixNano(), 36) + "." + strconv.FormatInt(info.Size(), 36)}
	if info.Size() > maxPacked {
		return rec
	}
	b, err := io.ReadAll(io.LimitReader(content, maxPacked+1))
	if _, again := content.Seek(0, io.SeekStart); err != nil || again != nil {
		return rec
	}
	sum := sha256.Sum256(b)
	rec.sum = hex.EncodeToString(sum[:12])
	if compressible(name) && len(b) >= encodingGap {
		rec.gzip = compress(b)
	}
	t.keep(key, &rec)
	return rec
}

// keep remembers a record; its compressed form only while there is room.
func (t *files) keep(key string, rec *record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, had := t.known[key]
	if !had && len(t.known) >= maxRecords {
		return
	}
	t.packed -= len(old.gzip)
	if t.packed+len(rec.gzip) > maxMemory {
		rec.gzip = nil
	}
	t.packed += len(rec.gzip)
	t.known[key] = *rec
}

// compress returns nil for what does not get smaller.
func compress(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		return nil
	}
	if err := z.Close(); err != nil || out.Len() >= len(b) {
		return nil
	}
	return bytes.Clone(out.Bytes())
}

// fingerprint is what build tools put before the extension: eight letters and digits, or a longer hexadecimal number.
var fingerprint = regexp.MustCompile(`[.-](?:([0-9A-Za-z_-]{8})|[0-9a-f]{9,64})\.(?:[a-z0-9]+)(?:\.map)?$`)

// hashed tells whether a name changes with the content. Words are no fingerprints: those have a digit, or both cases.
func hashed(name string) bool {
	m := fingerprint.FindStringSubmatch(path.Base(name))
	if m == nil {
		return false
	}
	return m[1] == "" || strings.ContainsAny(m[1], "0123456789") || strings.ToLower(m[1]) != m[1] && strings.ToUpper(m[1]) != m[1]
}

func compressible(name string) bool {
	switch path.Ext(name) {
	case ".css", ".html", ".js", ".json", ".map", ".md", ".mjs", ".svg", ".txt", ".wasm", ".webmanifest", ".xml", ".ttf", ".otf", ".ico":
		return true
	}
	return false
}

// mediaType goes by the name only, and knows what the machine's own tables may lack.
func mediaType(name string) string {
	ext := path.Ext(name)
	switch ext {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".ico":
		return "image/x-icon"
	case ".svg":
		return "image/svg+xml"
	case ".wasm":
		return "application/wasm"
	case ".woff":
		return "font/woff"
	case ".woff2":
		return "font/woff2"
	case ".ttf":
		return "font/ttf"
	case ".txt", ".md":
		return "text/plain; charset=utf-8"
	}
	if t := mime.TypeByExtension(ext); t != "" {
		return t
	}
	return "application/octet-stream"
}
