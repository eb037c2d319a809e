// Package registry lets processes of one installation find each other: every service writes where it listens into a file
// of a folder that all of them see. A file whose heartbeat stopped counts no more.
package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrNone tells that a service does not run anywhere.
var ErrNone = errors.New("service is not registered")

// Node is where a service listens. Empty addresses are listeners it does not have.
type Node struct {
	Service string    `json:"service"`
	Version string    `json:"version"`
	HTTP    string    `json:"http,omitempty"`
	GRPC    string    `json:"grpc,omitempty"`
	TLS     bool      `json:"tls,omitempty"` // of HTTP and GRPC
	Seen    time.Time `json:"seen"`
}

const (
	// beat is how often a node says that it is there; life how long that counts.
	beat = 20 * time.Second
	life = 65 * time.Second
)

// Folder is a registry in a folder.
type Folder struct{ dir string }

// Open returns the registry in a folder, which is made.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return &Folder{dir}, nil
}

func (f *Folder) path(service string) string {
	return filepath.Join(f.dir, strings.ReplaceAll(service, "/", "_")+".json")
}

// Keep registers a node until the context ends.
func (f *Folder) Keep(ctx context.Context, n Node) error {
	t := time.NewTicker(beat)
	defer t.Stop()
	for {
		if err := f.put(n); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			_ = os.Remove(f.path(n.Service))
			return nil
		case <-t.C:
		}
	}
}

func (f *Folder) put(n Node) error {
	n.Seen = time.Now()
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	tmp := f.path(n.Service) + "." + fmt.Sprint(os.Getpid())
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	return os.Rename(tmp, f.path(n.Service))
}

// Lookup returns where a service listens.
func (f *Folder) Lookup(service string) (Node, error) {
	b, err := os.ReadFile(f.path(service))
	if errors.Is(err, fs.ErrNotExist) {
		return Node{}, ErrNone
	}
	var n Node
	if err == nil {
		err = json.Unmarshal(b, &n)
	}
	if err != nil {
		return Node{}, fmt.Errorf("registry: %s: %w", service, err)
	}
	if time.Since(n.Seen) > life {
		return Node{}, ErrNone
	}
	return n, nil
}
