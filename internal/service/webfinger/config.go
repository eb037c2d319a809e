package webfinger

import "opencloud/internal/platform/config"

// Config of the service. (spec/identity.md §11)
type Config struct {
	HTTP  config.HTTP  `yaml:"http" addr:"127.0.0.1:46871"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9279"`
	Log   config.Log   `yaml:"log"`

	PublicURL string     `yaml:"opencloud_url" env:"OC_URL;WEBFINGER_OPENCLOUD_SERVER_INSTANCE_URL" global:"opencloud_url" default:"https://localhost:9200" doc:"Address of the server that people are sent to when no instances are configured."`
	Issuer    string     `yaml:"oidc_issuer" env:"OC_URL;OC_OIDC_ISSUER;WEBFINGER_OIDC_ISSUER" global:"opencloud_url" default:"https://localhost:9200" doc:"Address of the identity provider."`
	Relations []string   `yaml:"relations" env:"WEBFINGER_RELATIONS" default:"http://openid.net/specs/connect/1.0/issuer,http://webfinger.opencloud/rel/server-instance" doc:"Relations that are told."`
	Instances []Instance `yaml:"instances" doc:"Servers, by what the identity provider says of a person."`

	WebClientID     string   `yaml:"web_client_id" env:"OC_OIDC_CLIENT_ID;WEBFINGER_WEB_OIDC_CLIENT_ID" default:"web" doc:"Client id of browsers."`
	WebScopes       []string `yaml:"web_client_scopes" env:"OC_OIDC_CLIENT_SCOPES;WEBFINGER_WEB_OIDC_CLIENT_SCOPES" default:"openid,profile,email" doc:"Scopes browsers ask for; commas or spaces between them."`
	DesktopClientID string   `yaml:"desktop_client_id" env:"WEBFINGER_DESKTOP_OIDC_CLIENT_ID" default:"OpenCloudDesktop" doc:"Client id of the desktop client."`
	DesktopScopes   []string `yaml:"desktop_client_scopes" env:"WEBFINGER_DESKTOP_OIDC_CLIENT_SCOPES" default:"openid,profile,email,offline_access" doc:"Scopes it asks for."`
	AndroidClientID string   `yaml:"android_client_id" env:"WEBFINGER_ANDROID_OIDC_CLIENT_ID" default:"OpenCloudAndroid" doc:"Client id of the Android app."`
	AndroidScopes   []string `yaml:"android_client_scopes" env:"WEBFINGER_ANDROID_OIDC_CLIENT_SCOPES" default:"openid,profile,email,offline_access" doc:"Scopes it asks for."`
	IOSClientID     string   `yaml:"ios_client_id" env:"WEBFINGER_IOS_OIDC_CLIENT_ID" default:"OpenCloudIOS" doc:"Client id of the iOS app."`
	IOSScopes       []string `yaml:"ios_client_scopes" env:"WEBFINGER_IOS_OIDC_CLIENT_SCOPES" default:"openid,profile,email,offline_access" doc:"Scopes it asks for."`
}

// Instance is a server for those whose claim matches.
type Instance struct {
	Claim  string            `yaml:"claim" doc:"Name of a claim; dots descend."`
	Regex  string            `yaml:"regex" doc:"What it must match, as a whole or in part."`
	Href   string            `yaml:"href" doc:"Address; {{.claim}} stands for a claim."`
	Titles map[string]string `yaml:"titles" doc:"Name of the server by language."`
	Break  bool              `yaml:"break" doc:"Look no further after this one."`
}
