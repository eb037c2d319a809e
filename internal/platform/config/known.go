package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// ignored are keys of the original that are accepted and mean nothing here: there is no message bus, no cache server, no
// micro registry and no internal LDAP to configure. A prefix ends with a dot; "*." stands for any one service.
var ignored = []string{
	"cache.", "registry", "registry.", "reva.", "grpc_client_tls.", "tracing.", "*.tracing.", "*.events.", "*.cache.", "*.store.", "*.grpc_client_tls.",
	"*.reva.", "*.token_manager.", "*.service_account.", "*.service.", "*.commons.", "*.insecure", "*.machine_auth_api_key", "*.service_account_ids",
	"system_user_id", "system_user_api_key", "asset.", "collaboration.", "search.", "audit.", "sharing.", "notifications.", "nats.",
	"userlog.", "clientlog.", "activitylog.", "ocm.", "eventhistory.", "policies.", "postprocessing.", "antivirus.", "app_provider.",
	"app_registry.", "idp.ldap.", "idp.idp.", "idp.asset.", "settings.metadata.", "invitations.", "sse.", "storage_public.", "storage_publiclink.", "storage_shares.",
	"storage_system.", "thumbnails.", "web.http.cors.", "web.gateway.", "webdav.", "runtime.", "file", "file.", "loglevel", "url_signing_secret",
	"graph.spaces.insecure", "graph.identity.", "graph.events.", "frontend.app_handler.", "frontend.archiver.insecure",
	"frontend.ocdav.insecure", "auth_basic.auth_providers.", "users.drivers.", "groups.drivers.", "storage_users.events.",
	"gateway.storage_registry.", "frontend.ocdav.", "ocdav.insecure", "graph.service_account.", "*.auth_providers.",
}

// initial are the ignored keys that `opencloud init` writes, here and in the original: nobody chose them, so nobody is
// warned about them.
var initial = []string{
	"system_user_id", "system_user_api_key", "admin_user_id", "url_signing_secret", "machine_auth_api_key", "transfer_secret", "token_manager.jwt_secret",
	"*.events.tls_insecure", "*.service_account.", "*.notifications.events.tls_insecure", "graph.application.id", "graph.spaces.insecure",
	"graph.identity.ldap.bind_password", "idp.ldap.bind_password", "collaboration.wopi.secret", "collaboration.app.insecure", "proxy.oidc.insecure",
	"frontend.app_handler.insecure", "frontend.archiver.insecure", "frontend.ocdav.insecure", "ocdav.insecure", "auth_basic.auth_providers.ldap.bind_password",
	"auth_bearer.auth_providers.oidc.insecure", "users.drivers.ldap.bind_password", "groups.drivers.ldap.bind_password", "settings.service_account_ids",
	"nats.nats.tls_skip_verify_client_cert", "gateway.storage_registry.storage_users_mount_id", "thumbnails.thumbnail.transfer_secret",
	"thumbnails.thumbnail.webdav_allow_insecure", "thumbnails.thumbnail.cs3_allow_insecure",
}

// elsewhere are branches of the original that the section idm reads: there is one client of an external directory for all
// services. (spec/identity.md §8.2)
var elsewhere = []string{"graph.identity.ldap.", "users.drivers.ldap.", "groups.drivers.ldap.", "auth_basic.auth_providers.ldap.", "idp.ldap."}

// listed tells whether a list of patterns has a path, or a branch that holds it.
func listed(path string, patterns []string) bool {
	_, rest, deep := strings.Cut(path, ".")
	for _, p := range patterns {
		if tail, ok := strings.CutPrefix(p, "*."); ok && (deep && match(rest, tail) || match(path, tail)) || match(path, p) {
			return true
		}
	}
	return false
}

// maxWarnings bounds how much a strange file can say.
const maxWarnings = 200

// warn adds a warning for every setting at or below a key that means nothing here. path is the dotted name from the root of
// opencloud.yaml; names are what could have been meant.
func warn(out []string, file string, kv *ast.MappingValueNode, path string, names []string) []string {
	if len(out) >= maxWarnings || listed(path, initial) || listed(path, elsewhere) {
		return out
	}
	if !Ignored(path) {
		text := fmt.Sprintf("%s:%d: %s has no meaning here and is ignored", file, line(kv.Key), path)
		if n := nearest(path[strings.LastIndexByte(path, '.')+1:], names); n != "" {
			text += fmt.Sprintf("; did you mean %q?", n)
		}
		return append(out, text)
	}
	if sub := mapping(kv.Value); sub != nil {
		for _, below := range sub.Values {
			out = warn(out, file, below, join(path, keyOf(below)), nil)
		}
		return out
	}
	return append(out, fmt.Sprintf("%s:%d: %s is known from OpenCloud's original server; it has no meaning here and is ignored", file, line(kv.Key), path))
}

// Ignored tells whether a dotted path is such a key, or leads to one.
func Ignored(path string) bool { return listed(path, ignored) }

func match(path, pattern string) bool {
	if branch, ok := strings.CutSuffix(pattern, "."); ok {
		return path == branch || strings.HasPrefix(path, pattern)
	}
	return path == pattern
}

// nearest returns the known name most like a key, or "" if none is near.
func nearest(key string, names []string) string {
	best, at := "", 1+len(key)/3
	for _, n := range names {
		if d := distance(key, n); d <= at && n != key {
			best, at = n, d-1
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		last := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := last
			if a[i-1] != b[j-1] {
				cost++
			}
			last, row[j] = row[j], min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
