// Package role knows the application roles and what each of them permits. (spec/identity.md §13.3, §13.4)
package role

import "opencloud/internal/identity"

// Ids of the built-in roles.
const (
	Admin          = "71881883-1768-46bd-a24d-a356a2afdf7f"
	SpaceAdmin     = "2aadd357-682c-406b-8874-293091995fdd"
	User           = "d7beeea8-8ff4-406b-8fb6-ab2dd81e6b11"
	UserLight      = "38071a68-456a-4553-846a-fa67bf5596cc"
	ServiceAccount = "bcceed81-c610-49cc-ab77-39a024e8da12"
)

// Scope is whose things a permission is about.
type Scope uint8

const (
	None Scope = iota
	Own
	All
)

// Permission is the right to do something, under its name on the wire.
type Permission string

const (
	AccountsReadWrite                Permission = "Accounts.ReadWrite"
	AnnouncementReadWrite            Permission = "Announcement.ReadWrite"
	AutoAcceptSharesReadWrite        Permission = "AutoAcceptShares.ReadWriteDisabled"
	DrivesCreate                     Permission = "Drives.Create"
	DrivesDeletePersonal             Permission = "Drives.DeletePersonal"
	DrivesDeleteProject              Permission = "Drives.DeleteProject"
	DrivesList                       Permission = "Drives.List"
	DrivesReadWrite                  Permission = "Drives.ReadWrite"
	DrivesReadWriteEnabled           Permission = "Drives.ReadWriteEnabled"
	DrivesReadWritePersonalQuota     Permission = "Drives.ReadWritePersonalQuota"
	DrivesReadWriteProjectQuota      Permission = "Drives.ReadWriteProjectQuota"
	EmailNotifications               Permission = "EmailNotifications.ReadWriteDisabled"
	EmailSendingInterval             Permission = "EmailSendingInterval.ReadWrite"
	EventShareCreated                Permission = "Event.ShareCreated.ReadWrite"
	EventShareRemoved                Permission = "Event.ShareRemoved.ReadWrite"
	EventShareExpired                Permission = "Event.ShareExpired.ReadWrite"
	EventSpaceShared                 Permission = "Event.SpaceShared.ReadWrite"
	EventSpaceUnshared               Permission = "Event.SpaceUnshared.ReadWrite"
	EventSpaceMembershipExpired      Permission = "Event.SpaceMembershipExpired.ReadWrite"
	EventSpaceDisabled               Permission = "Event.SpaceDisabled.ReadWrite"
	EventSpaceDeleted                Permission = "Event.SpaceDeleted.ReadWrite"
	EventPostprocessingStepFinished  Permission = "Event.PostprocessingStepFinished.ReadWrite"
	FavoritesList                    Permission = "Favorites.List"
	FavoritesWrite                   Permission = "Favorites.Write"
	GroupsReadWrite                  Permission = "Groups.ReadWrite"
	LanguageReadWrite                Permission = "Language.ReadWrite"
	LogoWrite                        Permission = "Logo.Write"
	PublicLinkWrite                  Permission = "PublicLink.Write"
	ReadOnlyPublicLinkPasswordDelete Permission = "ReadOnlyPublicLinkPassword.Delete"
	RolesReadWrite                   Permission = "Roles.ReadWrite"
	SelfReadWrite                    Permission = "Self.ReadWrite"
	SettingsReadWrite                Permission = "Settings.ReadWrite"
	SharesWrite                      Permission = "Shares.Write"
)

// Role is a named set of permissions.
type Role struct {
	ID, Name, DisplayName string
	Permissions           map[Permission]Scope
}

// Find returns a built-in role by its id or its name.
func Find(idOrName string) (Role, bool) {
	for _, r := range builtin() {
		if r.ID == idOrName || r.Name == idOrName {
			return r, true
		}
	}
	return Role{}, false
}

// Builtin returns the built-in roles that people can have, the mightiest first.
func Builtin() []Role { return builtin()[:4] }

// Allows tells how far the roles (by id) permit something; unknown roles permit nothing.
func Allows(roles []string, p Permission) Scope {
	best := None
	for _, id := range roles {
		if s := scopeOf(id, p); s > best {
			best = s
		}
	}
	return best
}

// Default returns the role of accounts that none was assigned to.
func Default(t identity.UserType) string {
	if t == identity.Guest {
		return UserLight
	}
	return User
}

func builtin() []Role {
	roles := []Role{
		{ID: Admin, Name: "admin", DisplayName: "Admin"},
		{ID: SpaceAdmin, Name: "spaceadmin", DisplayName: "Space Admin"},
		{ID: User, Name: "user", DisplayName: "User"},
		{ID: UserLight, Name: "user-light", DisplayName: "User Light"},
		{ID: ServiceAccount, Name: "service-account", DisplayName: "Service Account"},
	}
	for i := range roles {
		roles[i].Permissions = make(map[Permission]Scope)
		for _, p := range permissions() {
			if s := scopeOf(roles[i].ID, p); s != None {
				roles[i].Permissions[p] = s
			}
		}
	}
	return roles
}

// scopeOf is the table of §13.4.
func scopeOf(role string, p Permission) Scope {
	switch role {
	case Admin:
		return adminScope(p)
	case SpaceAdmin:
		switch p {
		case PublicLinkWrite, SharesWrite, DrivesCreate, DrivesDeleteProject, ReadOnlyPublicLinkPasswordDelete, DrivesList, DrivesReadWrite,
			DrivesReadWriteProjectQuota, DrivesReadWriteEnabled:
			return All
		case SelfReadWrite:
			return Own
		}
		return profileScope(p)
	case User:
		switch p {
		case PublicLinkWrite, SharesWrite:
			return All
		case DrivesCreate, SelfReadWrite:
			return Own
		}
		return profileScope(p)
	case UserLight:
		switch p {
		case AutoAcceptSharesReadWrite, EmailNotifications, EmailSendingInterval, LanguageReadWrite:
			return Own
		}
	case ServiceAccount:
		switch p {
		case AccountsReadWrite, GroupsReadWrite, RolesReadWrite, DrivesCreate, DrivesDeletePersonal, DrivesDeleteProject, DrivesList, DrivesReadWrite,
			DrivesReadWriteEnabled, DrivesReadWritePersonalQuota, DrivesReadWriteProjectQuota:
			return All
		}
	}
	return None
}

func adminScope(p Permission) Scope {
	switch p {
	case SelfReadWrite:
		return None
	case LanguageReadWrite: // the web client looks for Language.ReadWrite.all
		return All
	}
	if s := profileScope(p); s != None {
		return s
	}
	return All
}

// profileScope is what people may set about themselves: language, notifications, favourites.
func profileScope(p Permission) Scope {
	switch p {
	case AutoAcceptSharesReadWrite, EmailNotifications, EmailSendingInterval, EventShareCreated, EventShareRemoved, EventShareExpired,
		EventSpaceShared, EventSpaceUnshared, EventSpaceMembershipExpired, EventSpaceDisabled, EventSpaceDeleted,
		EventPostprocessingStepFinished, LanguageReadWrite, FavoritesList, FavoritesWrite:
		return Own
	}
	return None
}

func permissions() []Permission {
	out := make([]Permission, 0, len(ids()))
	for p := range ids() {
		out = append(out, p)
	}
	return out
}

// ID returns the id of a permission on the wire, empty for an unknown one.
func ID(p Permission) string { return ids()[p] }

func ids() map[Permission]string {
	return map[Permission]string{
		AccountsReadWrite:                "8e587774-d929-4215-910b-a317b1e80f73",
		AnnouncementReadWrite:            "3a1e8c52-6b7f-4f0c-9c33-2f4a8d5be7a1", // our own: the original's was not seen
		AutoAcceptSharesReadWrite:        "4e41363c-a058-40a5-aec8-958897511209",
		DrivesCreate:                     "79e13b30-3e22-11eb-bc51-0b9f0bad9a58",
		DrivesDeletePersonal:             "5de9fe0a-4bc5-4a47-b758-28f370caf169",
		DrivesDeleteProject:              "fb60b004-c1fa-4f09-bf87-55ce7d46ac61",
		DrivesList:                       "016f6ddd-9501-4a0a-8ebe-64a20ee8ec82",
		DrivesReadWrite:                  "b44b4054-31a2-42b8-bb71-968b15cfbd4f",
		DrivesReadWriteEnabled:           "cf3faa8c-50d9-4f84-9650-ff9faf21aa9d",
		DrivesReadWritePersonalQuota:     "4e6f9709-f9e7-44f1-95d4-b762d27b7896",
		DrivesReadWriteProjectQuota:      "977f0ae6-0da2-4856-93f3-22e0a8482489",
		EmailNotifications:               "ad5bb5e5-dc13-4cd3-9304-09a424564ea8",
		EmailSendingInterval:             "7dc204ee-799a-43b6-b85d-425fb3b1fa5a",
		EventShareCreated:                "8a50540c-1cdd-481f-b85f-44654393c8f0",
		EventShareRemoved:                "5ef55465-8e39-4a6c-ba97-1d19f5b07116",
		EventShareExpired:                "7d4f961b-d471-451b-b1fd-ac6a9d59ce88",
		EventSpaceShared:                 "feb16d2c-614c-4f79-ac37-755a028f5616",
		EventSpaceUnshared:               "4f979732-631b-4f27-9be7-a89fb223a6d2",
		EventSpaceMembershipExpired:      "a3cc45bf-9720-4e08-b403-b9133fe33f0b",
		EventSpaceDisabled:               "896194c2-5055-4ea3-94a3-0a1419187a00",
		EventSpaceDeleted:                "2083c280-b140-4b73-a931-9a4af2931531",
		EventPostprocessingStepFinished:  "27ba8e97-0bdf-4b18-97d4-df44c9568cda",
		FavoritesList:                    "4ebaa725-bfaa-43c5-9817-78bc9994bde4",
		FavoritesWrite:                   "a54778fd-1c45-47f0-892d-655caf5236f2",
		GroupsReadWrite:                  "522adfbe-5908-45b4-b135-41979de73245",
		LanguageReadWrite:                "7d81f103-0488-4853-bce5-98dcce36d649",
		LogoWrite:                        "ed83fc10-1f54-4a9e-b5a7-fb517f5f3e01",
		PublicLinkWrite:                  "11516bbd-7157-49e1-b6ac-d00c820f980b",
		ReadOnlyPublicLinkPasswordDelete: "e9a697c5-c67b-40fc-982b-bcf628e9916d",
		RolesReadWrite:                   "a53e601e-571f-4f86-8fec-d4576ef49c62",
		SelfReadWrite:                    "e03070e9-4362-4cc6-a872-1c7cb2eb2b8e",
		SettingsReadWrite:                "3d58f441-4a05-42f8-9411-ef5874528ae1",
		SharesWrite:                      "069c08b1-e31f-4799-9ed6-194b310e7244",
	}
}
