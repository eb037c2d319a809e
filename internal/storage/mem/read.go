package mem

import (
	"bytes"
	"context"
	"io"
	"iter"

	"opencloud/internal/permission"
	"opencloud/internal/storage"
)

// Stat implements storage.Reader.
func (f *FS) Stat(ctx context.Context, ref storage.Ref, v storage.View) (storage.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, ref)
	if err != nil {
		return storage.Info{}, err
	}
	return f.info(ctx, n, v), nil
}

// List implements storage.Reader.
func (f *FS) List(ctx context.Context, ref storage.Ref, v storage.View) (storage.Info, iter.Seq2[storage.Info, error], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, ref)
	if err != nil {
		return storage.Info{}, nil, err
	}
	if n.isFolder() {
		if err := need(ctx, n, permission.ListContainer); err != nil {
			return storage.Info{}, nil, err
		}
	}
	var children []storage.Info
	for _, name := range n.names() {
		if c := n.children[name]; visible(ctx, c) {
			children = append(children, f.info(ctx, c, v))
		}
	}
	return f.info(ctx, n, v), sequence(children), nil
}

// sequence yields what was gathered.
func sequence[T any](items []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, i := range items {
			if !yield(i, nil) {
				return
			}
		}
	}
}

type reader struct{ *bytes.Reader }

func (reader) Close() error { return nil }

func open(i storage.Info, b blob) *storage.Content {
	return &storage.Content{Info: i, ReadSeekCloser: reader{bytes.NewReader(b.data)}}
}

var _ io.ReadSeekCloser = reader{}

// Open implements storage.Reader.
func (f *FS) Open(ctx context.Context, ref storage.Ref) (*storage.Content, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	if err := need(ctx, n, permission.Download); err != nil {
		return nil, err
	}
	if n.isFolder() {
		return nil, storage.ErrConflict
	}
	return open(f.info(ctx, n, storage.View{}), n.content), nil
}
