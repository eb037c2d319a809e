package transfer

import (
	"encoding/json"
	"fmt"

	"opencloud/internal/resource"
	"opencloud/internal/storage"
)

// SetRequest puts an upload request into the claims.
func (c *Claims) SetRequest(r storage.UploadRequest) error {
	b, err := json.Marshal(r)
	c.Request = string(b)
	return err
}

func (c *Claims) request() (storage.UploadRequest, error) {
	r := storage.UploadRequest{Length: -1}
	if c.Request == "" {
		return r, nil
	}
	if err := json.Unmarshal([]byte(c.Request), &r); err != nil {
		return r, fmt.Errorf("%w: upload request", ErrToken)
	}
	return r, nil
}

func (c *Claims) ref() (storage.Ref, error) {
	id, err := resource.ParseID(c.Resource)
	if err != nil {
		return storage.Ref{}, fmt.Errorf("%w: resource", ErrToken)
	}
	return storage.At(id, c.Path), nil
}
