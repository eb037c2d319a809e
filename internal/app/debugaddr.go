package app

import (
	"fmt"

	"opencloud/internal/platform/config"
)

// debugPorts are the default debug listeners. (spec/identity.md §4)
func debugPorts() map[string]string {
	return map[string]string{"auth-app": "9245", "auth-basic": "9147", "auth-bearer": "9149", "auth-service": "9198", "settings": "9194", "auth-machine": "9167", "frontend": "9141", "gateway": "9143", "graph": "9124", "groups": "9161",
		"idm": "9239", "idp": "9134", "ocdav": "9163", "ocs": "9114", "proxy": "9205", "sharing": "9151", "storage-publiclink": "9179", "storage-shares": "9156", "storage-system": "9217", "storage-users": "9159", "users": "9145", "web": "9104", "webfinger": "9279"}
}

// DebugAddr returns where the debug listener of a service is configured to be.
func DebugAddr(o Options, name string) (string, error) {
	dir, data := config.Dirs(o.Lookup)
	source, err := config.Open(dir, data, o.Lookup)
	if err != nil {
		return "", err
	}
	var c struct {
		Debug config.Debug `yaml:"debug"`
	}
	if _, err := source.Load(name, &c); err != nil {
		return "", err
	}
	if c.Debug.Addr == "" {
		port, ok := debugPorts()[name]
		if !ok {
			return "", fmt.Errorf("%s has no debug listener", name)
		}
		c.Debug.Addr = "127.0.0.1:" + port
	}
	return c.Debug.Addr, nil
}
