package provider

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
	"opencloud/internal/transfer"
)

// Content goes over HTTP to the data listener: DataHandler at the provider, the methods below at the client. Every
// request carries a signed token that names one thing to do, on whose behalf, for a short time.

// tokenLife is how long a transfer may wait to begin.
const tokenLife = 5 * time.Minute

// Headers of internal transfers.
const (
	infoHeader  = "X-Oc-Info"  // Info of a file, JSON in base64
	faultHeader = "X-Oc-Fault" // fault, JSON in base64
)

func pack(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(b)
}

func unpack(s string, v any) error {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// DataHandler serves internal transfers of a storage.
type DataHandler struct {
	FS     storage.FS
	Signer *transfer.Signer
}

// order is what an internal transfer is about; it is in the token's request.
type order struct {
	Ref     storage.Ref
	Version string
	Upload  storage.UploadRequest
	Session string
	Offset  int64
	Chunk   *storage.Checksum
}

// ServeHTTP implements http.Handler.
func (h *DataHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	claims, err := h.Signer.Verify(r.Header.Get("X-Reva-Transfer"))
	var o order
	if err == nil {
		err = json.Unmarshal([]byte(claims.Request), &o)
	}
	if err != nil {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	r = r.WithContext(identity.WithActor(r.Context(), claims.Actor))
	switch {
	case claims.Op == transfer.Read && r.Method == http.MethodGet:
		err = h.read(w, r, &o)
	case claims.Op == transfer.Write && r.Method == http.MethodPut:
		err = h.write(w, r, &o)
	case claims.Op == transfer.Session && r.Method == http.MethodPatch:
		err = h.session(w, r, &o)
	default:
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if err != nil {
		f, _ := toFault(err)
		w.Header().Set(faultHeader, pack(f))
		w.WriteHeader(http.StatusConflict)
	}
}

func (h *DataHandler) read(w http.ResponseWriter, r *http.Request, o *order) error {
	var c *storage.Content
	var err error
	if o.Version != "" {
		c, err = h.FS.OpenVersion(r.Context(), o.Ref.ID, o.Version)
	} else {
		c, err = h.FS.Open(r.Context(), o.Ref)
	}
	if err != nil {
		return err
	}
	defer c.Close()
	w.Header().Set(infoHeader, pack(c.Info))
	w.Header().Set("Etag", `"`+c.Info.ETag+`"`)
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, c)
	return nil
}

func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

func (h *DataHandler) write(w http.ResponseWriter, r *http.Request, o *order) error {
	res, err := h.FS.Upload(r.Context(), o.Ref, o.Upload, sink{r})
	if err != nil {
		return err
	}
	return answer(w, res)
}

func (h *DataHandler) session(w http.ResponseWriter, r *http.Request, o *order) error {
	s, err := h.FS.WriteUpload(r.Context(), o.Session, o.Offset, o.Chunk, sink{r})
	if err != nil {
		return err
	}
	return answer(w, s)
}

func (c *Client) transfer(ctx context.Context, op transfer.Op, method string, o *order, src *source, header ...string) (*http.Response, error) {
	text, err := encode(o)
	if err != nil {
		return nil, err
	}
	token, err := c.signer.Sign(transfer.Claims{Op: op, Request: string(text), Actor: identity.ActorFrom(ctx)}, tokenLife)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.data+"/internal", http.NoBody)
	if err != nil {
		return nil, err
	}
	if src != nil {
		// Chunked whatever was announced: the provider itself compares the announced length with what came.
		req.Body, req.ContentLength, req.Trailer = src, -1, src.trailer
	}
	req.Header.Set("X-Reva-Transfer", token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}
	if text := resp.Header.Get(faultHeader); text != "" {
		resp.Body.Close()
		var f fault
		if err := unpack(text, &f); err != nil {
			return nil, err
		}
		return nil, f.err()
	}
	if resp.StatusCode >= 300 && resp.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		resp.Body.Close()
		return nil, fmt.Errorf("%w: data listener answered %s", storage.ErrUnavailable, resp.Status)
	}
	return resp, nil
}

// Upload implements storage.Writer.
func (c *Client) Upload(ctx context.Context, ref storage.Ref, r storage.UploadRequest, body io.Reader) (storage.Result, error) {
	var res storage.Result
	return res, c.send(ctx, transfer.Write, http.MethodPut, &order{Ref: ref, Upload: r}, body, &res)
}

// WriteUpload implements storage.Uploads.
func (c *Client) WriteUpload(ctx context.Context, id string, offset int64, chunk *storage.Checksum, body io.Reader) (storage.UploadSession, error) {
	var s storage.UploadSession
	return s, c.send(ctx, transfer.Session, http.MethodPatch, &order{Session: id, Offset: offset, Chunk: chunk}, body, &s)
}

// brokenTrailer ends a body that broke off at its source. The provider keeps what came, as it would in one process, and
// answers; a connection that just breaks would leave open when it has done so.
const brokenTrailer = "X-Oc-Broken"

// source is the body of a transfer. It tells the provider of its errors, and remembers them: the transport hides them.
type source struct {
	io.Reader
	trailer http.Header
	mu      sync.Mutex // the transport may read on after it has returned an answer
	err     error
	done    bool
}

func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	done := s.done
	s.mu.Unlock()
	if done {
		return 0, errDone
	}
	n, err := s.Reader.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.trailer.Set(brokenTrailer, "1")
	return n, io.EOF
}

// Close implements io.Closer; the body belongs to the caller.
func (s *source) Close() error { return nil }

// end stops reading and returns the error of the body, if it had one.
func (s *source) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	return s.err
}

var errDone = errors.New("the transfer is over")

// sink is the provider's end of a source.
type sink struct{ r *http.Request }

func (s sink) Read(p []byte) (int, error) {
	n, err := s.r.Body.Read(p)
	if err == io.EOF && s.r.Trailer.Get(brokenTrailer) != "" {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// leaveTime is how long a transfer may take to end after its caller has left: what he sent is to reach the provider, as it would
// in one process.
const leaveTime = 10 * time.Second

func (c *Client) send(ctx context.Context, op transfer.Op, method string, o *order, body io.Reader, out any) error {
	src := &source{Reader: body, trailer: http.Header{brokenTrailer: nil}}
	going, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		late := time.AfterFunc(leaveTime, cancel)
		context.AfterFunc(going, func() { late.Stop() })
	})()
	resp, err := c.transfer(going, op, method, o, src)
	if broken := src.end(); broken != nil {
		if err == nil {
			resp.Body.Close()
		}
		return fmt.Errorf("%w: the body broke off: %w", storage.ErrLength, broken)
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("%w: answer of the data listener: %w", storage.ErrUnavailable, err)
	}
	return nil
}

// Open implements storage.Reader.
func (c *Client) Open(ctx context.Context, ref storage.Ref) (*storage.Content, error) {
	return c.open(ctx, &order{Ref: ref})
}

// OpenVersion implements storage.Versions.
func (c *Client) OpenVersion(ctx context.Context, id resource.ID, key string) (*storage.Content, error) {
	return c.open(ctx, &order{Ref: storage.At(id, ""), Version: key})
}

func (c *Client) open(ctx context.Context, o *order) (*storage.Content, error) {
	r := &remote{c: c, ctx: ctx, order: o}
	resp, err := r.request(0)
	if err != nil {
		return nil, err
	}
	var info storage.Info
	if err := unpack(resp.Header.Get(infoHeader), &info); err != nil {
		resp.Body.Close()
		return nil, err
	}
	r.body, r.size, r.etag = resp.Body, info.Size, info.ETag
	return &storage.Content{Info: info, ReadSeekCloser: r}, nil
}

// remote reads a file of another process; a seek begins a new request at the next read.
type remote struct {
	c     *Client
	ctx   context.Context // of the request that opened the file: it ends with it
	order *order
	body  io.ReadCloser // nil: none under way
	size  int64
	etag  string
	at    int64 // position of the reader
	from  int64 // position of body
}

func (r *remote) request(from int64) (*http.Response, error) {
	h := []string{}
	if from > 0 {
		h = append(h, "Range", "bytes="+strconv.FormatInt(from, 10)+"-")
	}
	return r.c.transfer(r.ctx, transfer.Read, http.MethodGet, r.order, nil, h...)
}

func (r *remote) Read(p []byte) (int, error) {
	if r.at >= r.size {
		return 0, io.EOF
	}
	if r.body == nil || r.from != r.at {
		r.drop()
		resp, err := r.request(r.at)
		if err != nil {
			return 0, err
		}
		if resp.Header.Get("Etag") != `"`+r.etag+`"` {
			resp.Body.Close()
			return 0, fmt.Errorf("%w: the file was replaced while it was read", storage.ErrUnavailable)
		}
		r.body, r.from = resp.Body, r.at
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.size-r.at)])
	r.at += int64(n)
	r.from = r.at
	if err == io.EOF && r.at < r.size {
		err = io.ErrUnexpectedEOF
	}
	if err == io.EOF && n > 0 {
		err = nil
	}
	return n, err
}

func (r *remote) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	r.at = offset
	return offset, nil
}

func (r *remote) drop() {
	if r.body != nil {
		r.body.Close()
		r.body = nil
	}
}

func (r *remote) Close() error {
	r.drop()
	return nil
}
