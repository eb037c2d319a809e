package web

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"

	"opencloud/internal/identity/role"
)

const (
	maxAnnouncement  = 50 << 10 // bytes
	announcementFile = "announcement.json"
)

// announcement is a notice that everybody sees. (spec/identity.md §12.6)
type announcement struct {
	Enabled    bool   `json:"enabled"`
	BannerText string `json:"bannerText"`
	InfoText   string `json:"infoText"` // Markdown
}

func (a announcement) shown() bool { return a.Enabled && a.BannerText != "" }

// notice keeps the announcement in a folder. It is read anew each time: there may be several of us.
type notice struct {
	dir string
	mu  sync.Mutex // of writers
}

func (n *notice) read() (a announcement, err error) {
	root, err := os.OpenRoot(n.dir)
	if err == nil {
		defer root.Close()
		var b []byte
		if b, err = root.ReadFile(announcementFile); err == nil {
			err = json.Unmarshal(b, &a)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return announcement{}, nil
	}
	if err != nil {
		return announcement{}, err
	}
	return a, nil
}

// write keeps an announcement; one without text is forgotten.
func (n *notice) write(a announcement) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := os.MkdirAll(n.dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(n.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if a.BannerText == "" {
		if err := root.Remove(announcementFile); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return writeFile(root, announcementFile, b)
}

// writeFile replaces a file as a whole or not at all.
func writeFile(root *os.Root, name string, b []byte) error {
	temp := ".new-" + name
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(temp, name)
	}
	if err != nil {
		_ = root.Remove(temp)
	}
	return err
}

func (h *handler) announcement(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodPut {
		notAllowed(w, "GET, PUT")
		return
	}
	if !permit(w, r, role.AnnouncementReadWrite) {
		return
	}
	if r.Method == http.MethodPut {
		h.setAnnouncement(w, r)
		return
	}
	a, err := h.notice.read()
	if err != nil {
		h.log.ErrorContext(r.Context(), "announcement cannot be read", "err", err)
		http.Error(w, "The announcement cannot be read.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a)
}

func (h *handler) setAnnouncement(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnnouncement))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		http.Error(w, "An announcement has at most 50 KiB.", http.StatusRequestEntityTooLarge)
		return
	}
	var a announcement
	if err != nil || json.Unmarshal(b, &a) != nil {
		http.Error(w, "This is no announcement.", http.StatusBadRequest)
		return
	}
	a.BannerText = strings.TrimSpace(a.BannerText)
	if err := h.notice.write(a); err != nil {
		h.log.ErrorContext(r.Context(), "announcement cannot be kept", "err", err)
		http.Error(w, "The announcement cannot be kept.", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
