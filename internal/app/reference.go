package app

import (
	"strings"

	"opencloud/internal/platform/config"
	authapp "opencloud/internal/service/auth-app"
	authbasic "opencloud/internal/service/auth-basic"
	authbearer "opencloud/internal/service/auth-bearer"
	authmachine "opencloud/internal/service/auth-machine"
	authservice "opencloud/internal/service/auth-service"
	"opencloud/internal/service/frontend"
	"opencloud/internal/service/gateway"
	"opencloud/internal/service/graph"
	"opencloud/internal/service/groups"
	"opencloud/internal/service/idm"
	"opencloud/internal/service/idp"
	"opencloud/internal/service/ocdav"
	"opencloud/internal/service/ocs"
	"opencloud/internal/service/proxy"
	"opencloud/internal/service/settings"
	"opencloud/internal/service/sharing"
	storagepubliclink "opencloud/internal/service/storage-publiclink"
	storageshares "opencloud/internal/service/storage-shares"
	storagesystem "opencloud/internal/service/storage-system"
	storageusers "opencloud/internal/service/storage-users"
	"opencloud/internal/service/users"
	"opencloud/internal/service/web"
	"opencloud/internal/service/webfinger"
)

// Reference returns docs/reference/configuration.md.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Configuration reference\n\nMade from the program by `make docs`; do not edit. Each table is a section of `opencloud.yaml` (or the content of\n" +
		"`<service>.yaml`). Of several environment variables the last one that is set wins.\n\n")
	for _, s := range configs() {
		b.WriteString(config.Reference(s.name, s.config))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// section is what opencloud.yaml says about a service, and the struct it is read into.
type section struct {
	name   string
	config any
}

func configs() []section {
	return []section{
		{"runtime", runtime{}}, {"proxy", proxy.Config{}}, {"ocdav", ocdav.Config{}}, {"frontend", frontend.Config{}}, {"graph", graph.Config{}},
		{"storage-users", storageusers.Config{}}, {"idm", idm.Config{}}, {"users", users.Config{}}, {"groups", groups.Config{}},
		{"auth-basic", authbasic.Config{}}, {"auth-machine", authmachine.Config{}}, {"gateway", gateway.Config{}}, {"ocs", ocs.Config{}},
		{"idp", idp.Config{}}, {"auth-app", authapp.Config{}}, {"auth-service", authservice.Config{}}, {"auth-bearer", authbearer.Config{}}, {"settings", settings.Config{}}, {"sharing", sharing.Config{}},
		{"storage-shares", storageshares.Config{}}, {"storage-publiclink", storagepubliclink.Config{}}, {"storage-system", storagesystem.Config{}}, {"webfinger", webfinger.Config{}}, {"web", web.Config{}},
	}
}
