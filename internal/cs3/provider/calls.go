package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

// args are the arguments of any call; each call uses some of them.
type args struct {
	Ref       storage.Ref           `json:"ref,omitzero"`
	Dst       storage.Ref           `json:"dst,omitzero"`
	ID        resource.ID           `json:"id,omitzero"`
	View      storage.View          `json:"view,omitzero"`
	C         storage.Conditions    `json:"c,omitzero"`
	Overwrite bool                  `json:"overwrite,omitempty"`
	Deep      bool                  `json:"deep,omitempty"`
	On        bool                  `json:"on,omitempty"`
	Key       string                `json:"key,omitempty"`
	Path      string                `json:"path,omitempty"`
	Text      string                `json:"text,omitempty"`
	Number    int64                 `json:"number,omitempty"`
	Time      time.Time             `json:"time,omitzero"`
	Upload    storage.UploadRequest `json:"upload,omitzero"`
	Lock      storage.LockRequest   `json:"lock,omitzero"`
	Patches   []storage.PropPatch   `json:"patches,omitempty"`
	Tags      []string              `json:"tags,omitempty"`
	Grant     space.Grant           `json:"grant,omitzero"`
	IDs       []resource.ID         `json:"ids,omitempty"`
	Grants    storage.GrantQuery    `json:"grants,omitzero"`
	Filter    storage.SpaceFilter   `json:"filter,omitzero"`
	Space     storage.SpaceRequest  `json:"space,omitzero"`
	Update    storage.SpaceUpdate   `json:"update,omitzero"`
}

type lockAnswer struct {
	Lock    storage.Lock
	Created bool
}

type changesAnswer struct {
	Changes []storage.Change
	Next    string
	More    bool
}

// call is a method of storage.FS.
type call func(ctx context.Context, fs storage.FS, a *args) (any, error)

func none(err error) (any, error) { return nil, err }

// calls are the methods that take and give small things.
func calls() map[string]call {
	return map[string]call{
		"Stat": func(ctx context.Context, fs storage.FS, a *args) (any, error) { return fs.Stat(ctx, a.Ref, a.View) },
		"CreateFolder": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return fs.CreateFolder(ctx, a.Ref, a.C)
		},
		"Move": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return fs.Move(ctx, a.Ref, a.Dst, a.Overwrite, a.C)
		},
		"Copy": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return fs.Copy(ctx, a.Ref, a.Dst, a.Overwrite, a.Deep, a.C)
		},
		"Delete": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.Delete(ctx, a.Ref, a.C))
		},
		"CreateUpload": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return fs.CreateUpload(ctx, a.Ref, a.Upload)
		},
		"SetUploadLength": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.SetUploadLength(ctx, a.Text, a.Number))
		},
		"UploadSession": func(ctx context.Context, fs storage.FS, a *args) (any, error) { return fs.UploadSession(ctx, a.Text) },
		"CancelUpload": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.CancelUpload(ctx, a.Text))
		},
		"Restore": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return fs.Restore(ctx, a.ID, a.Key, a.Path, a.Dst, a.Overwrite, a.C)
		},
		"Purge": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.Purge(ctx, a.ID, a.Key, a.Path))
		},
		"ListVersions": func(ctx context.Context, fs storage.FS, a *args) (any, error) { return fs.ListVersions(ctx, a.ID) },
		"RestoreVersion": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return fs.RestoreVersion(ctx, a.ID, a.Key, a.C)
		},
		"Lock": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			l, created, err := fs.Lock(ctx, a.Ref, a.Lock, a.C)
			return lockAnswer{l, created}, err
		},
		"RefreshLock": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return fs.RefreshLock(ctx, a.Ref, a.Text, time.Duration(a.Number))
		},
		"Unlock": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.Unlock(ctx, a.Ref, a.Text))
		},
		"PatchProps": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.PatchProps(ctx, a.Ref, a.Patches, a.C))
		},
		"SetMTime": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.SetMTime(ctx, a.Ref, a.Time, a.C))
		},
		"SetFavorite": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.SetFavorite(ctx, a.Ref, a.On))
		},
		"AddTags": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.AddTags(ctx, a.Ref, a.Tags))
		},
		"RemoveTags": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.RemoveTags(ctx, a.Ref, a.Tags))
		},
		"ListGrants": func(ctx context.Context, fs storage.FS, a *args) (any, error) { return fs.ListGrants(ctx, a.Ref) },
		"SetGrant": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.SetGrant(ctx, a.Ref, a.Grant))
		},
		"Bequeath": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.Bequeath(ctx, a.Grant.Creator))
		},
		"DropGrantee": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.DropGrantee(ctx, a.Grant.Kind, a.Grant.Grantee))
		},
		"Gone": func(ctx context.Context, fs storage.FS, a *args) (any, error) { return fs.Gone(ctx, a.IDs) },
		"RemoveGrant": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.RemoveGrant(ctx, a.Ref, a.Grant.Kind, a.Grant.Grantee))
		},
		"Changes": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			c, next, more, err := fs.Changes(ctx, a.Ref, a.Text, int(a.Number))
			return changesAnswer{c, next, more}, err
		},
		"ListSpaces":  func(ctx context.Context, fs storage.FS, a *args) (any, error) { return fs.ListSpaces(ctx, a.Filter) },
		"CreateSpace": func(ctx context.Context, fs storage.FS, a *args) (any, error) { return fs.CreateSpace(ctx, a.Space) },
		"UpdateSpace": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return fs.UpdateSpace(ctx, a.ID, a.Update)
		},
		"DisableSpace": func(ctx context.Context, fs storage.FS, a *args) (any, error) {
			return none(fs.DisableSpace(ctx, a.ID))
		},
		"PurgeSpace": func(ctx context.Context, fs storage.FS, a *args) (any, error) { return none(fs.PurgeSpace(ctx, a.ID)) },
		"Quota":      func(ctx context.Context, fs storage.FS, a *args) (any, error) { return fs.Quota(ctx, a.ID) },
	}
}

// listing is a method that gives many things: first one answer, then items.
type listing func(ctx context.Context, fs storage.FS, a *args) (first any, items iter.Seq2[any, error], err error)

func listings() map[string]listing {
	return map[string]listing{
		"List": func(ctx context.Context, fs storage.FS, a *args) (any, iter.Seq2[any, error], error) {
			i, seq, err := fs.List(ctx, a.Ref, a.View)
			return i, anySeq(seq), err
		},
		"ListTrash": func(ctx context.Context, fs storage.FS, a *args) (any, iter.Seq2[any, error], error) {
			seq, err := fs.ListTrash(ctx, a.ID, a.Key, a.Path)
			return nil, anySeq(seq), err
		},
		"Favorites": func(ctx context.Context, fs storage.FS, a *args) (any, iter.Seq2[any, error], error) {
			seq, err := fs.Favorites(ctx, a.Ref)
			return nil, anySeq(seq), err
		},
		"Tagged": func(ctx context.Context, fs storage.FS, a *args) (any, iter.Seq2[any, error], error) {
			seq, err := fs.Tagged(ctx, a.Ref, a.Text)
			return nil, anySeq(seq), err
		},
		"FindGrants": func(ctx context.Context, fs storage.FS, a *args) (any, iter.Seq2[any, error], error) {
			found, err := fs.FindGrants(ctx, a.Grants)
			return nil, func(yield func(any, error) bool) {
				for _, g := range found {
					if !yield(g, nil) {
						return
					}
				}
			}, err
		},
	}
}

func anySeq[T any](seq iter.Seq2[T, error]) iter.Seq2[any, error] {
	if seq == nil {
		return nil
	}
	return func(yield func(any, error) bool) {
		for v, err := range seq {
			if !yield(v, err) {
				return
			}
		}
	}
}

// request is what travels to the provider.
type request struct {
	Method string `json:"method"`
	Args   args   `json:"args"`
}

// encode writes JSON, which has no words for text that is not UTF-8: rather than changed, it is refused.
func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err == nil && lossy(b) {
		return nil, fmt.Errorf("%w: text that is not UTF-8", storage.ErrInvalid)
	}
	return b, err
}

// lossy tells whether the encoder replaced bytes: it writes its own replacements as an escape, and the same character
// of a text as it is.
func lossy(b []byte) bool {
	const mark = `\ufffd`
	for from := 0; ; {
		i := bytes.Index(b[from:], []byte(mark))
		if i < 0 {
			return false
		}
		at := from + i
		slashes := 1
		for at-slashes >= 0 && b[at-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 1 {
			return true
		}
		from = at + len(mark)
	}
}

func decode(b []byte) (*request, error) {
	var r request
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%w: request", storage.ErrInvalid)
	}
	return &r, nil
}
