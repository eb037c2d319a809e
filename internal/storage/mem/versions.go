package mem

import (
	"context"
	"fmt"
	"slices"
	"time"

	"opencloud/internal/permission"
	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

type version struct {
	key     string
	etag    string
	mtime   time.Time
	content blob
}

func (n *node) keepVersion() {
	base := n.id + ".REV." + n.mtime.UTC().Format(time.RFC3339Nano)
	key := base
	for i := 1; slices.ContainsFunc(n.versions, func(v version) bool { return v.key == key }); i++ {
		key = fmt.Sprintf("%s.%d", base, i)
	}
	n.versions = append(n.versions, version{key, n.etag(), n.mtime, n.content})
}

func (f *FS) versioned(ctx context.Context, id resource.ID, want permission.Set) (*node, error) {
	n, err := f.find(ctx, storage.At(id, ""))
	if err != nil {
		return nil, err
	}
	if n.isFolder() {
		return nil, storage.ErrNotFound
	}
	return n, need(ctx, n, want)
}

// ListVersions implements storage.Versions.
func (f *FS) ListVersions(ctx context.Context, id resource.ID) ([]storage.Version, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.versioned(ctx, id, permission.ListVersions)
	if err != nil {
		return nil, err
	}
	var out []storage.Version
	for _, v := range slices.Backward(n.versions) {
		out = append(out, storage.Version{Key: v.key, Size: int64(len(v.content.data)), MTime: v.mtime, ETag: v.etag, MIME: mimeOf(n)})
	}
	return out, nil
}

func (n *node) version(key string) (int, error) {
	i := slices.IndexFunc(n.versions, func(v version) bool { return v.key == key })
	if i < 0 {
		return i, storage.ErrNotFound
	}
	return i, nil
}

// OpenVersion implements storage.Versions.
func (f *FS) OpenVersion(ctx context.Context, id resource.ID, key string) (*storage.Content, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.versioned(ctx, id, permission.ListVersions|permission.Download)
	if err != nil {
		return nil, err
	}
	k, err := n.version(key)
	if err != nil {
		return nil, err
	}
	v, i := n.versions[k], f.info(ctx, n, storage.View{})
	i.Size, i.MTime, i.ETag, i.Checksums = int64(len(v.content.data)), v.mtime, v.etag, v.content.sums
	return open(i, v.content), nil
}

// RestoreVersion implements storage.Versions.
func (f *FS) RestoreVersion(ctx context.Context, id resource.ID, key string, c storage.Conditions) (storage.Info, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.versioned(ctx, id, permission.RestoreVersion)
	if err != nil {
		return storage.Info{}, err
	}
	k, err := n.version(key)
	if err != nil {
		return storage.Info{}, err
	}
	if err := need(ctx, n, permission.Upload); err != nil {
		return storage.Info{}, err
	}
	if err := check(&c, n); err != nil {
		return storage.Info{}, err
	}
	if err := guard(ctx, n, c.LockTokens, false); err != nil {
		return storage.Info{}, err
	}
	v := n.versions[k]
	if err := fits(n.space, int64(len(v.content.data))-n.size()); err != nil {
		return storage.Info{}, err
	}
	n.keepVersion()
	n.versions = slices.Delete(n.versions, k, k+1)
	n.content, n.mtime = v.content, f.now()
	f.touched(n)
	return f.info(ctx, n, storage.View{}), nil
}
