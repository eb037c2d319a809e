package posix

import (
	"fmt"
	"strings"
	"text/template"

	"opencloud/internal/identity"
	"opencloud/internal/resource"
	"opencloud/internal/space"
	"opencloud/internal/storage"
	"opencloud/internal/storage/posix/scan"
	"opencloud/internal/storage/tree"
)

// graveyard is where purged spaces lie until they are removed.
const graveyard = ".purged"

// pathData is what the templates of folders may use, under the names of the original's.
type pathData struct {
	User struct {
		ID       struct{ OpaqueId, Idp string } //nolint:revive // name in templates
		Id       struct{ OpaqueId, Idp string } //nolint:revive // name in templates
		Username string
		Email    string
	}
	SpaceId, SpaceType, SpaceName string //nolint:revive // names in templates
}

// spaceDir returns the folder of a new space, relative to the storage's root.
func (f *FS) spaceDir(s *tree.Space, a *identity.Actor) (string, error) {
	text := f.cfg.GeneralPath
	if text == "" {
		text = "projects/{{.SpaceId}}"
	}
	if s.Type == space.Personal {
		if text = f.cfg.PersonalPath; text == "" {
			text = "users/{{.User.Id.OpaqueId}}"
		}
	}
	d := pathData{SpaceId: s.ID, SpaceType: string(s.Type), SpaceName: s.Name}
	d.User.Id.OpaqueId = s.Owner
	if a.User.ID == s.Owner {
		d.User.Username, d.User.Email = a.User.Username, a.User.Mail
	}
	d.User.ID = d.User.Id
	t, err := template.New("path").Option("missingkey=error").Funcs(template.FuncMap{"lower": strings.ToLower,
		"replace": func(from, to, in string) string { return strings.ReplaceAll(in, from, to) }}).Parse(text)
	if err != nil {
		return "", fmt.Errorf("template of a space's folder: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, d); err != nil {
		return "", fmt.Errorf("template of a space's folder: %w", err)
	}
	dir := strings.Trim(b.String(), "/")
	names, err := resource.SplitPath(dir)
	if err != nil || len(names) == 0 || strings.Join(names, "/") != dir {
		return "", fmt.Errorf("%w: the folder of the space would be %q", storage.ErrInvalid, dir)
	}
	for _, n := range names {
		if scan.Reserved(n) || n == graveyard {
			return "", fmt.Errorf("%w: the folder of the space would be %q", storage.ErrInvalid, dir)
		}
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, other := range f.spaces {
		if other.ID != s.ID && (other.Dir == dir || strings.HasPrefix(other.Dir, dir+"/") || strings.HasPrefix(dir, other.Dir+"/")) {
			return "", fmt.Errorf("%w: the folder %q is that of another space", storage.ErrInvalid, dir)
		}
	}
	return dir, nil
}
