package app

import (
	"opencloud/internal/oidc"
	"opencloud/internal/platform/config"
	"opencloud/internal/service/idp"
)

// SigningKeys are the keys of the identity provider as it is configured, for the command line.
func SigningKeys(o Options) (*oidc.Keys, error) {
	dir, data := config.Dirs(o.Lookup)
	source, err := config.Open(dir, data, o.Lookup)
	if err != nil {
		return nil, err
	}
	var cfg idp.Config
	if _, err := source.Load("idp", &cfg); err != nil {
		return nil, err
	}
	return signingKeys(cfg)
}

func signingKeys(cfg idp.Config) (*oidc.Keys, error) {
	return oidc.NewKeys(oidc.KeyOptions{Dir: cfg.Keys.Dir, Files: cfg.Keys.Files, Others: cfg.Keys.Others, KeyID: cfg.Keys.KeyID, Method: cfg.Keys.Method})
}
