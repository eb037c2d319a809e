package app

import (
	"opencloud/internal/platform/config"
)

// defaults returns the services that run unless told otherwise.
func defaults() []string {
	var out []string
	for _, r := range table() {
		out = append(out, r.name)
	}
	return out
}

// Names returns the services there are.
func Names() []string { return defaults() }

// foreign are services of the original that operators may name and that this server does without, or not yet.
var foreign = []string{"activitylog", "antivirus", "app-provider", "app-registry", "audit", "clientlog",
	"collaboration", "eventhistory", "invitations", "nats", "notifications", "ocm", "policies", "postprocessing", "search",
	"sse", "thumbnails", "userlog", "webdav"}

// globalKeys are the keys outside of sections that services share.
var globalKeys = []string{"log.level", "log.pretty", "log.color", "log.file", "opencloud_url", "token_manager.jwt_secret", "machine_auth_api_key",
	"transfer_secret", "url_signing_secret", "admin_user_id", "runtime.host", "runtime.port", "runtime.services", "runtime.add_services",
	"runtime.disabled_services", "http_service_tls.enabled", "http_service_tls.cert", "http_service_tls.key", "grpc_service_tls.enabled",
	"grpc_service_tls.cert", "grpc_service_tls.key", "tracing.enabled", "tracing.endpoint"}

func sections() []string {
	var out []string
	for _, n := range defaults() {
		out = append(out, config.Section(n))
	}
	return out
}
