package transfer

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"opencloud/internal/storage"
)

// TUS protocol constants. (https://tus.io/protocols/resumable-upload 1.0.0)
const (
	TusVersion    = "1.0.0"
	TusExtensions = "creation,creation-with-upload,creation-defer-length,checksum,termination,expiration"
	TusChecksums  = "sha1,md5,adler32"
	// OffsetType is the media type of upload bodies.
	OffsetType = "application/offset+octet-stream"
)

// ErrHeader tells that a request header cannot be read.
var ErrHeader = errors.New("malformed header")

// ParseMetadata reads Upload-Metadata: "key base64,key base64,…"; at most 16 KiB and 64 keys.
func ParseMetadata(s string) (map[string]string, error) {
	if len(s) > 16<<10 {
		return nil, fmt.Errorf("%w: Upload-Metadata is too long", ErrHeader)
	}
	out := map[string]string{}
	for pair := range strings.SplitSeq(s, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, " ")
		v, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
		if err != nil || len(out) >= 64 {
			return nil, fmt.Errorf("%w: Upload-Metadata %q", ErrHeader, key)
		}
		out[key] = string(v)
	}
	return out, nil
}

// ParseChecksum reads "SHA1:hex", "SHA1 hex" or "sha1 base64"; an empty text gives nil.
func ParseChecksum(s string) (*storage.Checksum, error) {
	if s = strings.TrimSpace(s); s == "" {
		return nil, nil
	}
	i := strings.IndexAny(s, ": ")
	if i < 0 {
		return nil, fmt.Errorf("%w: checksum must be ALGORITHM:hex", ErrHeader)
	}
	algorithm, text := strings.ToLower(s[:i]), strings.TrimSpace(s[i+1:])
	length, ok := map[string]int{"sha1": 20, "md5": 16, "adler32": 4}[algorithm]
	if !ok {
		return nil, fmt.Errorf("%w: checksum algorithm %q is not one of sha1, md5, adler32", ErrHeader, algorithm)
	}
	sum, err := hex.DecodeString(text)
	if err != nil {
		sum, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil || len(sum) != length {
		return nil, fmt.Errorf("%w: checksum is no %s sum", ErrHeader, algorithm)
	}
	return &storage.Checksum{Algorithm: algorithm, Sum: sum}, nil
}

// ParseMTime reads a time as clients send it: seconds since 1970 with an optional fraction. Empty gives the zero time.
func ParseMTime(s string) (time.Time, error) {
	if s = strings.TrimSpace(s); s == "" {
		return time.Time{}, nil
	}
	seconds, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || sec < -62135596800 || sec > 253402300799 || len(fraction) > 9 || strings.Trim(fraction, "0123456789") != "" {
		return time.Time{}, fmt.Errorf("%w: modification time %q", ErrHeader, s)
	}
	var ns int64
	if fraction != "" {
		ns, _ = strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	}
	return time.Unix(sec, ns), nil
}

// SetResultHeaders tells what an upload made. (spec/storage.md §7.2, §8)
func SetResultHeaders(h http.Header, i *storage.Info) {
	SetETag(h, i.ETag)
	h["OC-FileId"] = []string{i.ID.String()}
	h["OC-Perm"] = []string{i.Permissions.Letters(i.IsFolder(), i.Received)}
	h.Set("Last-Modified", i.MTime.UTC().Format(http.TimeFormat))
}

// SetETag sets ETag and OC-ETag.
func SetETag(h http.Header, etag string) {
	q := `"` + etag + `"`
	h["Etag"] = []string{q}
	h["OC-ETag"] = []string{q}
}
