package preferences

import (
	"context"

	permissionspb "github.com/cs3org/go-cs3apis/cs3/permissions/v1beta1"
	preferencespb "github.com/cs3org/go-cs3apis/cs3/preferences/v1beta1"
	"google.golang.org/grpc"
)

// Client asks a settings service in another process what Server answers in this one.
type Client struct {
	permissions permissionspb.PermissionsAPIClient
	preferences preferencespb.PreferencesAPIClient
}

// NewClient returns a client of a settings service.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{permissionspb.NewPermissionsAPIClient(conn), preferencespb.NewPreferencesAPIClient(conn)}
}

// CheckPermission is the API's.
func (c *Client) CheckPermission(ctx context.Context, r *permissionspb.CheckPermissionRequest) (*permissionspb.CheckPermissionResponse, error) {
	return c.permissions.CheckPermission(ctx, r)
}

// SetKey is the API's.
func (c *Client) SetKey(ctx context.Context, r *preferencespb.SetKeyRequest) (*preferencespb.SetKeyResponse, error) {
	return c.preferences.SetKey(ctx, r)
}

// GetKey is the API's.
func (c *Client) GetKey(ctx context.Context, r *preferencespb.GetKeyRequest) (*preferencespb.GetKeyResponse, error) {
	return c.preferences.GetKey(ctx, r)
}
