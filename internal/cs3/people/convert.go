// Package people carries identity.Users, Groups, Authenticator and Machine over CS3 gRPC: servers that offer an
// implementation to other processes, and clients that are such an implementation. (spec/identity.md §8.1)
//
// Servers answer only callers who say who they are (package token). What CS3 has no field for travels as opaque entries.
package people

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	grouppb "github.com/cs3org/go-cs3apis/cs3/identity/group/v1beta1"
	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	rpcpb "github.com/cs3org/go-cs3apis/cs3/rpc/v1beta1"
	typespb "github.com/cs3org/go-cs3apis/cs3/types/v1beta1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"opencloud/internal/identity"
	"opencloud/internal/identity/role"
)

const (
	entryGiven    = "given_name"
	entrySurname  = "surname"
	entryLanguage = "language"
	entryEnabled  = "enabled"
	entryRoles    = "roles"
	entryLimit    = "limit"
	entryAddress  = "client_address"
	// trailerRetry holds how long to wait, in milliseconds, beside CODE_RESOURCE_EXHAUSTED.
	trailerRetry = "retry-after-ms"
	// maxFound bounds the answers to a search.
	maxFound = 1000
)

func entry(s string) *typespb.OpaqueEntry {
	return &typespb.OpaqueEntry{Decoder: "plain", Value: []byte(s)}
}

func read(o *typespb.Opaque, key string) string {
	if e := o.GetMap()[key]; e != nil && e.GetDecoder() == "plain" {
		return string(e.GetValue())
	}
	return ""
}

func toWire(u identity.User, groups []string) *userpb.User {
	kind := userpb.UserType_USER_TYPE_PRIMARY
	if u.Type == identity.Guest {
		kind = userpb.UserType_USER_TYPE_GUEST
	}
	return &userpb.User{
		Id:       &userpb.UserId{Idp: u.Issuer, OpaqueId: u.ID, Type: kind},
		Username: u.Username, Mail: u.Mail, DisplayName: u.DisplayName, Groups: groups,
		Opaque: &typespb.Opaque{Map: map[string]*typespb.OpaqueEntry{
			entryGiven: entry(u.GivenName), entrySurname: entry(u.Surname), entryLanguage: entry(u.Language),
			entryEnabled: entry(strconv.FormatBool(u.Enabled)), entryRoles: entry(strings.Join(u.Roles, ",")),
		}},
	}
}

func fromWire(w *userpb.User) identity.User {
	u := identity.User{ID: w.GetId().GetOpaqueId(), Issuer: w.GetId().GetIdp(), Username: w.GetUsername(), Mail: w.GetMail(), DisplayName: w.GetDisplayName(),
		Type: identity.Member, GivenName: read(w.GetOpaque(), entryGiven), Surname: read(w.GetOpaque(), entrySurname),
		Language: read(w.GetOpaque(), entryLanguage), Enabled: read(w.GetOpaque(), entryEnabled) == "true"}
	if w.GetId().GetType() == userpb.UserType_USER_TYPE_GUEST {
		u.Type = identity.Guest
	}
	if roles := read(w.GetOpaque(), entryRoles); roles != "" {
		u.Roles = strings.Split(roles, ",")
	}
	return u
}

func actorFromWire(w *userpb.User) identity.Actor {
	u := fromWire(w)
	kind := identity.Person
	if w.GetId().GetType() == userpb.UserType_USER_TYPE_SERVICE {
		kind = identity.Service
	}
	return identity.Actor{Kind: kind, User: u, Groups: w.GetGroups(), MayListAllSpaces: role.Allows(u.Roles, role.DrivesList) == role.All}
}

func groupToWire(g identity.Group, members []string) *grouppb.Group {
	w := &grouppb.Group{Id: &grouppb.GroupId{OpaqueId: g.ID}, GroupName: g.DisplayName, DisplayName: g.DisplayName}
	for _, m := range members {
		w.Members = append(w.Members, &userpb.UserId{OpaqueId: m})
	}
	return w
}

func groupFromWire(w *grouppb.Group) identity.Group {
	return identity.Group{ID: w.GetId().GetOpaqueId(), DisplayName: w.GetDisplayName()}
}

// Status turns the outcome of a call into a status of the wire; how long the throttled must wait goes into the trailer.
func Status(ctx context.Context, err error) *rpcpb.Status {
	var throttled *identity.ThrottledError
	switch {
	case err == nil:
		return &rpcpb.Status{Code: rpcpb.Code_CODE_OK}
	case errors.Is(err, identity.ErrNotFound):
		return &rpcpb.Status{Code: rpcpb.Code_CODE_NOT_FOUND, Message: identity.ErrNotFound.Error()}
	case errors.Is(err, identity.ErrCredentials):
		return &rpcpb.Status{Code: rpcpb.Code_CODE_UNAUTHENTICATED, Message: identity.ErrCredentials.Error()}
	case errors.As(err, &throttled):
		_ = grpc.SetTrailer(ctx, metadata.Pairs(trailerRetry, strconv.FormatInt(throttled.RetryAfter.Milliseconds(), 10)))
		return &rpcpb.Status{Code: rpcpb.Code_CODE_RESOURCE_EXHAUSTED, Message: identity.ErrThrottled.Error()}
	}
	return &rpcpb.Status{Code: rpcpb.Code_CODE_INTERNAL, Message: err.Error()}
}

// outcome turns the status of an answer into the error that it came from.
func outcome(s *rpcpb.Status, err error, trailer metadata.MD) error {
	if err != nil {
		if c := status.Code(err); c == codes.Canceled || c == codes.DeadlineExceeded {
			return fmt.Errorf("%w: %w", contextError(c), err)
		}
		return err
	}
	switch s.GetCode() {
	case rpcpb.Code_CODE_OK:
		return nil
	case rpcpb.Code_CODE_NOT_FOUND:
		return identity.ErrNotFound
	case rpcpb.Code_CODE_UNAUTHENTICATED:
		return identity.ErrCredentials
	case rpcpb.Code_CODE_RESOURCE_EXHAUSTED:
		wait := time.Second
		if v := trailer.Get(trailerRetry); len(v) == 1 {
			if ms, err := strconv.ParseInt(v[0], 10, 64); err == nil && ms > 0 {
				wait = time.Duration(ms) * time.Millisecond
			}
		}
		return &identity.ThrottledError{RetryAfter: wait}
	}
	return fmt.Errorf("directory: %s: %s", s.GetCode(), s.GetMessage())
}

func contextError(c codes.Code) error {
	if c == codes.Canceled {
		return context.Canceled
	}
	return context.DeadlineExceeded
}

// known refuses strangers.
func known(ctx context.Context) error {
	if a := identity.ActorFrom(ctx); !a.Known() {
		return status.Error(codes.Unauthenticated, "no access token")
	}
	return nil
}

// ToUser is the account of an actor as CS3 has it.
func ToUser(a identity.Actor) *userpb.User {
	w := toWire(a.User, a.Groups)
	switch a.Kind {
	case identity.Service:
		w.Id.Type = userpb.UserType_USER_TYPE_SERVICE
	case identity.Visitor:
		w.Id.Type = userpb.UserType_USER_TYPE_GUEST
	}
	return w
}
