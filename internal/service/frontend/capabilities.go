package frontend

import (
	"strconv"

	"opencloud/internal/link"
)

// capabilities tells clients what this server can do. What belongs to services that do not run (search, mail, apps) is
// announced as absent. (spec/storage.md §12.3)
func (h *handler) capabilities() map[string]any {
	type m = map[string]any
	c := &h.cfg
	rules := h.Links.Rules()
	status := h.statusFields()
	status["hostname"] = ""
	archiver := m{"enabled": true, "version": "2.0.0", "formats": []string{"tar", "zip"}, "archiver_url": "/archiver",
		"max_num_files": strconv.FormatInt(c.Archiver.MaxFiles, 10), "max_size": strconv.FormatInt(c.Archiver.MaxSize, 10)}
	return m{
		"core": m{"pollinterval": 60, "webdav-root": "remote.php/webdav", "status": status, "support-url-signing": true, "support-sse": false,
			"support-radicale": false, "check-for-updates": c.CheckUpdates, "check_for_updates": c.CheckUpdates},
		"checksums": m{"supportedTypes": c.Checksums, "preferredUploadType": c.Preferred},
		"files": m{"privateLinks": true, "bigfilechunking": false, "undelete": true, "versioning": true, "favorites": true, "full_text_search": false,
			"tags": true, "blacklisted_files": []string{}, "archivers": []any{archiver},
			"tus_support": m{"version": "1.0.0", "resumable": "1.0.0", "extension": "creation,creation-with-upload", "max_chunk_size": c.ChunkSize,
				"http_method_override": c.MethodOverride}},
		"dav":           m{"chunking": "", "trashbin": "1.0", "reports": []string{"sync-collection", "filter-files"}, "chunkingParallelUploadDisabled": false},
		"files_sharing": h.sharingCapabilities(&rules),
		"spaces":        m{"version": "1.0.0", "enabled": true, "projects": true, "share_jail": true, "max_quota": c.MaxQuota},
		"graph": m{"personal-data-export": true, "users": m{"read_only_attributes": c.readOnly(), "create_disabled": !c.DirectoryWritable,
			"delete_disabled": !c.DirectoryWritable, "change_password_self_disabled": !c.DirectoryWritable, "edit_login_allowed_disabled": !c.DirectoryWritable}},
		"password_policy": m{"min_characters": rules.Policy.Length, "max_characters": 72, "min_lowercase_characters": rules.Policy.Lower,
			"min_uppercase_characters": rules.Policy.Upper, "min_digits": rules.Policy.Digits, "min_special_characters": rules.Policy.Special},
		"notifications": m{"ocs-endpoints": []string{}, "configurable": false},
		"groupware":     m{"enabled": false},
	}
}

func (h *handler) sharingCapabilities(rules *link.Rules) map[string]any {
	type m = map[string]any
	c := &h.cfg
	write := rules.MustHave || rules.WriteMustHave
	enforced := m{"enforced": rules.MustHave, "enforced_for": m{"read_only": rules.MustHave, "read_write": write, "read_write_delete": write, "upload_only": write}}
	return m{"api_enabled": true, "group_sharing": true, "sharing_roles": true, "deny_access": c.OCS.Denials, "auto_accept_share": c.AutoAccept,
		"share_with_group_members_only": false, "share_with_membership_groups_only": false, "search_min_length": c.SearchMin,
		"default_permissions": 22, "resharing": false, "user_enumeration": m{"enabled": c.OCS.Enumeration, "group_members_only": c.OCS.GroupMembersOnly},
		"federation": m{"outgoing": false, "incoming": false},
		"public": m{"enabled": true, "send_mail": false, "social_share": true, "upload": true, "multiple": true, "supports_upload_only": true, "can_edit": true,
			"alias": true, "default_permissions": c.DefaultLink, "password": enforced, "expire_date": m{"enabled": false}},
		"user": m{"send_mail": false, "profile_picture": true, "settings": []any{m{"enabled": true, "version": "1.0.0"}}, "expire_date": m{"enabled": true}}}
}

func (h *handler) version() map[string]any {
	return map[string]any{"major": 10, "minor": 11, "micro": 0, "string": "10.11.0", "edition": h.cfg.Edition, "product": "OpenCloud", "productversion": productVersion}
}

// readOnly are the attributes of users that clients must not offer to change. (spec/identity.md §8.2, §10)
func (c *Config) readOnly() []string {
	if len(c.ReadOnlyAttributes) == 0 && !c.DirectoryWritable {
		return []string{"user.onPremisesSamAccountName", "user.displayName", "user.mail", "user.passwordProfile", "user.accountEnabled"}
	}
	return append([]string{}, c.ReadOnlyAttributes...)
}
