package provider_test

import (
	"testing"

	"opencloud/internal/storage/storagetest/model"
)

// A storage in another process behaves as the model does, one caller after another and several at once.
func TestSequences(t *testing.T) {
	c, _ := remote(t, openMem(t))
	model.Sequential(t, c, 30)
}

func TestConcurrentSequences(t *testing.T) {
	c, _ := remote(t, openMem(t))
	model.Concurrent(t, c, 30)
}
