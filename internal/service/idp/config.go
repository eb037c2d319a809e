package idp

import (
	"fmt"
	"io"
	"os"

	"opencloud/internal/oidc"
	"opencloud/internal/platform/config"
)

// Config of the service. (spec/identity.md §6)
type Config struct {
	HTTP  config.HTTP  `yaml:"http" addr:"127.0.0.1:9130"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9134"`
	Log   config.Log   `yaml:"log"`

	Issuer    string `yaml:"iss" env:"OC_URL;OC_OIDC_ISSUER;IDP_ISS" global:"opencloud_url" default:"https://localhost:9200" doc:"Address by which applications know this provider; it stands in every token."`
	AssetPath string `yaml:"asset_path" env:"IDP_ASSET_PATH" doc:"Folder with other sign-in pages (identifier/index.html or index.html), in place of ours."`

	Keys struct {
		Dir    string   `yaml:"dir" env:"IDP_KEYS_DIR" default:"{DATA}/idp" doc:"Folder of the signing keys; one is made when there is none."`
		Files  []string `yaml:"signing_private_key_files" env:"IDP_SIGNING_PRIVATE_KEY_FILES" doc:"Signing keys (PEM, RSA) in place of those in the folder; the first signs."`
		Others string   `yaml:"validation_keys_path" env:"IDP_VALIDATION_KEYS_PATH" doc:"Folder with further keys (PEM, RSA, public or private, named <key id>.pem) whose signatures are accepted too."`
		KeyID  string   `yaml:"signing_kid" env:"IDP_SIGNING_KID" default:"private-key" doc:"Id of the first key."`
		Method string   `yaml:"signing_method" env:"IDP_SIGNING_METHOD" default:"PS256" doc:"PS256, PS384, PS512, RS256, RS384 or RS512."`
	} `yaml:"keys"`

	AccessTokenSeconds  int `yaml:"access_token_duration_seconds" env:"IDP_ACCESS_TOKEN_EXPIRATION" default:"300" doc:"How long an access token is good, in seconds."`
	IDTokenSeconds      int `yaml:"id_token_duration_seconds" env:"IDP_ID_TOKEN_EXPIRATION" default:"300" doc:"How long an id token is good, in seconds."`
	RefreshTokenSeconds int `yaml:"refresh_token_duration_seconds" env:"IDP_REFRESH_TOKEN_EXPIRATION" default:"2592000" doc:"How long an application stays signed in without being used, in seconds."`
	SessionSeconds      int `yaml:"session_duration_seconds" env:"IDP_SESSION_EXPIRATION" default:"2592000" doc:"How long a browser stays signed in, in seconds."`

	Clients []oidc.Client `yaml:"clients" doc:"Applications, in place of the four that every server knows (web, desktop, Android, iOS)."`

	SecondFactor struct {
		Policy string   `yaml:"policy" env:"IDP_SECOND_FACTOR" default:"optional" doc:"optional: people may set up a second factor. required: they must, at the next sign-in."`
		Roles  []string `yaml:"roles" env:"IDP_SECOND_FACTOR_ROLES" doc:"With required: only those with one of these roles (admin, spaceadmin, user, user-light)."`
	} `yaml:"second_factor"`

	BackgroundURL    string `yaml:"login_background_url" env:"IDP_LOGIN_BACKGROUND_URL" doc:"Picture behind the sign-in page."`
	PageText         string `yaml:"default_sign_in_page_text" env:"IDP_DEFAULT_SIGNIN_PAGE_TEXT" doc:"Text below the sign-in form."`
	LogoTarget       string `yaml:"signin_page_logo_uri" env:"IDP_DEFAULT_LOGO_TARGET_URI" default:"https://opencloud.eu" doc:"Where the logo leads."`
	PasswordResetURI string `yaml:"password_reset_uri" env:"IDP_PASSWORD_RESET_URI" doc:"Page for those who forgot their password; empty: no link."`

	EncryptionSecret string `yaml:"encryption_secret" env:"OC_JWT_SECRET;IDP_ENCRYPTION_SECRET" global:"token_manager.jwt_secret" secret:"true" required:"true" doc:"Seals second factors and what pages send back."`
	EncryptionFile   string `yaml:"encryption_secret_file" env:"IDP_ENCRYPTION_SECRET_FILE" doc:"File whose content (16 bytes at least) is used in its place. Second factors are lost with it."`
}

const (
	minSecret = 16      // bytes
	maxSecret = 4 << 10 // bytes
)

// ReadSecret puts the content of the file, if one is named, in the place of the secret. A file that is missing is an error:
// a new secret would open nothing that the old one sealed.
func (c *Config) ReadSecret() error {
	if c.EncryptionFile == "" {
		return nil
	}
	f, err := os.Open(c.EncryptionFile)
	if err != nil {
		return fmt.Errorf("encryption_secret_file: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return fmt.Errorf("encryption_secret_file: %w", err)
	case len(b) < minSecret || len(b) > maxSecret:
		return fmt.Errorf("encryption_secret_file: it should have %d to %d bytes", minSecret, maxSecret)
	}
	c.EncryptionSecret = string(b)
	return nil
}
