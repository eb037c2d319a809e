package config

import "strings"

// ignored are keys of the original that are accepted and mean nothing here: there is no message bus, no cache server, no
// micro registry and no internal LDAP to configure. A prefix ends with a dot; "*." stands for any one service.
var ignored = []string{
	"cache.", "registry", "registry.", "reva.", "grpc_client_tls.", "tracing.", "*.tracing.", "*.events.", "*.cache.", "*.store.", "*.grpc_client_tls.",
	"*.reva.", "*.token_manager.", "*.service_account.", "*.service.", "*.commons.", "*.insecure", "*.machine_auth_api_key", "*.service_account_ids",
	"system_user_id", "system_user_api_key", "asset.", "collaboration.", "search.", "audit.", "settings.", "sharing.", "notifications.", "nats.",
	"userlog.", "auth_service.", "clientlog.", "activitylog.", "ocm.", "eventhistory.", "policies.", "postprocessing.", "antivirus.", "app_provider.",
	"app_registry.", "auth_app.", "auth_bearer.", "idp.", "invitations.", "sse.", "storage_public.", "storage_publiclink.", "storage_shares.",
	"storage_system.", "thumbnails.", "web.", "webdav.", "webfinger.", "runtime.", "file", "file.", "loglevel", "url_signing_secret",
	"graph.application.", "graph.spaces.insecure", "graph.identity.", "graph.events.", "frontend.app_handler.", "frontend.archiver.insecure",
	"frontend.ocdav.insecure", "auth_basic.auth_providers.", "users.drivers.", "groups.drivers.", "storage_users.events.",
	"gateway.storage_registry.", "frontend.ocdav.", "proxy.oidc.", "ocdav.insecure", "graph.service_account.", "*.auth_providers.",
}

// Ignored tells whether a dotted path is such a key, or leads to one.
func Ignored(path string) bool {
	_, rest, deep := strings.Cut(path, ".")
	for _, p := range ignored {
		if tail, ok := strings.CutPrefix(p, "*."); ok {
			if deep && match(rest, tail) || match(path, tail) {
				return true
			}
			continue
		}
		if match(path, p) {
			return true
		}
	}
	return false
}

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
