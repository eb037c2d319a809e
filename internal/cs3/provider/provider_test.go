package provider_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"opencloud/internal/cs3/provider"
	"opencloud/internal/identity"
	"opencloud/internal/platform/grpcd"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/storagetest"
	"opencloud/internal/token"
	"opencloud/internal/transfer"
)

func home(t *testing.T, fs storage.FS) (context.Context, resource.ID) {
	t.Helper()
	alice := storagetest.As("alice")
	s, err := fs.CreateSpace(alice, storage.SpaceRequest{Type: space.Personal, Owner: "alice", Name: "Alice", Quota: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return alice, s.ID
}

// A provider that gives up in the middle of a large body is heard.
func TestRefusedInTheMiddle(t *testing.T) {
	fs, _ := remote(t, openMem(t))
	alice, root := home(t, fs)
	for range 3 {
		body := io.LimitReader(zeros{}, 64<<20)
		_, err := fs.Upload(alice, storage.At(root, "big"), storage.UploadRequest{Length: -1}, body)
		if !errors.Is(err, storage.ErrQuota) {
			t.Fatalf("got %v", err)
		}
		_, err = fs.Upload(alice, storage.At(root, "no/parent"), storage.UploadRequest{Length: -1}, io.LimitReader(zeros{}, 64<<20))
		if !errors.Is(err, storage.ErrParentMissing) {
			t.Fatalf("got %v", err)
		}
	}
	if _, err := fs.Stat(alice, storage.At(root, "big"), storage.View{}); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("something was left: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A caller that goes away in the middle of a body leaves nothing.
func TestCallerGoesAway(t *testing.T) {
	fs, _ := remote(t, openMem(t))
	alice, root := home(t, fs)
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(alice)
	go func() {
		_, _ = w.Write(make([]byte, 1000))
		cancel()
		w.CloseWithError(io.ErrUnexpectedEOF) // as the body of a request whose connection has ended
	}()
	if _, err := fs.Upload(ctx, storage.At(root, "f"), storage.UploadRequest{Length: -1}, r); err == nil {
		t.Error("stored without its body")
	}
	if _, err := fs.Stat(alice, storage.At(root, "f"), storage.View{}); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("half a file: %v", err)
	}
}

func TestSeek(t *testing.T) {
	fs, _ := remote(t, openMem(t))
	alice, root := home(t, fs)
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	put := func(b []byte) {
		t.Helper()
		if _, err := fs.Upload(alice, storage.At(root, "f"), storage.UploadRequest{Length: int64(len(b))}, bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
	}
	put(content)
	c, err := fs.Open(alice, storage.At(root, "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, at := range []int64{0, 99_990, 12_345, 12_355, 100_000, 3} {
		if _, err := c.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 10)
		n, err := io.ReadFull(c, b)
		want := content[at:min(at+10, int64(len(content)))]
		if !bytes.Equal(b[:n], want) || len(want) == 10 && err != nil {
			t.Errorf("at %d: %q %v, want %q", at, b[:n], err, want)
		}
	}
	put(append(content, 'x'))
	if _, err := c.Seek(50, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err == nil {
		t.Errorf("content of two versions in one reading: %d bytes", len(b))
	}
}

// failing is a storage whose listings break off.
type failing struct{ storage.FS }

func (f failing) List(ctx context.Context, ref storage.Ref, v storage.View) (storage.Info, iter.Seq2[storage.Info, error], error) {
	i, seq, err := f.FS.List(ctx, ref, v)
	return i, func(yield func(storage.Info, error) bool) {
		for c, err := range seq {
			if !yield(c, err) {
				return
			}
		}
		yield(storage.Info{}, storage.ErrUnavailable)
	}, err
}

func count(seq iter.Seq2[storage.Info, error]) (n int, err error) {
	for _, e := range seq {
		if e != nil {
			return n, e
		}
		n++
	}
	return n, nil
}

// A listing is whole or it ends in an error.
func TestListings(t *testing.T) {
	inner := openMem(t)
	whole, net := remote(t, inner)
	alice, root := home(t, whole)
	for i := range 2000 {
		name := strings.Repeat("n", 200) + string(rune('a'+i%26)) + string(rune(0x4e00+i))
		if _, err := inner.CreateFolder(alice, storage.At(root, name), storage.Conditions{}); err != nil {
			t.Fatal(err)
		}
	}
	_, seq, err := whole.List(alice, storage.At(root, ""), storage.View{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := count(seq); n != 2000 || err != nil {
		t.Errorf("%d entries, %v", n, err)
	}
	broken, _ := remote(t, failing{inner})
	_, seq, err = broken.List(alice, storage.At(root, ""), storage.View{})
	if err == nil {
		_, err = count(seq)
	}
	if !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("a broken listing ends with %v", err)
	}
	_, seq, err = whole.List(alice, storage.At(root, ""), storage.View{})
	if err != nil {
		t.Fatal(err)
	}
	for range seq { // stops early, and lets go
		break
	}
	_, seq, err = whole.List(alice, storage.At(root, ""), storage.View{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err = range seq {
		if n++; n == 1 {
			go net.grpc.Stop() // the provider dies
			time.Sleep(50 * time.Millisecond)
		}
	}
	if n < 2000 && err == nil {
		t.Errorf("%d entries and no error", n)
	}
	if _, err := whole.Stat(alice, storage.At(root, ""), storage.View{}); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("the provider is away: %v", err)
	}
	if l, err := whole.ListSpaces(alice, storage.SpaceFilter{}); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("the provider is away: %v %v", l, err)
	}
}

// A client with another secret is not believed; it must not take this for files that are gone.
func TestOtherSecret(t *testing.T) {
	good, net := remote(t, openMem(t))
	alice, root := home(t, good)
	other, err := token.New([]byte("ffffffffffffffffffffffffffffffff"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := transfer.NewSigner([]byte("another secret of transfers"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpcd.Dial(net.addr, nil, grpc.WithUnaryInterceptor(token.UnaryClient(other)), grpc.WithStreamInterceptor(token.StreamClient(other)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	bad := provider.NewClient(conn, net.data.URL+"/data", signer, nil)
	_, err = bad.Stat(alice, storage.At(root, ""), storage.View{})
	check := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, storage.ErrUnavailable) || errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("stat", err)
	_, _, err = bad.List(alice, storage.At(root, ""), storage.View{})
	check("list", err)
	_, err = bad.ListSpaces(alice, storage.SpaceFilter{})
	check("spaces", err)
	_, err = bad.Upload(alice, storage.At(root, "f"), storage.UploadRequest{Length: 1}, strings.NewReader("x"))
	check("upload", err)
	_, err = bad.Open(alice, storage.At(root, "f"))
	check("open", err)
}

// The data listener does what tokens say, and nothing else.
func TestDataListener(t *testing.T) {
	inner := openMem(t)
	fs, net := remote(t, inner)
	alice, root := home(t, fs)
	if _, err := fs.Upload(alice, storage.At(root, "f"), storage.UploadRequest{Length: 6}, strings.NewReader("secret")); err != nil {
		t.Fatal(err)
	}
	sign := func(op transfer.Op, request string, ttl time.Duration) string {
		s, err := net.signer.Sign(transfer.Claims{Op: op, Request: request, Actor: identity.ActorFrom(alice)}, ttl)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	order := `{"Ref":{"ID":"` + root.String() + `","Path":"f"}}`
	good := sign(transfer.Read, order, time.Minute)
	for name, tc := range map[string]struct{ method, token string }{
		"none": {"GET", ""}, "garbage": {"GET", "x.y.z"}, "expired": {"GET", sign(transfer.Read, order, -time.Minute)}, "changed": {"GET", good[:len(good)-4] + "AAAA"},
		"read to write": {"PUT", good}, "read to delete": {"DELETE", good}, "write to read": {"GET", sign(transfer.Write, order, time.Minute)}, "unknown": {"GET", sign("all", order, time.Minute)},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, net.data.URL+"/data/internal", strings.NewReader("changed"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Reva-Transfer", tc.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode < 400 || strings.Contains(string(b), "secret") {
			t.Errorf("%s: %s %q", name, resp.Status, b)
		}
	}
	c, err := inner.Open(alice, storage.At(root, "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, _ := io.ReadAll(c); string(b) != "secret" {
		t.Errorf("content is %q", b)
	}
}
