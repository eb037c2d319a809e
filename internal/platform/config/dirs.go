package config

import (
	"os"
	"path/filepath"
)

// Dirs returns the config and data directories. (spec/identity.md §2.1)
func Dirs(lookup func(string) (string, bool)) (configDir, dataDir string) {
	home, _ := lookup("HOME")
	if home == "" {
		home = "/var/lib"
	}
	own := filepath.Join(home, ".opencloud")
	dataDir, _ = lookup("OC_BASE_DATA_PATH")
	if dataDir == "" {
		dataDir = own
	}
	configDir, _ = lookup("OC_CONFIG_DIR")
	if configDir == "" {
		configDir = filepath.Join(own, "config")
		if exists("/etc/opencloud/opencloud.yaml") && !exists(filepath.Join(configDir, "opencloud.yaml")) {
			configDir = "/etc/opencloud"
		}
	}
	return configDir, dataDir
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
