package frontend

import "strconv"

// capabilities tells clients what this server can do. What belongs to services that do not run (search, sharing, apps) is
// announced as absent. (spec/storage.md §12.3)
func (h *handler) capabilities() map[string]any {
	type m = map[string]any
	c := &h.cfg
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
		"dav": m{"chunking": "", "trashbin": "1.0", "reports": []string{"sync-collection", "filter-files"}, "chunkingParallelUploadDisabled": false},
		"files_sharing": m{"api_enabled": false, "group_sharing": false, "sharing_roles": true, "deny_access": false, "auto_accept_share": true,
			"share_with_group_members_only": true, "share_with_membership_groups_only": true, "search_min_length": c.SearchMin,
			"default_permissions": 22, "resharing": false, "user_enumeration": m{"enabled": true, "group_members_only": true},
			"federation": m{"outgoing": false, "incoming": false}, "public": m{"enabled": false},
			"user": m{"send_mail": false, "profile_picture": true, "settings": []any{m{"enabled": true, "version": "1.0.0"}}, "expire_date": m{"enabled": true}}},
		"spaces": m{"version": "1.0.0", "enabled": true, "projects": true, "share_jail": false, "max_quota": c.MaxQuota},
		"graph": m{"personal-data-export": true, "users": m{"read_only_attributes": c.readOnly(), "create_disabled": !c.DirectoryWritable,
			"delete_disabled": !c.DirectoryWritable, "change_password_self_disabled": !c.DirectoryWritable, "edit_login_allowed_disabled": !c.DirectoryWritable}},
		"password_policy": m{"min_characters": c.Passwords.Min, "max_characters": 72, "min_lowercase_characters": c.Passwords.Lower,
			"min_uppercase_characters": c.Passwords.Upper, "min_digits": c.Passwords.Digits, "min_special_characters": c.Passwords.Special},
		"notifications": m{"ocs-endpoints": []string{}, "configurable": false},
		"groupware":     m{"enabled": false},
	}
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
