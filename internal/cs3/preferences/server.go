// Package preferences offers what CS3 knows of settings: the check of a permission, and preferences. (spec/identity.md §13)
package preferences

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	permissionspb "github.com/cs3org/go-cs3apis/cs3/permissions/v1beta1"
	preferencespb "github.com/cs3org/go-cs3apis/cs3/preferences/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
	domain "opencloud/internal/settings"
)

// outcome turns an error into a status of the wire.
func outcome(err error) *rpcpb.Status {
	code := rpcpb.Code_CODE_INTERNAL
	switch {
	case err == nil:
		return &rpcpb.Status{Code: rpcpb.Code_CODE_OK}
	case errors.Is(err, domain.ErrNotFound):
		code = rpcpb.Code_CODE_NOT_FOUND
	case errors.Is(err, domain.ErrForbidden):
		code = rpcpb.Code_CODE_PERMISSION_DENIED
	case errors.Is(err, domain.ErrInvalid):
		code = rpcpb.Code_CODE_INVALID_ARGUMENT
	}
	return &rpcpb.Status{Code: code, Message: err.Error()}
}

// known refuses strangers.
func known(ctx context.Context) error {
	if a := identity.ActorFrom(ctx); !a.Known() {
		return status.Error(codes.Unauthenticated, "no access token")
	}
	return nil
}

// Server implements PermissionsAPI and PreferencesAPI.
type Server struct {
	permissionspb.UnimplementedPermissionsAPIServer
	preferencespb.UnimplementedPreferencesAPIServer
	settings *domain.Settings
}

// NewServer returns a server of settings.
func NewServer(s *domain.Settings) *Server { return &Server{settings: s} }

// Register adds both services.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	permissionspb.RegisterPermissionsAPIServer(r, s)
	preferencespb.RegisterPreferencesAPIServer(r, s)
}

// CheckPermission implements the API: the permission is a name of §13.3, with or without ".own" or ".all". People ask about
// themselves, services about anybody.
func (s *Server) CheckPermission(ctx context.Context, r *permissionspb.CheckPermissionRequest) (*permissionspb.CheckPermissionResponse, error) {
	if err := known(ctx); err != nil {
		return nil, err
	}
	name, need := r.GetPermission(), role.Own
	if n, ok := strings.CutSuffix(name, ".all"); ok {
		name, need = n, role.All
	} else {
		name = strings.TrimSuffix(name, ".own")
	}
	scope, err := s.settings.Permitted(ctx, r.GetSubjectRef().GetUserId().GetOpaqueId(), role.Permission(name))
	if err == nil && scope < need {
		err = domain.ErrForbidden
	}
	return &permissionspb.CheckPermissionResponse{Status: outcome(err)}, nil
}

// SetKey implements the API for the caller: the namespace is the name or extension of a bundle, the key that of a setting.
// Values are texts, true or false, numbers, or for collections {"<key>":true,…}.
func (s *Server) SetKey(ctx context.Context, r *preferencespb.SetKeyRequest) (*preferencespb.SetKeyResponse, error) {
	if err := known(ctx); err != nil {
		return nil, err
	}
	err := s.set(ctx, r.GetKey().GetNamespace(), r.GetKey().GetKey(), r.GetVal())
	return &preferencespb.SetKeyResponse{Status: outcome(err)}, nil
}

func (s *Server) set(ctx context.Context, namespace, key, text string) error {
	id, err := s.settings.SettingID(ctx, namespace, key)
	if err != nil {
		return err
	}
	v := domain.Value{SettingID: id, AccountUUID: domain.Me, String: &text}
	if b, err := strconv.ParseBool(text); err == nil {
		v.Bool = &b
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		v.Int = (*domain.Int)(&n)
	}
	var flags map[string]bool
	if err := json.Unmarshal([]byte(text), &flags); err == nil && len(flags) > 0 {
		v.Collection = &domain.Collection{}
		for k, on := range flags {
			v.Collection.Values = append(v.Collection.Values, domain.CollectionValue{Key: k, Bool: &on})
		}
	}
	_, err = s.settings.Save(ctx, v)
	return err
}

// GetKey implements the API for the caller: what is set, or else the default.
func (s *Server) GetKey(ctx context.Context, r *preferencespb.GetKeyRequest) (*preferencespb.GetKeyResponse, error) {
	if err := known(ctx); err != nil {
		return nil, err
	}
	id, err := s.settings.SettingID(ctx, r.GetKey().GetNamespace(), r.GetKey().GetKey())
	var v domain.Identified
	if err == nil {
		v, err = s.settings.Effective(ctx, domain.Me, id)
	}
	return &preferencespb.GetKeyResponse{Status: outcome(err), Val: text(v.Value)}, nil
}

// text is the reverse of what SetKey reads.
func text(v domain.Value) string {
	switch {
	case v.Bool != nil:
		return strconv.FormatBool(*v.Bool)
	case v.Int != nil:
		return strconv.FormatInt(int64(*v.Int), 10)
	case v.String != nil:
		return *v.String
	case v.List != nil && len(v.List.Values) > 0 && v.List.Values[0].String != nil:
		return *v.List.Values[0].String
	case v.Collection != nil:
		flags := map[string]bool{}
		for _, o := range v.Collection.Values {
			if o.Bool != nil {
				flags[o.Key] = *o.Bool
			}
		}
		b, _ := json.Marshal(flags)
		return string(b)
	}
	return ""
}
