package settings

import "opencloud/internal/identity/role"

// Ids of the built-in bundle and of the settings that others ask for.
const (
	ProfileID    = "2a506de7-99bd-4f0d-994e-c38e72c28fd9"
	LanguageID   = "aa8cfbe5-95d4-4f7e-a032-c3c01f5f062f"
	AutoAcceptID = "ec3ed4a3-3946-4efc-8f9f-76d38b12d3a9"
	NoMailID     = "33ffb5d6-cd07-4dc0-afb0-84f7559ae438"
	IntervalID   = "08dec2fe-3f97-42a9-9d1b-500855e92f25"
)

// event is one kind of notification. Those that no mail is sent about have the option, switched off for good.
type event struct {
	id, name, display, description string
	mail                           bool
	permission                     role.Permission
}

func events() []event {
	return []event{
		{"872d8ef6-6f2a-42ab-af7d-f53cc81d7046", "event-share-created-options", "Share Received", "Notify when I have received a share", true, role.EventShareCreated},
		{"d7484394-8321-4c84-9677-741ba71e1f80", "event-share-removed-options", "Share Removed", "Notify when a received share has been removed", false, role.EventShareRemoved},
		{"e1aa0b7c-1b0f-4072-9325-c643c89fee4e", "event-share-expired-options", "Share Expired", "Notify when a received share has expired", true, role.EventShareExpired},
		{"694d5ee1-a41c-448c-8d14-396b95d2a918", "event-space-shared-options", "Added as space member", "Notify when I have been added as a member to a space", true, role.EventSpaceShared},
		{"26c20e0e-98df-4483-8a77-759b3a766af0", "event-space-unshared-options", "Removed as space member", "Notify when I have been removed as member from a space", true, role.EventSpaceUnshared},
		{"7275921e-b737-4074-ba91-3c2983be3edd", "event-space-membership-expired-options", "Space membership expired", "Notify when a space membership has expired", true, role.EventSpaceMembershipExpired},
		{"eb5c716e-03be-42c6-9ed1-1105d24e109f", "event-space-disabled-options", "Space disabled", "Notify when a space I am member of has been disabled", false, role.EventSpaceDisabled},
		{"094ceca9-5a00-40ba-bb1a-bbc7bccd39ee", "event-space-deleted-options", "Space deleted", "Notify when a space I am member of has been deleted", false, role.EventSpaceDeleted},
		{"fe0a3011-d886-49c8-b797-33d02fa426ef", "event-postprocessing-step-finished-options", "File rejected", "Notify when a file I uploaded was rejected because of a virus infection or policy violation", false, role.EventPostprocessingStepFinished},
	}
}

// languages are those that the interfaces of the original are translated into, in their own names.
func languages() [][2]string {
	return [][2]string{{"bg", "Български"}, {"cs", "Čeština"}, {"de", "Deutsch"}, {"en", "English"}, {"es", "Español"}, {"fr", "Français"}, {"gl", "Galego"},
		{"it", "Italiano"}, {"nl", "Nederlands"}, {"ko", "한국어"}, {"sq", "Shqip"}, {"sv", "Svenska"}, {"tr", "Türkçe"}, {"zh", "汉语"},
		{"ar", "العربية"}, {"el", "Ελληνικά"}, {"fi", "Suomi"}, {"he", "עברית"}, {"hu", "Magyar"}, {"ja", "日本語"}, {"pl", "Polski"}, {"pt", "Português"},
		{"ro", "Română"}, {"ru", "Русский"}, {"sk", "Slovenčina"}, {"sr", "Српски"}, {"ta", "தமிழ்"}, {"uk", "Українська"}}
}

// profile is the built-in bundle.
func profile() Bundle {
	user := &Resource{Type: "TYPE_USER"}
	language := ChoiceKind{}
	for _, l := range languages() {
		language.Options = append(language.Options, Option{Value: OptionValue{String: &l[0]}, DisplayValue: l[1]})
	}
	interval := ChoiceKind{}
	for _, o := range [][2]string{{"instant", "Instant"}, {"daily", "Daily"}, {"weekly", "Weekly"}, {"never", "Never"}} {
		interval.Options = append(interval.Options, Option{Value: OptionValue{String: &o[0]}, DisplayValue: o[1], Default: o[0] == "instant"})
	}
	b := Bundle{ID: ProfileID, Name: "profile", Type: TypeDefault, Extension: "opencloud-accounts", DisplayName: "Profile", Resource: &Resource{Type: "TYPE_SYSTEM"}, Settings: []Setting{
		{ID: LanguageID, Name: "language", DisplayName: "Language", Description: "User language", Single: &language, Resource: user},
		{ID: NoMailID, Name: "disable-email-notifications", DisplayName: "Disable Email Notifications", Description: "Disable email notifications",
			Bool: &BoolKind{Label: "disable notifications"}, Resource: user},
		{ID: AutoAcceptID, Name: "auto-accept-shares", DisplayName: "Auto accept shares", Description: "Automatically accept shares",
			Bool: &BoolKind{Default: true, Label: "auto accept shares"}, Resource: user},
		{ID: IntervalID, Name: "email-sending-interval-options", DisplayName: "Email Sending Interval", Description: "How often notifications are sent by mail",
			Single: &interval, Resource: user},
	}}
	for _, e := range events() {
		mail := CollectionOption{Key: "mail", DisplayValue: "Mail", Value: CollectionDefault{Bool: &BoolKind{Default: e.mail}}}
		if !e.mail {
			mail.Attribute = "disabled"
		}
		b.Settings = append(b.Settings, Setting{ID: e.id, Name: e.name, DisplayName: e.display, Description: e.description, Resource: user, Collection: &CollectionKind{
			Options: []CollectionOption{{Key: "in-app", DisplayValue: "In-App", Value: CollectionDefault{Bool: &BoolKind{Default: true}}}, mail}}})
	}
	return b
}

// permissionFor is what a role must permit for a setting to be used; empty: nothing.
func permissionFor(settingID string) role.Permission {
	switch settingID {
	case LanguageID:
		return role.LanguageReadWrite
	case NoMailID:
		return role.EmailNotifications
	case AutoAcceptID:
		return role.AutoAcceptSharesReadWrite
	case IntervalID:
		return role.EmailSendingInterval
	}
	for _, e := range events() {
		if e.id == settingID {
			return e.permission
		}
	}
	return ""
}

// settingOf is the reverse of permissionFor.
func settingOf(p role.Permission) string {
	for _, s := range profile().Settings {
		if permissionFor(s.ID) == p {
			return s.ID
		}
	}
	return ""
}
