package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/transfer"
)

// Client is a storage in another process. It implements storage.FS.
type Client struct {
	conn   grpc.ClientConnInterface // carries the token of the context's actor (token.UnaryClient, token.StreamClient)
	data   string                   // URL of the provider's data listener
	signer *transfer.Signer
	http   *http.Client
}

var _ storage.FS = (*Client)(nil)

// NewClient returns a client of the storage at a connection, with its data listener at a URL.
func NewClient(conn grpc.ClientConnInterface, dataURL string, signer *transfer.Signer, hc *http.Client) *Client {
	if hc == nil {
		hc = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, DisableCompression: true}}
	}
	return &Client{conn: conn, data: dataURL, signer: signer, http: hc}
}

func (c *Client) call(ctx context.Context, method string, a *args, out any) error {
	b, err := encode(request{method, *a})
	if err != nil {
		return err
	}
	var answer wrapperspb.BytesValue
	if err := c.conn.Invoke(ctx, "/"+serviceName+"/Call", wrapperspb.Bytes(b), &answer); err != nil {
		return fromStatus(err)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, out)
}

func ask[T any](c *Client, ctx context.Context, method string, a args) (T, error) {
	var out T
	err := c.call(ctx, method, &a, &out)
	return out, err
}

func (c *Client) do(ctx context.Context, method string, a args) error {
	return c.call(ctx, method, &a, nil)
}

// list begins a listing: first is filled, and the sequence yields the items.
func list[T any](c *Client, ctx context.Context, method string, a args, first any) (iter.Seq2[T, error], error) {
	b, err := encode(request{method, a})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/"+serviceName+"/List")
	if err == nil {
		err = stream.SendMsg(wrapperspb.Bytes(b))
	}
	if err == nil {
		err = stream.CloseSend()
	}
	var head batch
	if err == nil {
		err = receive(stream, &head)
	}
	if err == nil && first != nil {
		err = json.Unmarshal(head.First, first)
	}
	if err != nil {
		cancel()
		return nil, fromStatus(err)
	}
	return func(yield func(T, error) bool) {
		defer cancel()
		var zero T
		for b := head; ; {
			for _, raw := range b.Items {
				var v T
				err := json.Unmarshal(raw, &v)
				if !yield(v, err) || err != nil {
					return
				}
			}
			if b.End {
				return
			}
			b = batch{}
			if err := receive(stream, &b); err != nil {
				if errors.Is(err, io.EOF) {
					err = fmt.Errorf("%w: %w", storage.ErrUnavailable, errNotWhole)
				}
				yield(zero, fromStatus(err))
				return
			}
		}
	}, nil
}

func receive(stream grpc.ClientStream, b *batch) error {
	var m wrapperspb.BytesValue
	if err := stream.RecvMsg(&m); err != nil {
		return err
	}
	return json.Unmarshal(m.Value, b)
}

// The methods of storage.FS, in its order.

func (c *Client) Stat(ctx context.Context, ref storage.Ref, v storage.View) (storage.Info, error) {
	return ask[storage.Info](c, ctx, "Stat", args{Ref: ref, View: v})
}

func (c *Client) List(ctx context.Context, ref storage.Ref, v storage.View) (storage.Info, iter.Seq2[storage.Info, error], error) {
	var self storage.Info
	seq, err := list[storage.Info](c, ctx, "List", args{Ref: ref, View: v}, &self)
	return self, seq, err
}

func (c *Client) CreateFolder(ctx context.Context, ref storage.Ref, cond storage.Conditions) (storage.Info, error) {
	return ask[storage.Info](c, ctx, "CreateFolder", args{Ref: ref, C: cond})
}

func (c *Client) Move(ctx context.Context, src, dst storage.Ref, overwrite bool, cond storage.Conditions) (storage.Result, error) {
	return ask[storage.Result](c, ctx, "Move", args{Ref: src, Dst: dst, Overwrite: overwrite, C: cond})
}

func (c *Client) Copy(ctx context.Context, src, dst storage.Ref, overwrite, deep bool, cond storage.Conditions) (storage.Result, error) {
	return ask[storage.Result](c, ctx, "Copy", args{Ref: src, Dst: dst, Overwrite: overwrite, Deep: deep, C: cond})
}

func (c *Client) Delete(ctx context.Context, ref storage.Ref, cond storage.Conditions) error {
	return c.do(ctx, "Delete", args{Ref: ref, C: cond})
}

func (c *Client) CreateUpload(ctx context.Context, ref storage.Ref, r storage.UploadRequest) (storage.UploadSession, error) {
	return ask[storage.UploadSession](c, ctx, "CreateUpload", args{Ref: ref, Upload: r})
}

func (c *Client) SetUploadLength(ctx context.Context, id string, length int64) error {
	return c.do(ctx, "SetUploadLength", args{Text: id, Number: length})
}

func (c *Client) UploadSession(ctx context.Context, id string) (storage.UploadSession, error) {
	return ask[storage.UploadSession](c, ctx, "UploadSession", args{Text: id})
}

func (c *Client) CancelUpload(ctx context.Context, id string) error {
	return c.do(ctx, "CancelUpload", args{Text: id})
}

func (c *Client) ListTrash(ctx context.Context, space resource.ID, key, path string) (iter.Seq2[storage.TrashItem, error], error) {
	return list[storage.TrashItem](c, ctx, "ListTrash", args{ID: space, Key: key, Path: path}, nil)
}

func (c *Client) Restore(ctx context.Context, space resource.ID, key, path string, dst storage.Ref, overwrite bool, cond storage.Conditions) (storage.Result, error) {
	return ask[storage.Result](c, ctx, "Restore", args{ID: space, Key: key, Path: path, Dst: dst, Overwrite: overwrite, C: cond})
}

func (c *Client) Purge(ctx context.Context, space resource.ID, key, path string) error {
	return c.do(ctx, "Purge", args{ID: space, Key: key, Path: path})
}

func (c *Client) ListVersions(ctx context.Context, id resource.ID) ([]storage.Version, error) {
	return ask[[]storage.Version](c, ctx, "ListVersions", args{ID: id})
}

func (c *Client) RestoreVersion(ctx context.Context, id resource.ID, key string, cond storage.Conditions) (storage.Info, error) {
	return ask[storage.Info](c, ctx, "RestoreVersion", args{ID: id, Key: key, C: cond})
}

func (c *Client) Lock(ctx context.Context, ref storage.Ref, r storage.LockRequest, cond storage.Conditions) (storage.Lock, bool, error) {
	a, err := ask[lockAnswer](c, ctx, "Lock", args{Ref: ref, Lock: r, C: cond})
	return a.Lock, a.Created, err
}

func (c *Client) RefreshLock(ctx context.Context, ref storage.Ref, token string, timeout time.Duration) (storage.Lock, error) {
	return ask[storage.Lock](c, ctx, "RefreshLock", args{Ref: ref, Text: token, Number: int64(timeout)})
}

func (c *Client) Unlock(ctx context.Context, ref storage.Ref, token string) error {
	return c.do(ctx, "Unlock", args{Ref: ref, Text: token})
}

func (c *Client) PatchProps(ctx context.Context, ref storage.Ref, p []storage.PropPatch, cond storage.Conditions) error {
	return c.do(ctx, "PatchProps", args{Ref: ref, Patches: p, C: cond})
}

func (c *Client) SetMTime(ctx context.Context, ref storage.Ref, t time.Time, cond storage.Conditions) error {
	return c.do(ctx, "SetMTime", args{Ref: ref, Time: t, C: cond})
}

func (c *Client) SetFavorite(ctx context.Context, ref storage.Ref, on bool) error {
	return c.do(ctx, "SetFavorite", args{Ref: ref, On: on})
}

func (c *Client) Favorites(ctx context.Context, ref storage.Ref) (iter.Seq2[storage.Info, error], error) {
	return list[storage.Info](c, ctx, "Favorites", args{Ref: ref}, nil)
}

func (c *Client) AddTags(ctx context.Context, ref storage.Ref, tags []string) error {
	return c.do(ctx, "AddTags", args{Ref: ref, Tags: tags})
}

func (c *Client) RemoveTags(ctx context.Context, ref storage.Ref, tags []string) error {
	return c.do(ctx, "RemoveTags", args{Ref: ref, Tags: tags})
}

func (c *Client) Tagged(ctx context.Context, ref storage.Ref, tag string) (iter.Seq2[storage.Info, error], error) {
	return list[storage.Info](c, ctx, "Tagged", args{Ref: ref, Text: tag}, nil)
}

func (c *Client) ListGrants(ctx context.Context, ref storage.Ref) ([]space.Grant, error) {
	return ask[[]space.Grant](c, ctx, "ListGrants", args{Ref: ref})
}

func (c *Client) SetGrant(ctx context.Context, ref storage.Ref, g space.Grant) error {
	return c.do(ctx, "SetGrant", args{Ref: ref, Grant: g})
}

func (c *Client) RemoveGrant(ctx context.Context, ref storage.Ref, kind space.GranteeKind, grantee string) error {
	return c.do(ctx, "RemoveGrant", args{Ref: ref, Grant: space.Grant{Kind: kind, Grantee: grantee}})
}

func (c *Client) Bequeath(ctx context.Context, creator string) error {
	return c.do(ctx, "Bequeath", args{Grant: space.Grant{Creator: creator}})
}

func (c *Client) DropGrantee(ctx context.Context, kind space.GranteeKind, grantee string) error {
	return c.do(ctx, "DropGrantee", args{Grant: space.Grant{Kind: kind, Grantee: grantee}})
}

func (c *Client) Gone(ctx context.Context, ids []resource.ID) ([]resource.ID, error) {
	return ask[[]resource.ID](c, ctx, "Gone", args{IDs: ids})
}

func (c *Client) FindGrants(ctx context.Context, q storage.GrantQuery) (out []storage.Granted, err error) {
	found, err := list[storage.Granted](c, ctx, "FindGrants", args{Grants: q}, nil)
	if err != nil {
		return nil, err
	}
	for g, err := range found {
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

func (c *Client) Changes(ctx context.Context, ref storage.Ref, token string, limit int) ([]storage.Change, string, bool, error) {
	a, err := ask[changesAnswer](c, ctx, "Changes", args{Ref: ref, Text: token, Number: int64(limit)})
	return a.Changes, a.Next, a.More, err
}

func (c *Client) ListSpaces(ctx context.Context, f storage.SpaceFilter) ([]space.Space, error) {
	if identity.ActorFrom(ctx).Kind == identity.Anonymous {
		return nil, nil // nobody has no spaces; other answers to strangers come from the provider
	}
	return ask[[]space.Space](c, ctx, "ListSpaces", args{Filter: f})
}

func (c *Client) CreateSpace(ctx context.Context, r storage.SpaceRequest) (space.Space, error) {
	return ask[space.Space](c, ctx, "CreateSpace", args{Space: r})
}

func (c *Client) UpdateSpace(ctx context.Context, id resource.ID, u storage.SpaceUpdate) (space.Space, error) {
	return ask[space.Space](c, ctx, "UpdateSpace", args{ID: id, Update: u})
}

func (c *Client) DisableSpace(ctx context.Context, id resource.ID) error {
	return c.do(ctx, "DisableSpace", args{ID: id})
}

func (c *Client) PurgeSpace(ctx context.Context, id resource.ID) error {
	return c.do(ctx, "PurgeSpace", args{ID: id})
}

func (c *Client) Quota(ctx context.Context, id resource.ID) (space.Quota, error) {
	return ask[space.Quota](c, ctx, "Quota", args{ID: id})
}
