package authapp

import "opencloud/internal/platform/config"

// Config of the service.
type Config struct {
	HTTP  config.HTTP  `yaml:"http" addr:"127.0.0.1:9247"`
	GRPC  config.GRPC  `yaml:"grpc" addr:"127.0.0.1:9246"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9245"`
	Log   config.Log   `yaml:"log"`

	Database      string `yaml:"database" env:"OC_DATABASE_URL;AUTH_APP_DATABASE_URL" default:"sqlite:{DATA}/auth-app/tokens.db" secret:"true" doc:"The app tokens: sqlite:<file> or postgres://…"`
	Secret        string `yaml:"machine_auth_api_key" env:"OC_MACHINE_AUTH_API_KEY;AUTH_APP_MACHINE_AUTH_API_KEY" global:"machine_auth_api_key" secret:"true" required:"true" doc:"Tokens are hashed with it: with another key, all app tokens made before are worth nothing."`
	Impersonation bool   `yaml:"allow_impersonation" env:"AUTH_APP_ENABLE_IMPERSONATION" default:"false" doc:"Let administrators make app tokens for others."`
	Driver        string `yaml:"storage_driver" env:"AUTH_APP_STORAGE_DRIVER" doc:"Accepted for compatibility: app tokens are kept in the database."`

	Generator struct {
		Password string `yaml:"password_generator" env:"AUTH_APP_JSONCS3_PASSWORD_GENERATOR" default:"diceware" doc:"How tokens are made: diceware (six words) or random."`
		Random   struct {
			Length int `yaml:"password_length" env:"AUTH_APP_JSONCS3_RANDOM_PASSWORD_LENGTH" default:"18" doc:"Length of random tokens, at least 16."`
		} `yaml:"random"`
	} `yaml:"jsoncs3"`
}
