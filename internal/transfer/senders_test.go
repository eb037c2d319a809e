package transfer_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"opencloud/internal/identity"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
	"opencloud/internal/storage/storagetest"
	"opencloud/internal/transfer"
)

// world is a handler over a storage with a session of alice's for "0123456789".
type world struct {
	*testing.T
	fs      storage.FS
	alice   context.Context
	file    storage.Ref
	session string
	url     string
	client  *http.Client
	read    chan int // bytes that the storage read
}

func open(t *testing.T, h2 bool) *world {
	t.Helper()
	signer, err := transfer.NewSigner([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, fs: mem.New("11111111-1111-4111-8111-111111111111"), alice: storagetest.As("alice"), read: make(chan int, 100)}
	home, err := w.fs.CreateSpace(w.alice, storage.SpaceRequest{Type: space.Personal, Owner: "alice", Name: "Alice"})
	if err != nil {
		t.Fatal(err)
	}
	w.file = storage.At(home.ID, "f")
	s, err := w.fs.CreateUpload(w.alice, w.file, storage.UploadRequest{Length: 10})
	if err != nil {
		t.Fatal(err)
	}
	w.session = s.ID
	srv := httptest.NewUnstartedServer(&transfer.Handler{FS: watched{w.fs, w.read}, Signer: signer, Log: slog.New(slog.DiscardHandler)})
	srv.EnableHTTP2 = h2
	srv.StartTLS()
	t.Cleanup(srv.Close)
	w.client = srv.Client()
	token, err := signer.Sign(transfer.Claims{Op: transfer.Session, Session: s.ID, Actor: identity.ActorFrom(w.alice)}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	w.url = srv.URL + "/data/" + token
	return w
}

func (w *world) send(method string, offset int, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequest(method, w.url, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Tus-Resumable", transfer.TusVersion)
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", transfer.OffsetType)
		req.Header.Set("Upload-Offset", strconv.Itoa(offset))
	}
	resp, err := w.client.Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	return resp, err
}

func (w *world) want(method string, offset int, body string, status int, now string) {
	w.Helper()
	resp, err := w.send(method, offset, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	if resp.StatusCode != status || resp.Header.Get("Upload-Offset") != now {
		w.Errorf("%s: %d, at %q; want %d, %q", method, resp.StatusCode, resp.Header.Get("Upload-Offset"), status, now)
	}
}

func (w *world) content() string {
	w.Helper()
	c, err := w.fs.Open(w.alice, w.file)
	if err != nil {
		w.Fatal(err)
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	if err != nil {
		w.Fatal(err)
	}
	return string(b)
}

// stall sends "0123" and then nothing more, as a client does whose connection is lost without a word. It returns when the
// storage has read that.
func (w *world) stall() {
	w.Helper()
	body, more := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = w.send(http.MethodPatch, 0, body)
	}()
	w.Cleanup(func() { _ = more.Close(); <-ended })
	if _, err := io.WriteString(more, "0123"); err != nil {
		w.Fatal(err)
	}
	for n := 0; n < 4; n += <-w.read {
	}
}

// watched is a storage that tells how much it read.
type watched struct {
	storage.FS
	read chan int
}

func (f watched) WriteUpload(ctx context.Context, id string, offset int64, chunk *storage.Checksum, body io.Reader) (storage.UploadSession, error) {
	return f.FS.WriteUpload(ctx, id, offset, chunk, io.TeeReader(body, f))
}

func (f watched) Write(p []byte) (int, error) {
	f.read <- len(p)
	return len(p), nil
}

func TestANewerRequestEndsOneThatStalls(t *testing.T) {
	for name, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Run("HEAD tells what arrived", func(t *testing.T) {
				w := open(t, h2)
				w.stall()
				w.want(http.MethodHead, 0, "", 200, "4")
				w.want(http.MethodPatch, 4, "456789", 204, "10")
				if got := w.content(); got != "0123456789" {
					t.Errorf("%q", got)
				}
			})
			t.Run("PATCH goes on", func(t *testing.T) {
				w := open(t, h2)
				w.stall()
				w.want(http.MethodPatch, 4, "456789", 204, "10")
				if got := w.content(); got != "0123456789" {
					t.Errorf("%q", got)
				}
			})
			t.Run("DELETE leaves nothing", func(t *testing.T) {
				w := open(t, h2)
				w.stall()
				w.want(http.MethodDelete, 0, "", 204, "")
				w.want(http.MethodHead, 0, "", 404, "")
			})
		})
	}
}

// full is a storage that was stopped between the last byte and the file.
type full struct{ storage.FS }

func (f full) UploadSession(ctx context.Context, id string) (storage.UploadSession, error) {
	s, err := f.FS.UploadSession(ctx, id)
	s.Offset = s.Length
	return s, err
}

func (f full) WriteUpload(ctx context.Context, id string, offset int64, _ *storage.Checksum, body io.Reader) (storage.UploadSession, error) {
	return f.FS.WriteUpload(ctx, id, 0, nil, io.MultiReader(strings.NewReader("0123456789"), body))
}

func TestWhatWasSentWholeIsAFileWhenItIsAskedFor(t *testing.T) {
	w := open(t, false)
	signer, err := transfer.NewSigner([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(&transfer.Handler{FS: full{w.fs}, Signer: signer, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(srv.Close)
	w.url = srv.URL + w.url[strings.Index(w.url, "/data/"):]
	w.want(http.MethodHead, 0, "", 200, "10")
	if got := w.content(); got != "0123456789" {
		t.Errorf("%q", got)
	}
}
