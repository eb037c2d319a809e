// Package registry lets processes of one installation find each other: every service writes where it listens into a file
// of a folder that all of them see. A file whose heartbeat stopped counts no more.
package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	// beat is how often a node says that it is there; life how long that counts. A node that missed a beat is taken only
	// when there is no other.
	beat  = 20 * time.Second
	fresh = beat + 5*time.Second
	life  = 65 * time.Second
	// remember is how long the folder's list serves without being read again.
	remember = time.Second
	// maxNode bounds a file, in bytes.
	maxNode = 64 << 10
)

// Folder is a registry in a folder: one file per node, so that several nodes of a service stand side by side.
type Folder struct {
	dir   string
	mu    sync.Mutex
	lists map[string]list // by service
}

type list struct {
	nodes []Node
	read  time.Time
}

// Open returns the registry in a folder, which is made.
func Open(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return &Folder{dir: dir, lists: map[string]list{}}, nil
}

// prefix of the files of a service's nodes.
func prefix(service string) string { return strings.ReplaceAll(service, "/", "_") + "@" }

// path of a node: the same for the same service at the same address, so that one started again replaces itself.
func (f *Folder) path(n Node) string {
	sum := sha256.Sum256([]byte(n.HTTP + "\x00" + n.GRPC))
	return filepath.Join(f.dir, prefix(n.Service)+hex.EncodeToString(sum[:8])+".json")
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
			_ = os.Remove(f.path(n))
			f.forget(n.Service)
			return nil
		case <-t.C:
		}
	}
}

func (f *Folder) forget(service string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.lists, service)
}

func (f *Folder) put(n Node) error {
	n.Seen = time.Now()
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	tmp := f.path(n) + "." + strconv.Itoa(os.Getpid())
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	if err := os.Rename(tmp, f.path(n)); err != nil {
		return fmt.Errorf("registry: %w", err)
	}
	f.forget(n.Service)
	return nil
}

// Lookup returns where a service listens: any of its nodes that showed themselves lately. ErrNone: there is none.
func (f *Folder) Lookup(service string) (Node, error) {
	nodes, err := f.Nodes(service)
	if err != nil {
		return Node{}, err
	}
	if len(nodes) == 0 {
		return Node{}, ErrNone
	}
	lately := 0
	for lately < len(nodes) && time.Since(nodes[lately].Seen) < fresh {
		lately++
	}
	if lately == 0 {
		return nodes[0], nil
	}
	return nodes[rand.N(lately)], nil
}

// Nodes returns the living nodes of a service, the one seen last first.
func (f *Folder) Nodes(service string) ([]Node, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	// That a service is not there is not remembered: it may be starting.
	if l, ok := f.lists[service]; ok && len(l.nodes) > 0 && time.Since(l.read) < remember {
		return alive(l.nodes), nil
	}
	nodes, err := f.read(service)
	if err != nil {
		return nil, fmt.Errorf("registry: %s: %w", service, err)
	}
	f.lists[service] = list{nodes, time.Now()}
	return alive(nodes), nil
}

func alive(nodes []Node) []Node {
	i := 0
	for i < len(nodes) && time.Since(nodes[i].Seen) < life {
		i++
	}
	return nodes[:i:i]
}

func (f *Folder) read(service string) ([]Node, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	var nodes []Node
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix(service)) || !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		n, err := readNode(filepath.Join(f.dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it left just now
		}
		if err != nil {
			return nil, err
		}
		if n.Service == service {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, func(a, b Node) int { return b.Seen.Compare(a.Seen) })
	return nodes, nil
}

func readNode(path string) (n Node, err error) {
	file, err := os.Open(path)
	if err != nil {
		return n, err
	}
	defer file.Close()
	return n, json.NewDecoder(io.LimitReader(file, maxNode)).Decode(&n)
}
