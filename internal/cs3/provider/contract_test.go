package provider_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"

	"opencloud/internal/cs3/provider"
	"opencloud/internal/platform/db"
	"opencloud/internal/platform/grpcd"
	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
	"opencloud/internal/storage/posix"
	"opencloud/internal/storage/storagetest"
	"opencloud/internal/token"
	"opencloud/internal/transfer"
)

const storageID = "11111111-1111-4111-8111-111111111111"

// remote puts a storage into "another process": gRPC and HTTP listeners on the loopback, a client of them in front.
func remote(t *testing.T, fs storage.FS) (*provider.Client, *network) {
	t.Helper()
	tokens, err := token.New([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := transfer.NewSigner([]byte("the secret of the transfers"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.UnaryInterceptor(token.UnaryServer(tokens)), grpc.StreamInterceptor(token.StreamServer(tokens)))
	provider.Register(s, fs)
	served := make(chan struct{})
	go func() { defer close(served); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Stop(); <-served })
	data := httptest.NewServer(&provider.DataHandler{FS: fs, Signer: signer})
	t.Cleanup(data.Close)
	conn, err := grpcd.Dial(l.Addr().String(), nil, grpc.WithUnaryInterceptor(token.UnaryClient(tokens)), grpc.WithStreamInterceptor(token.StreamClient(tokens)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	n := &network{grpc: s, data: data, addr: l.Addr().String(), tokens: tokens, signer: signer}
	return provider.NewClient(conn, data.URL+"/data", signer, &http.Client{Transport: &http.Transport{DisableCompression: true}}), n
}

type network struct {
	grpc   *grpc.Server
	data   *httptest.Server
	addr   string
	tokens *token.Manager
	signer *transfer.Signer
}

// The split wiring passes the contract that the storage itself passes.
func TestContract(t *testing.T) {
	for name, open := range map[string]storagetest.Open{"mem": openMem, "posix": openPosix} {
		t.Run(name, func(t *testing.T) {
			storagetest.Run(t, func(t *testing.T) storage.FS {
				c, _ := remote(t, open(t))
				return c
			})
		})
	}
}

func openMem(*testing.T) storage.FS { return mem.New(storageID) }

func openPosix(t *testing.T) storage.FS {
	t.Helper()
	d, err := db.Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "index.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fs, err := posix.New(context.Background(), posix.Config{Root: filepath.Join(t.TempDir(), "files"), StorageID: storageID, DB: d})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fs.Close(); d.Close() })
	return fs
}
