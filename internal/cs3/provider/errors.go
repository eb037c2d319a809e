// Package provider carries a whole storage.FS between processes: its calls over gRPC, with the reva token of the actor, and
// content over HTTP from and to the provider's data listener, with signed tokens (package transfer).
//
// The calls are those of storage.FS, one to one, in a service of our own: CS3 has no words for many of them (conditions,
// sync tokens, upload sessions, shared locks), and half of the interface through a needle's eye would be a second truth.
// CS3 programs are served beside it (cs3.go). See docs/decisions/0004-provider-protocol.md.
package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"opencloud/internal/storage"
)

// sentinel is an error that survives the way between processes.
type sentinel struct {
	name string
	err  error
	code codes.Code
}

func sentinels() []sentinel {
	return []sentinel{
		{"parent-missing", storage.ErrParentMissing, codes.FailedPrecondition}, // before not-found: it may wrap both
		{"not-found", storage.ErrNotFound, codes.NotFound},
		{"forbidden", storage.ErrForbidden, codes.PermissionDenied},
		{"exists", storage.ErrExists, codes.AlreadyExists},
		{"conflict", storage.ErrConflict, codes.FailedPrecondition},
		{"precondition", storage.ErrPrecondition, codes.Aborted},
		{"locked", storage.ErrLocked, codes.FailedPrecondition},
		{"processing", storage.ErrProcessing, codes.Unavailable},
		{"quota", storage.ErrQuota, codes.ResourceExhausted},
		{"checksum", storage.ErrChecksum, codes.InvalidArgument},
		{"length", storage.ErrLength, codes.InvalidArgument},
		{"offset", storage.ErrOffset, codes.OutOfRange},
		{"cross-space", storage.ErrCrossSpace, codes.Unimplemented},
		{"sync-token", storage.ErrSyncToken, codes.InvalidArgument},
		{"unsupported", storage.ErrUnsupported, codes.Unimplemented},
		{"unavailable", storage.ErrUnavailable, codes.Unavailable},
		{"invalid", storage.ErrInvalid, codes.InvalidArgument},
	}
}

// fault is an error as it travels.
type fault struct {
	Names []string      `json:"names"` // of every sentinel that it is
	Text  string        `json:"text"`
	Lock  *storage.Lock `json:"lock,omitempty"`
}

func toFault(err error) (fault, codes.Code) {
	f := fault{Text: err.Error()}
	var locked *storage.LockedError
	if errors.As(err, &locked) {
		f.Lock = &locked.Lock
	}
	code := codes.Internal
	for _, s := range sentinels() {
		if errors.Is(err, s.err) {
			if len(f.Names) == 0 {
				code = s.code
			}
			f.Names = append(f.Names, s.name)
		}
	}
	if len(f.Names) == 0 {
		return fault{Text: "internal error"}, code // what went wrong inside stays inside
	}
	return f, code
}

// remoteError is the error of a provider: its text, and the sentinels that it is.
type remoteError struct {
	text string
	is   []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.is }

func (f fault) err() error {
	e := &remoteError{text: f.Text}
	if f.Lock != nil {
		e.is = append(e.is, &storage.LockedError{Lock: *f.Lock})
	}
	for _, s := range sentinels() {
		if slices.Contains(f.Names, s.name) {
			e.is = append(e.is, s.err)
		}
	}
	return e
}

// toStatus and fromStatus carry errors over gRPC: the message is a fault as JSON.
func toStatus(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	f, code := toFault(err)
	text, e := json.Marshal(f)
	if e != nil {
		return status.Error(codes.Internal, "internal error")
	}
	return status.Error(code, string(text))
}

func fromStatus(err error) error {
	if err == nil {
		return nil
	}
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	var f fault
	if json.Unmarshal([]byte(st.Message()), &f) == nil && f.Text != "" {
		return f.err()
	}
	switch st.Code() {
	case codes.Unavailable, codes.DeadlineExceeded:
		return fmt.Errorf("%w: %s", storage.ErrUnavailable, st.Message())
	case codes.Unauthenticated, codes.PermissionDenied:
		// The provider does not believe us: secrets differ. Not found would be a lie that makes clients delete their files.
		return fmt.Errorf("%w: the provider refuses our token", storage.ErrUnavailable)
	case codes.Canceled:
		return context.Canceled
	}
	return err
}
