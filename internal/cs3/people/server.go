package people

import (
	"context"
	"crypto/subtle"
	"slices"
	"strconv"
	"strings"

	authpb "github.com/cs3org/go-cs3apis/cs3/auth/provider/v1beta1"
	grouppb "github.com/cs3org/go-cs3apis/cs3/identity/group/v1beta1"
	userpb "github.com/cs3org/go-cs3apis/cs3/identity/user/v1beta1"
	typespb "github.com/cs3org/go-cs3apis/cs3/types/v1beta1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"opencloud/internal/identity"
)

// NewUsersServer offers accounts as cs3.identity.user.v1beta1.UserAPI.
func NewUsersServer(u identity.Users) userpb.UserAPIServer { return &usersServer{users: u} }

type usersServer struct {
	userpb.UnimplementedUserAPIServer
	users identity.Users
}

// GetUser implements the API.
func (s *usersServer) GetUser(ctx context.Context, r *userpb.GetUserRequest) (*userpb.GetUserResponse, error) {
	w, err := s.get(ctx, "userid", r.GetUserId().GetOpaqueId(), r.GetSkipFetchingUserGroups())
	if status.Code(err) == codes.Unauthenticated {
		return nil, err
	}
	return &userpb.GetUserResponse{Status: Status(ctx, err), User: w}, nil
}

// GetUserByClaim implements the API.
func (s *usersServer) GetUserByClaim(ctx context.Context, r *userpb.GetUserByClaimRequest) (*userpb.GetUserByClaimResponse, error) {
	w, err := s.get(ctx, r.GetClaim(), r.GetValue(), r.GetSkipFetchingUserGroups())
	if status.Code(err) == codes.Unauthenticated {
		return nil, err
	}
	return &userpb.GetUserByClaimResponse{Status: Status(ctx, err), User: w}, nil
}

func (s *usersServer) get(ctx context.Context, claim, value string, skipGroups bool) (*userpb.User, error) {
	if err := known(ctx); err != nil {
		return nil, err
	}
	u, err := s.users.UserBy(ctx, claim, value)
	var groups []string
	if err == nil && !skipGroups {
		groups, err = s.users.GroupsOf(ctx, u.ID)
	}
	if err != nil {
		return nil, err
	}
	return toWire(u, groups), nil
}

// GetUserGroups implements the API.
func (s *usersServer) GetUserGroups(ctx context.Context, r *userpb.GetUserGroupsRequest) (*userpb.GetUserGroupsResponse, error) {
	if err := known(ctx); err != nil {
		return nil, err
	}
	groups, err := s.users.GroupsOf(ctx, r.GetUserId().GetOpaqueId())
	return &userpb.GetUserGroupsResponse{Status: Status(ctx, err), Groups: groups}, nil
}

// FindUsers implements the API; the opaque entry limit bounds the answer.
func (s *usersServer) FindUsers(ctx context.Context, r *userpb.FindUsersRequest) (*userpb.FindUsersResponse, error) {
	if err := known(ctx); err != nil {
		return nil, err
	}
	users, err := s.users.FindUsers(ctx, r.GetFilter(), limit(r.GetOpaque()))
	res := &userpb.FindUsersResponse{Status: Status(ctx, err)}
	for _, u := range users {
		res.Users = append(res.Users, toWire(u, nil))
	}
	return res, nil
}

func limit(o *typespb.Opaque) int {
	n, err := strconv.Atoi(read(o, entryLimit))
	if err != nil || n < 1 || n > maxFound {
		return maxFound
	}
	return n
}

// NewGroupsServer offers groups as cs3.identity.group.v1beta1.GroupAPI.
func NewGroupsServer(g identity.Groups) grouppb.GroupAPIServer { return &groupsServer{groups: g} }

type groupsServer struct {
	grouppb.UnimplementedGroupAPIServer
	groups identity.Groups
}

// GetGroup implements the API.
func (s *groupsServer) GetGroup(ctx context.Context, r *grouppb.GetGroupRequest) (*grouppb.GetGroupResponse, error) {
	if err := known(ctx); err != nil {
		return nil, err
	}
	w, err := s.get(ctx, r.GetGroupId().GetOpaqueId(), s.groups.Group, r.GetSkipFetchingMembers())
	return &grouppb.GetGroupResponse{Status: Status(ctx, err), Group: w}, nil
}

// GetGroupByClaim implements the API for the claims group_name, display_name and group_id.
func (s *groupsServer) GetGroupByClaim(ctx context.Context, r *grouppb.GetGroupByClaimRequest) (*grouppb.GetGroupByClaimResponse, error) {
	if err := known(ctx); err != nil {
		return nil, err
	}
	find := s.groups.GroupByName
	switch r.GetClaim() {
	case "group_name", "display_name":
	case "group_id":
		find = s.groups.Group
	default:
		return nil, status.Error(codes.InvalidArgument, "unknown claim")
	}
	w, err := s.get(ctx, r.GetValue(), find, r.GetSkipFetchingMembers())
	return &grouppb.GetGroupByClaimResponse{Status: Status(ctx, err), Group: w}, nil
}

func (s *groupsServer) get(ctx context.Context, value string, find func(context.Context, string) (identity.Group, error), skipMembers bool) (*grouppb.Group, error) {
	g, err := find(ctx, value)
	var members []string
	if err == nil && !skipMembers {
		members, err = s.groups.Members(ctx, g.ID)
	}
	if err != nil {
		return nil, err
	}
	return groupToWire(g, members), nil
}

// GetMembers implements the API.
func (s *groupsServer) GetMembers(ctx context.Context, r *grouppb.GetMembersRequest) (*grouppb.GetMembersResponse, error) {
	if err := known(ctx); err != nil {
		return nil, err
	}
	members, err := s.groups.Members(ctx, r.GetGroupId().GetOpaqueId())
	res := &grouppb.GetMembersResponse{Status: Status(ctx, err)}
	for _, m := range members {
		res.Members = append(res.Members, &userpb.UserId{OpaqueId: m})
	}
	return res, nil
}

// HasMember implements the API.
func (s *groupsServer) HasMember(ctx context.Context, r *grouppb.HasMemberRequest) (*grouppb.HasMemberResponse, error) {
	if err := known(ctx); err != nil {
		return nil, err
	}
	members, err := s.groups.Members(ctx, r.GetGroupId().GetOpaqueId())
	return &grouppb.HasMemberResponse{Status: Status(ctx, err), Ok: slices.Contains(members, r.GetUserId().GetOpaqueId())}, nil
}

// FindGroups implements the API.
func (s *groupsServer) FindGroups(ctx context.Context, r *grouppb.FindGroupsRequest) (*grouppb.FindGroupsResponse, error) {
	if err := known(ctx); err != nil {
		return nil, err
	}
	groups, err := s.groups.FindGroups(ctx, r.GetFilter(), limit(r.GetOpaque()))
	res := &grouppb.FindGroupsResponse{Status: Status(ctx, err)}
	for _, g := range groups {
		res.Groups = append(res.Groups, groupToWire(g, nil))
	}
	return res, nil
}

// NewBasicServer offers checks of passwords, or of app tokens, as cs3.auth.provider.v1beta1.ProviderAPI. Only our own services may ask: they tell
// the address of the client, which the throttle goes by.
func NewBasicServer(a identity.Authenticator) authpb.ProviderAPIServer { return &basicServer{login: a} }

type basicServer struct {
	authpb.UnimplementedProviderAPIServer
	login identity.Authenticator
}

// Authenticate implements the API: client_id is the name, client_secret the password.
func (s *basicServer) Authenticate(ctx context.Context, r *authpb.AuthenticateRequest) (*authpb.AuthenticateResponse, error) {
	if identity.ActorFrom(ctx).Kind != identity.Service {
		return nil, status.Error(codes.PermissionDenied, "only services may check passwords")
	}
	a, err := s.login.Authenticate(ctx, identity.Login{Name: r.GetClientId(), Password: r.GetClientSecret(), Address: read(r.GetOpaque(), entryAddress)})
	return authenticated(ctx, a, err), nil
}

// NewMachineServer offers to speak for users, to those who know the machine's key, as cs3.auth.provider.v1beta1.ProviderAPI.
func NewMachineServer(m identity.Machine, key []byte) authpb.ProviderAPIServer {
	return &machineServer{machine: m, key: key}
}

type machineServer struct {
	authpb.UnimplementedProviderAPIServer
	machine identity.Machine
	key     []byte
}

// Authenticate implements the API: client_id is <claim>:<value>, client_secret the machine's key.
func (s *machineServer) Authenticate(ctx context.Context, r *authpb.AuthenticateRequest) (*authpb.AuthenticateResponse, error) {
	claim, value, ok := strings.Cut(r.GetClientId(), ":")
	if len(s.key) == 0 || subtle.ConstantTimeCompare([]byte(r.GetClientSecret()), s.key) != 1 || !ok {
		return authenticated(ctx, identity.Actor{}, identity.ErrCredentials), nil
	}
	a, err := s.machine.ActorBy(ctx, claim, value)
	return authenticated(ctx, a, err), nil
}

func authenticated(ctx context.Context, a identity.Actor, err error) *authpb.AuthenticateResponse {
	res := &authpb.AuthenticateResponse{Status: Status(ctx, err)}
	if err == nil {
		res.User = ToUser(a)
		res.TokenScope = map[string]*authpb.Scope{"user": {Role: authpb.Role_ROLE_OWNER, Resource: entry("")}}
	}
	return res
}
