package mem_test

import (
	"testing"

	"opencloud/internal/storage"
	"opencloud/internal/storage/mem"
	"opencloud/internal/storage/storagetest"
)

func TestContract(t *testing.T) {
	storagetest.Run(t, func(*testing.T) storage.FS { return mem.New("11111111-1111-4111-8111-111111111111") })
}
