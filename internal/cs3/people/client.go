package people

import (
	"context"
	"strconv"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	grouppb "github.com/cs3org/go-cs3apis/cs3/identity/group/v1beta1"
	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	typespb "github.com/cs3org/go-cs3apis/cs3/types/v1beta1"
	"google.golang.org/grpc"

	"opencloud/internal/identity"
)

// Connections must send the context's actor along (token.UnaryClient). Calls made for nobody are made as the service itself.

// Self is the actor as which a service calls others when nobody else is in the context.
func Self(service string) identity.Actor {
	return identity.Actor{Kind: identity.Service, User: identity.User{ID: service, Username: service, Enabled: true}}
}

func as(ctx context.Context, self identity.Actor) context.Context {
	if identity.ActorFrom(ctx).Kind != identity.Anonymous {
		return ctx
	}
	return identity.WithActor(ctx, self)
}

// Users asks a users service.
type Users struct {
	api  userpb.UserAPIClient
	self identity.Actor
}

// NewUsers returns a client of the users service.
func NewUsers(conn grpc.ClientConnInterface, self identity.Actor) *Users {
	return &Users{api: userpb.NewUserAPIClient(conn), self: self}
}

// User implements identity.Users.
func (c *Users) User(ctx context.Context, id string) (identity.User, error) {
	return c.UserBy(ctx, "userid", id)
}

// UserBy implements identity.Users.
func (c *Users) UserBy(ctx context.Context, claim, value string) (identity.User, error) {
	r, err := c.api.GetUserByClaim(as(ctx, c.self), &userpb.GetUserByClaimRequest{Claim: claim, Value: value, SkipFetchingUserGroups: true})
	if err := outcome(r.GetStatus(), err, nil); err != nil {
		return identity.User{}, err
	}
	return fromWire(r.GetUser()), nil
}

// FindUsers implements identity.Users.
func (c *Users) FindUsers(ctx context.Context, text string, limit int) ([]identity.User, error) {
	r, err := c.api.FindUsers(as(ctx, c.self), &userpb.FindUsersRequest{Filter: text, SkipFetchingUserGroups: true, Opaque: limited(limit)})
	if err := outcome(r.GetStatus(), err, nil); err != nil {
		return nil, err
	}
	var users []identity.User
	for _, w := range r.GetUsers() {
		users = append(users, fromWire(w))
	}
	return users, nil
}

// GroupsOf implements identity.Users.
func (c *Users) GroupsOf(ctx context.Context, userID string) ([]string, error) {
	r, err := c.api.GetUserGroups(as(ctx, c.self), &userpb.GetUserGroupsRequest{UserId: &userpb.UserId{OpaqueId: userID}})
	if err := outcome(r.GetStatus(), err, nil); err != nil {
		return nil, err
	}
	return r.GetGroups(), nil
}

func limited(n int) *typespb.Opaque {
	return &typespb.Opaque{Map: map[string]*typespb.OpaqueEntry{entryLimit: entry(strconv.Itoa(n))}}
}

// Groups asks a groups service.
type Groups struct {
	api  grouppb.GroupAPIClient
	self identity.Actor
}

// NewGroups returns a client of the groups service.
func NewGroups(conn grpc.ClientConnInterface, self identity.Actor) *Groups {
	return &Groups{api: grouppb.NewGroupAPIClient(conn), self: self}
}

// Group implements identity.Groups.
func (c *Groups) Group(ctx context.Context, id string) (identity.Group, error) {
	r, err := c.api.GetGroup(as(ctx, c.self), &grouppb.GetGroupRequest{GroupId: &grouppb.GroupId{OpaqueId: id}, SkipFetchingMembers: true})
	if err := outcome(r.GetStatus(), err, nil); err != nil {
		return identity.Group{}, err
	}
	return groupFromWire(r.GetGroup()), nil
}

// GroupByName implements identity.Groups.
func (c *Groups) GroupByName(ctx context.Context, name string) (identity.Group, error) {
	r, err := c.api.GetGroupByClaim(as(ctx, c.self), &grouppb.GetGroupByClaimRequest{Claim: "group_name", Value: name, SkipFetchingMembers: true})
	if err := outcome(r.GetStatus(), err, nil); err != nil {
		return identity.Group{}, err
	}
	return groupFromWire(r.GetGroup()), nil
}

// FindGroups implements identity.Groups.
func (c *Groups) FindGroups(ctx context.Context, text string, limit int) ([]identity.Group, error) {
	r, err := c.api.FindGroups(as(ctx, c.self), &grouppb.FindGroupsRequest{Filter: text, SkipFetchingMembers: true, Opaque: limited(limit)})
	if err := outcome(r.GetStatus(), err, nil); err != nil {
		return nil, err
	}
	var groups []identity.Group
	for _, w := range r.GetGroups() {
		groups = append(groups, groupFromWire(w))
	}
	return groups, nil
}

// Members implements identity.Groups.
func (c *Groups) Members(ctx context.Context, groupID string) ([]string, error) {
	r, err := c.api.GetMembers(as(ctx, c.self), &grouppb.GetMembersRequest{GroupId: &grouppb.GroupId{OpaqueId: groupID}})
	if err := outcome(r.GetStatus(), err, nil); err != nil {
		return nil, err
	}
	var ids []string
	for _, m := range r.GetMembers() {
		ids = append(ids, m.GetOpaqueId())
	}
	return ids, nil
}

// Basic asks an auth-basic service, or an auth-app service: those check a name and a secret.
type Basic struct {
	api  authpb.ProviderAPIClient
	self identity.Actor
}

// NewBasic returns a client of the auth-basic or auth-app service.
func NewBasic(conn grpc.ClientConnInterface, self identity.Actor) *Basic {
	return &Basic{api: authpb.NewProviderAPIClient(conn), self: self}
}

// Authenticate implements identity.Authenticator.
func (c *Basic) Authenticate(ctx context.Context, l identity.Login) (identity.Actor, error) {
	return authenticate(identity.WithActor(ctx, c.self), c.api, attempt(l))
}

// Machine asks an auth-machine service.
type Machine struct {
	api  authpb.ProviderAPIClient
	self identity.Actor
	key  string
}

// NewMachine returns a client of the auth-machine service; key is the machine's.
func NewMachine(conn grpc.ClientConnInterface, self identity.Actor, key string) *Machine {
	return &Machine{api: authpb.NewProviderAPIClient(conn), self: self, key: key}
}

// ActorBy implements identity.Machine.
func (c *Machine) ActorBy(ctx context.Context, claim, value string) (identity.Actor, error) {
	return authenticate(identity.WithActor(ctx, c.self), c.api, &authpb.AuthenticateRequest{ClientId: claim + ":" + value, ClientSecret: c.key})
}

var (
	_ identity.Users         = (*Users)(nil)
	_ identity.Groups        = (*Groups)(nil)
	_ identity.Authenticator = (*Basic)(nil)
	_ identity.Machine       = (*Machine)(nil)
)
