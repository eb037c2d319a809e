package model_test

import (
	"testing"

	"opencloud/internal/storage/mem"
	"opencloud/internal/storage/storagetest/model"
)

const id = "33333333-3333-4333-8333-333333333333"

// All that the model does at once can be explained.
func TestConcurrent(t *testing.T) { model.Concurrent(t, mem.New(id), 200) }

// The model agrees with itself, whatever the seed.
func TestSequential(t *testing.T) { model.Sequential(t, mem.New(id), 300) }
