package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"opencloud/internal/identity"
	"opencloud/internal/job"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
)

const (
	exportKind    = "personal-data-export"
	defaultExport = "personal_data_export.json"
)

// exportJob is what the job is told.
type exportJob struct {
	User string `json:"user"`
	Path string `json:"path"`
}

// export answers POST /users/{id}/exportPersonalData: an empty file now, its content soon. (spec/identity.md §15.4)
func (h *handler) export(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := param(r, "user")
	if err != nil {
		return nil, err
	}
	a := identity.ActorFrom(r.Context())
	if a.Kind != identity.Person || id != a.User.ID {
		return nil, badRequest("people can export their own data only")
	}
	var body struct {
		Location string `json:"storageLocation"`
	}
	if r.ContentLength != 0 {
		if err := decode(r, &body); err != nil {
			return nil, err
		}
	}
	path := strings.TrimPrefix(body.Location, "/")
	if path == "" {
		path = defaultExport
	}
	if !strings.HasSuffix(path, ".json") || len(path) > 4096 {
		return nil, badRequest("the name of the file must end in .json")
	}
	if err := h.putExport(r.Context(), a.User.ID, path, nil); err != nil {
		return nil, err
	}
	payload, err := json.Marshal(exportJob{a.User.ID, path})
	if err != nil {
		return nil, err
	}
	if _, err := h.Jobs.Enqueue(r.Context(), job.New{Kind: exportKind, Key: a.User.ID, Payload: payload, MaxAttempts: 5}); err != nil {
		return nil, err
	}
	return reply{status: http.StatusAccepted}, nil
}

// putExport writes a file into somebody's personal space.
func (h *handler) putExport(ctx context.Context, user, path string, content []byte) error {
	all, err := h.Spaces.ListSpaces(ctx, storage.SpaceFilter{Type: space.Personal, Owner: user})
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return storage.ErrNotFound
	}
	_, err = h.Writer.Upload(ctx, storage.At(all[0].ID, path), storage.UploadRequest{Length: int64(len(content))}, bytes.NewReader(content))
	if errors.Is(err, storage.ErrParentMissing) || errors.Is(err, storage.ErrConflict) || errors.Is(err, resource.ErrInvalidID) {
		return badRequest("the file cannot be written there")
	}
	return err
}

// runExport collects what is known about somebody, on their own behalf.
func (h *handler) runExport(ctx context.Context, j *job.Handle) error {
	var what exportJob
	if err := json.Unmarshal(j.Payload, &what); err != nil {
		return job.Permanent(err)
	}
	actor, err := h.Machine.ActorBy(ctx, "userid", what.User)
	if errors.Is(err, identity.ErrNotFound) || errors.Is(err, identity.ErrCredentials) {
		return job.Permanent(err)
	}
	if err != nil {
		return err
	}
	ctx = identity.WithActor(ctx, actor)
	content, err := h.personalData(ctx, &actor)
	if err != nil {
		return err
	}
	var refused *graphError
	if err := h.putExport(ctx, what.User, what.Path, content); errors.As(err, &refused) || errors.Is(err, storage.ErrNotFound) {
		return job.Permanent(err)
	} else if err != nil {
		return err
	}
	return nil
}

func (h *handler) personalData(ctx context.Context, actor *identity.Actor) ([]byte, error) {
	a, err := h.Accounts.Account(ctx, actor.User.ID)
	if err != nil {
		return nil, err
	}
	u := toAccount(&a)
	for _, what := range []string{"memberOf", "appRoleAssignments", "drives"} {
		if err := h.expand(ctx, &u, actor, what); err != nil {
			return nil, err
		}
	}
	out := struct {
		User     user      `json:"user"`
		Events   []any     `json:"events"`
		Keycloak any       `json:"keycloak"`
		Photo    bool      `json:"photo"`
		Sessions []session `json:"sessions,omitempty"`
	}{User: u, Events: []any{}}
	if _, _, err := h.Accounts.Photo(ctx, a.ID); err == nil {
		out.Photo = true
	} else if !errors.Is(err, identity.ErrNotFound) {
		return nil, err
	}
	if h.Sessions != nil {
		all, err := h.Sessions.List(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			out.Sessions = append(out.Sessions, session{ID: s.ID, Kind: s.Kind, Client: s.Client, Agent: s.Agent, Address: s.Address, Created: moment(s.Created), LastSeen: moment(s.Seen)})
		}
	}
	return json.MarshalIndent(out, "", "  ")
}
