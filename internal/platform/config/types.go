// Package config reads the configuration of services: defaults, opencloud.yaml, <service>.yaml, environment, in this
// order, into structs whose tags are the reference (docs/reference/configuration.md is made from them).
//
// Tags: yaml (key), env ("A;B": the last that is set wins; {SVC} is the service's name), global (path from the root of
// opencloud.yaml that serves when the section has nothing; "a;b": the last that is set wins), default, doc, secret:"true" (masked, never logged),
// required:"true" (must not be empty), addr (default of a listener's addr).
package config

// HTTP is a web listener.
type HTTP struct {
	Addr string `yaml:"addr" env:"{SVC}_HTTP_ADDR" doc:"Address of the web listener, host:port. Empty: none."`
	Root string `yaml:"root" env:"{SVC}_HTTP_ROOT" default:"/" doc:"Path below which the service answers."`
	TLS  TLS    `yaml:"tls"`
}

// TLS of an internal listener.
type TLS struct {
	Enabled bool   `yaml:"enabled" env:"OC_HTTP_TLS_ENABLED" global:"http_service_tls.enabled" default:"false" doc:"Encrypt connections between services."`
	Cert    string `yaml:"cert" env:"OC_HTTP_TLS_CERTIFICATE" global:"http_service_tls.cert" doc:"Certificate file (PEM)."`
	Key     string `yaml:"key" env:"OC_HTTP_TLS_KEY" global:"http_service_tls.key" doc:"Key file (PEM)."`
}

// GRPC is a gRPC listener.
type GRPC struct {
	Addr     string  `yaml:"addr" env:"{SVC}_GRPC_ADDR" doc:"Address of the gRPC listener, host:port. Empty: none."`
	Protocol string  `yaml:"protocol" env:"OC_GRPC_PROTOCOL;{SVC}_GRPC_PROTOCOL" default:"tcp" doc:"tcp or unix."`
	TLS      GRPCTLS `yaml:"tls"`
}

// GRPCTLS is the encryption of a gRPC listener.
type GRPCTLS struct {
	Enabled bool   `yaml:"enabled" env:"OC_GRPC_TLS_ENABLED" global:"grpc_service_tls.enabled" default:"false" doc:"Encrypt gRPC connections."`
	Cert    string `yaml:"cert" env:"OC_GRPC_TLS_CERTIFICATE" global:"grpc_service_tls.cert" doc:"Certificate file (PEM)."`
	Key     string `yaml:"key" env:"OC_GRPC_TLS_KEY" global:"grpc_service_tls.key" doc:"Key file (PEM)."`
}

// Debug is the listener for health, metrics and profiles.
type Debug struct {
	Addr   string `yaml:"addr" env:"{SVC}_DEBUG_ADDR" doc:"Address of the debug listener. Empty: none."`
	Token  string `yaml:"token" env:"{SVC}_DEBUG_TOKEN" secret:"true" doc:"Bearer token that /metrics asks for."`
	Pprof  bool   `yaml:"pprof" env:"{SVC}_DEBUG_PPROF" default:"false" doc:"Serve /debug/pprof."`
	Zpages bool   `yaml:"zpages" env:"{SVC}_DEBUG_ZPAGES" default:"false" doc:"Accepted for compatibility."`
}

// Log of a service.
type Log struct {
	Level  string `yaml:"level" env:"OC_LOG_LEVEL;{SVC}_LOG_LEVEL" global:"log.level" default:"error" doc:"panic, fatal, error, warn, info, debug or trace."`
	Pretty bool   `yaml:"pretty" env:"OC_LOG_PRETTY;{SVC}_LOG_PRETTY" global:"log.pretty" default:"false" doc:"Text for people instead of JSON."`
	Color  bool   `yaml:"color" env:"OC_LOG_COLOR;{SVC}_LOG_COLOR" global:"log.color" default:"false" doc:"Accepted for compatibility."`
	File   string `yaml:"file" env:"OC_LOG_FILE;{SVC}_LOG_FILE" global:"log.file" doc:"Log file; empty: standard error."`
}
