package webdav

import (
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// The namespaces with fixed prefixes: clients look for the prefixes themselves. (spec/storage.md §7.5)
const (
	OC    = "http://owncloud.org/ns"
	Sabre = "http://sabredav.org/ns"
	OCS   = "http://open-collaboration-services.org/ns"
)

// ContentType of XML answers; the desktop client compares it to the letter.
const ContentType = "application/xml; charset=utf-8"

// flushAt is how much is gathered before it is sent.
const flushAt = 32 << 10

// XML gathers an answer and sends it in pieces while it is being made.
type XML struct {
	w   io.Writer
	buf []byte
	err error
}

// NewXML returns a writer to w.
func NewXML(w io.Writer) *XML { return &XML{w: w, buf: make([]byte, 0, 4<<10)} }

// Raw writes markup.
func (x *XML) Raw(s string) { x.buf = append(x.buf, s...) }

// Text writes escaped text.
func (x *XML) Text(s string) { x.buf = appendEscaped(x.buf, s) }

// Append lets f append to the buffer.
func (x *XML) Append(f func([]byte) []byte) { x.buf = f(x.buf) }

// Len is the length of what has not been sent.
func (x *XML) Len() int { return len(x.buf) }

// Cut takes back what was written since the length n, if nothing was sent meanwhile.
func (x *XML) Cut(n int) { x.buf = x.buf[:n] }

// More sends what has been gathered, when it is enough.
func (x *XML) More() error {
	if len(x.buf) >= flushAt {
		return x.Flush()
	}
	return x.err
}

// Flush sends what has been gathered.
func (x *XML) Flush() error {
	if x.err == nil && len(x.buf) > 0 {
		_, x.err = x.w.Write(x.buf)
	}
	x.buf = x.buf[:0]
	return x.err
}

// Header is the beginning of every XML answer.
const Header = `<?xml version="1.0" encoding="utf-8"?>` + "\n"

// Multistatus begins a multistatus element with the known prefixes.
const Multistatus = `<d:multistatus xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns" xmlns:oc="http://owncloud.org/ns" xmlns:ocs="http://open-collaboration-services.org/ns">`

// Prefix returns the fixed prefix of a namespace, or "".
func Prefix(space string) string {
	switch space {
	case DAV:
		return "d"
	case OC:
		return "oc"
	case Sabre:
		return "s"
	case OCS:
		return "ocs"
	}
	return ""
}

// Empty writes an empty element of any namespace.
func (x *XML) Empty(n Name) {
	if p := Prefix(n.Space); p != "" {
		x.Raw("<" + p + ":" + n.Local + "/>")
		return
	}
	x.Element(n, "", "")
}

// Element writes an element with literal content and attributes.
func (x *XML) Element(n Name, attrs, inner string) {
	switch p := Prefix(n.Space); {
	case p != "":
		x.Raw("<" + p + ":" + n.Local + attrs + ">" + inner + "</" + p + ":" + n.Local + ">")
	case n.Space == "":
		x.Raw("<" + n.Local + ` xmlns=""` + attrs + ">" + inner + "</" + n.Local + ">")
	default:
		x.Raw(`<x:` + n.Local + ` xmlns:x="`)
		x.Text(n.Space)
		x.Raw(`"` + attrs + ">" + inner + "</x:" + n.Local + ">")
	}
}

// Escape returns text as XML character data, also fit for attributes; characters that XML cannot hold become U+FFFD.
func Escape(s string) string {
	if !strings.ContainsAny(s, "&<>\"'\r\n\t") && clean(s) {
		return s
	}
	return string(appendEscaped(nil, s))
}

func clean(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func appendEscaped(b []byte, s string) []byte {
	from := 0
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
		}
		rep := ""
		switch {
		case r == '&':
			rep = "&amp;"
		case r == '<':
			rep = "&lt;"
		case r == '>':
			rep = "&gt;"
		case r == '"':
			rep = "&#34;"
		case r == '\r':
			rep = "&#13;"
		case r == utf8.RuneError && n == 1, r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
			rep = "\uFFFD"
		}
		if rep != "" {
			b = append(b, s[from:i]...)
			b = append(b, rep...)
			from = i + n
		}
		i += n
	}
	return append(b, s[from:]...)
}

// AppendHref appends the percent-encoded form of a path; "/" stays. (spec/storage.md §7.1)
func AppendHref(b []byte, p string) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("/$!@():,;=+*~-_.", c) >= 0:
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// AppendTime appends a time in the form of HTTP dates.
func AppendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, http.TimeFormat)
}
