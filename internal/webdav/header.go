// Package webdav reads and writes the pieces of WebDAV (RFC 4918, RFC 6578) without knowing any service: headers,
// request bodies and multistatus answers. Everything read is bounded in size, depth and number.
package webdav

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// ErrSyntax tells that a header or body cannot be read.
var ErrSyntax = errors.New("malformed request")

func syntax(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSyntax, fmt.Sprintf(format, args...))
}

// Depth of a request. (RFC 4918 §10.2)
type Depth int

const (
	DepthZero Depth = iota
	DepthOne
	DepthInfinity
)

// ParseDepth reads a Depth header; an empty one is the default.
func ParseDepth(s string, whenEmpty Depth) (Depth, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "":
		return whenEmpty, nil
	case "0":
		return DepthZero, nil
	case "1":
		return DepthOne, nil
	case "infinity":
		return DepthInfinity, nil
	}
	return 0, syntax("Depth must be 0, 1 or infinity")
}

// ParseOverwrite reads an Overwrite header. (RFC 4918 §10.6)
func ParseOverwrite(s string) (bool, error) {
	switch strings.ToUpper(strings.TrimSpace(s)) {
	case "", "T":
		return true, nil
	case "F":
		return false, nil
	}
	return false, syntax("Overwrite must be T or F")
}

// ErrForeignHost tells that a Destination lies on another server.
var ErrForeignHost = errors.New("destination is on another server")

// ParseDestination returns the escaped path of a Destination header; hosts are those under which this server is known
// (without regard to the port of an empty one). (RFC 4918 §10.3)
func ParseDestination(s string, hosts ...string) (string, error) {
	if s == "" {
		return "", syntax("Destination is missing")
	}
	u, err := url.Parse(s)
	if err != nil || len(s) > 64<<10 {
		return "", syntax("Destination is no URL")
	}
	if u.Host != "" {
		known := false
		for _, h := range hosts {
			known = known || strings.EqualFold(u.Host, h)
		}
		if !known {
			return "", ErrForeignHost
		}
	}
	p := u.EscapedPath()
	if !strings.HasPrefix(p, "/") {
		return "", syntax("Destination must be absolute")
	}
	return p, nil
}

// CleanPath decodes an escaped URL path into clean segments. Encoded slashes, NUL and dot segments are refused.
func CleanPath(escaped string) ([]string, error) {
	if len(escaped) > 64<<10 {
		return nil, syntax("path too long")
	}
	var out []string
	for s := range strings.SplitSeq(escaped, "/") {
		if s == "" {
			continue
		}
		d, err := url.PathUnescape(s)
		if err != nil || d == "." || d == ".." || strings.ContainsAny(d, "/\x00") {
			return nil, syntax("path segment %q", s)
		}
		out = append(out, d)
	}
	if len(out) > 1000 {
		return nil, syntax("path too deep")
	}
	return out, nil
}

// ParseTimeout reads a Timeout header: the first value that is understood; 0 is for ever. (RFC 4918 §10.7)
func ParseTimeout(s string) (time.Duration, error) {
	if strings.TrimSpace(s) == "" {
		return 0, nil
	}
	for v := range strings.SplitSeq(s, ",") {
		v = strings.TrimSpace(v)
		if strings.EqualFold(v, "Infinite") {
			return 0, nil
		}
		if rest, ok := cutPrefixFold(v, "Second-"); ok {
			n, err := strconv.ParseUint(rest, 10, 64)
			if err != nil || n == 0 {
				return 0, syntax("Timeout")
			}
			if n > math.MaxUint32 {
				return 0, nil
			}
			return time.Duration(n) * time.Second, nil
		}
	}
	return 0, syntax("Timeout must be Infinite or Second-n")
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// ParseETags reads If-Match or If-None-Match: ETags without quotes, or "*". Weak ones are kept without W/, for both
// sides are compared weakly. (RFC 9110 §13.1)
func ParseETags(values []string) ([]string, error) {
	var out []string
	for _, v := range values {
		for v = strings.TrimSpace(v); v != ""; v = strings.TrimLeft(v, " \t,") {
			if v[0] == '*' {
				out, v = append(out, "*"), v[1:]
				continue
			}
			v = strings.TrimPrefix(v, "W/")
			if v == "" {
				return nil, syntax("ETag list")
			}
			if v[0] != '"' { // some clients forget the quotes
				tag, rest, _ := strings.Cut(v, ",")
				out, v = append(out, strings.TrimSpace(tag)), rest
				continue
			}
			tag, rest, ok := strings.Cut(v[1:], `"`)
			if !ok || len(out) >= 100 {
				return nil, syntax("ETag list")
			}
			out, v = append(out, tag), rest
		}
	}
	return out, nil
}

// ParseLockToken reads a Lock-Token header: a coded URL. (RFC 4918 §10.5)
func ParseLockToken(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) < 3 || s[0] != '<' || s[len(s)-1] != '>' {
		return "", syntax("Lock-Token must be <token>")
	}
	return s[1 : len(s)-1], nil
}

// maxRanges bounds the parts of one Range request.
const maxRanges = 64

// CheckRange looks at a Range header before http.ServeContent does: a malformed one is taken away, so that the whole is
// served; one with too many parts is refused. (RFC 9110 §14.2, spec/storage.md §7.7)
func CheckRange(h http.Header) error {
	v := h.Get("Range")
	if v == "" {
		return nil
	}
	spec, ok := cutPrefixFold(strings.TrimSpace(v), "bytes=")
	if !ok {
		h.Del("Range")
		return nil
	}
	if strings.Count(spec, ",") >= maxRanges {
		return fmt.Errorf("%w: more than %d ranges", ErrSyntax, maxRanges)
	}
	for part := range strings.SplitSeq(spec, ",") {
		from, to, ok := strings.Cut(strings.TrimSpace(part), "-")
		if !ok || !number(from) || !number(to) || from == "" && to == "" {
			h.Del("Range")
			return nil
		}
		a, errA := strconv.ParseInt(from, 10, 64)
		b, errB := strconv.ParseInt(to, 10, 64)
		if from != "" && errA != nil || to != "" && errB != nil || from != "" && to != "" && a > b {
			h.Del("Range")
			return nil
		}
	}
	return nil
}

func number(s string) bool { return strings.Trim(strings.TrimSpace(s), "0123456789") == "" }

// Base returns the last segment of a slash-separated path.
func Base(p string) string {
	if p == "" {
		return ""
	}
	return path.Base(p)
}
