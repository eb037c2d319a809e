// Package crash kills the real program under load, again and again, and checks that whatever it acknowledged is there.
package crash

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"opencloud/test/server"
)

const clients = 8

// rounds is how often the server is killed: OC_CRASH_ROUNDS, else few.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("OC_CRASH_ROUNDS")); err == nil {
		return n
	}
	return 12
}

// state is what a path may hold: after an unanswered request there are two possibilities.
type state struct {
	maybe map[string]bool // contents, "" is: nothing there
}

func exactly(content string) state { return state{map[string]bool{content: true}} }

// worker works in a folder of its own, so that it knows what must be there.
type worker struct {
	t      *testing.T
	c      *server.Client
	dir    string
	r      *rand.Rand
	files  map[string]state
	upload *upload
	trash  map[string]string // key → content, deleted and acknowledged
	acked  int
}

// upload is an unfinished TUS upload.
type upload struct {
	location, name, content string
	acked                   int // bytes that were acknowledged
}

func (w *worker) path(name string) string { return w.dir + "/" + name }

func (w *worker) name() string { return fmt.Sprintf("f%d", w.r.IntN(12)) }

func (w *worker) body() string {
	n := w.r.IntN(20_000)
	return strings.Repeat(fmt.Sprintf("%s-%d-", w.dir, w.r.Uint64()), n/40+1)
}

// work sends requests until the server is gone.
func (w *worker) work(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		var alive bool
		switch w.r.IntN(10) {
		case 0, 1, 2, 3:
			alive = w.put()
		case 4, 5:
			alive = w.move()
		case 6:
			alive = w.remove()
		case 7:
			alive = w.restore()
		default:
			alive = w.tus()
		}
		if !alive {
			return
		}
	}
}

// send tells whether an answer came, and which.
func (w *worker) send(method, path, body string, h ...string) (server.Answer, bool) {
	a, err := w.c.Try(method, path, strings.NewReader(body), h...)
	return a, err == nil
}

func (w *worker) unexpected(what string, a server.Answer) {
	w.t.Errorf("%s %s: %d %.200s", w.dir, what, a.Status, a.Body)
}

// either notes that a path holds what it held or something new.
func (w *worker) either(name, content string) {
	s := state{map[string]bool{content: true}}
	if old, ok := w.files[name]; ok {
		for c := range old.maybe {
			s.maybe[c] = true
		}
	} else {
		s.maybe[""] = true
	}
	w.files[name] = s
}

func (w *worker) put() bool {
	name, body := w.name(), w.body()
	sum := sha1.Sum([]byte(body))
	a, ok := w.send("PUT", w.path(name), body, "OC-Checksum", "SHA1:"+hex.EncodeToString(sum[:]))
	if !ok {
		w.either(name, body)
		return false
	}
	if a.Status != 201 && a.Status != 204 {
		w.unexpected("PUT", a)
		return true
	}
	w.files[name] = exactly(body)
	w.acked++
	return true
}

// known returns a file of which the content is certain.
func (w *worker) known() (string, string, bool) {
	for name, s := range w.files {
		if len(s.maybe) != 1 {
			continue
		}
		for c := range s.maybe {
			if c != "" {
				return name, c, true
			}
		}
	}
	return "", "", false
}

func (w *worker) move() bool {
	name, content, ok := w.known()
	to := "m" + w.name()
	if !ok || name == to || len(w.files[to].maybe) > 1 {
		return true
	}
	a, answered := w.send("MOVE", w.path(name), "", "Destination", w.path(to), "Overwrite", "T")
	if !answered {
		w.either(name, "")
		w.either(to, content)
		return false
	}
	if a.Status != 201 && a.Status != 204 {
		w.unexpected("MOVE", a)
		return true
	}
	w.files[name], w.files[to] = exactly(""), exactly(content)
	w.acked++
	return true
}

func (w *worker) remove() bool {
	name, content, ok := w.known()
	if !ok {
		return true
	}
	h, answered := w.send("HEAD", w.path(name), "")
	if !answered {
		return false
	}
	id := h.Header.Get("Oc-Fileid")
	a, answered := w.send("DELETE", w.path(name), "")
	if !answered {
		w.either(name, "")
		return false
	}
	if a.Status != 204 {
		w.unexpected("DELETE", a)
		return true
	}
	w.files[name] = exactly("")
	w.trash[id[strings.Index(id, "!")+1:]] = content
	w.acked++
	return true
}

func (w *worker) restore() bool {
	for key, content := range w.trash {
		to := "r" + w.name()
		if s, ok := w.files[to]; ok && !(len(s.maybe) == 1 && s.maybe[""]) {
			return true
		}
		a, answered := w.send("MOVE", trashOf(w.c, w.dir)+"/"+key, "", "Destination", w.path(to), "Overwrite", "F")
		delete(w.trash, key)
		if !answered {
			w.either(to, content)
			return false
		}
		if a.Status != 201 {
			w.unexpected("restore", a)
			return true
		}
		w.files[to] = exactly(content)
		w.acked++
		return true
	}
	return true
}

func trashOf(_ *server.Client, dir string) string {
	return strings.Replace(dir[:strings.LastIndexByte(dir, '/')], "/dav/spaces/", "/dav/spaces/trash-bin/", 1)
}

// tus begins an upload, or goes on with the one under way.
func (w *worker) tus() bool {
	if w.upload == nil {
		u := &upload{name: "t" + w.name(), content: w.body()}
		meta := "filename " + b64(u.name)
		a, ok := w.send("POST", w.dir, "", "Tus-Resumable", "1.0.0", "Upload-Length", strconv.Itoa(len(u.content)), "Upload-Metadata", meta)
		if !ok {
			return false
		}
		if a.Status != 201 {
			w.unexpected("POST", a)
			return true
		}
		u.location = a.Header.Get("Location")
		w.upload = u
		return true
	}
	u := w.upload
	end := min(len(u.content), u.acked+1+w.r.IntN(8000))
	a, ok := w.send("PATCH", u.location, u.content[u.acked:end], "Tus-Resumable", "1.0.0", "Upload-Offset", strconv.Itoa(u.acked), "Content-Type", "application/offset+octet-stream")
	if !ok {
		if end == len(u.content) {
			w.either(u.name, u.content)
		}
		return false
	}
	if a.Status != 204 {
		w.unexpected("PATCH", a)
		w.upload = nil
		return true
	}
	if u.acked = end; end == len(u.content) {
		w.files[u.name] = exactly(u.content)
		w.upload = nil
	}
	w.acked++
	return true
}

func b64(s string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	var b strings.Builder
	for i := 0; i < len(s); i += 3 {
		var v uint32
		n := 0
		for j := range 3 {
			v <<= 8
			if i+j < len(s) {
				v |= uint32(s[i+j])
				n++
			}
		}
		for j := range 4 {
			if j <= n {
				b.WriteByte(digits[v>>(18-6*j)&63])
			} else {
				b.WriteByte('=')
			}
		}
	}
	return b.String()
}

var hrefs = regexp.MustCompile(`<d:href>([^<]*)</d:href>`)

// verify compares the server with what the worker knows, and settles what was uncertain.
func (w *worker) verify() {
	list := w.c.Want("PROPFIND", w.dir, "", []string{"Depth", "1"}, 207).Body
	listed := map[string]bool{}
	for _, m := range hrefs.FindAllStringSubmatch(list, -1) {
		listed[m[1][strings.LastIndexByte(m[1], '/')+1:]] = true
	}
	for name, s := range w.files {
		a := w.c.Want("GET", w.path(name), "", nil, 200, 404)
		content := a.Body
		if a.Status == http.StatusNotFound {
			content = ""
		}
		if !s.maybe[content] {
			w.t.Errorf("%s: %d bytes, none of the %d contents that were acknowledged", w.path(name), len(content), len(s.maybe))
		}
		if listed[name] != (a.Status == 200) {
			w.t.Errorf("%s: listed %v, but GET is %d", w.path(name), listed[name], a.Status)
		}
		if sum := sha1.Sum([]byte(content)); a.Status == 200 && a.Header.Get("Oc-Checksum") != "SHA1:"+hex.EncodeToString(sum[:]) {
			w.t.Errorf("%s: checksum %q is not that of the content", w.path(name), a.Header.Get("Oc-Checksum"))
		}
		w.files[name] = exactly(content)
	}
	for key := range w.trash {
		if a := w.c.Do("PROPFIND", trashOf(w.c, w.dir)+"/"+key, "", "Depth", "0"); a.Status != 207 {
			w.t.Errorf("%s: trashed item %s: %d", w.dir, key, a.Status)
		}
	}
	w.resume()
}

// resume checks that an unfinished upload goes on where it was acknowledged, or later.
func (w *worker) resume() {
	u := w.upload
	if u == nil {
		return
	}
	a := w.c.Do("HEAD", u.location, "", "Tus-Resumable", "1.0.0")
	if a.Status == http.StatusNotFound {
		// finished by the request that was not answered
		if s, ok := w.files[u.name]; !ok || !s.maybe[u.content] {
			w.t.Errorf("%s: the upload of %s is gone", w.dir, u.name)
		}
		w.upload = nil
		return
	}
	offset, err := strconv.Atoi(a.Header.Get("Upload-Offset"))
	if err != nil || offset < u.acked || offset > len(u.content) {
		w.t.Errorf("%s: upload offset %q, %d were acknowledged", w.dir, a.Header.Get("Upload-Offset"), u.acked)
		w.upload = nil
		return
	}
	u.acked = offset
	if offset == len(u.content) { // all bytes were there: who is told so has a file
		w.files[u.name] = exactly(u.content)
		w.upload = nil
	}
}

func TestKill(t *testing.T) {
	s := server.Start(t, server.Options{})
	seed := uint64(time.Now().UnixNano())
	if v, err := strconv.ParseUint(os.Getenv("OC_CRASH_SEED"), 10, 64); err == nil {
		seed = v
	}
	t.Logf("OC_CRASH_SEED=%d", seed)
	root := regexp.MustCompile(`"id":"([^"!]+)"`).FindStringSubmatch(s.Admin().Want("GET", "/graph/v1.0/me/drive", "", nil, 200).Body)
	ws := make([]*worker, clients)
	for i := range ws {
		ws[i] = &worker{t: t, c: s.Admin(), dir: fmt.Sprintf("/dav/spaces/%s/w%d", root[1], i), r: rand.New(rand.NewPCG(seed, uint64(i))), files: map[string]state{}, trash: map[string]string{}}
		ws[i].c.Want("MKCOL", ws[i].dir, "", nil, 201)
	}
	sharers := newSharers(t, s, seed)
	r := rand.New(rand.NewPCG(seed, 99))
	for round := range rounds() {
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for _, w := range ws {
			w.c = s.Admin()
			wg.Go(func() { w.work(stop) })
		}
		for _, sh := range sharers {
			sh.connect(s)
			wg.Go(func() { sh.work(stop) })
		}
		time.Sleep(time.Duration(50+r.IntN(400)) * time.Millisecond)
		s.Kill()
		close(stop)
		wg.Wait()
		s.Launch()
		for _, w := range ws {
			w.c = s.Admin()
			w.verify()
		}
		for _, sh := range sharers {
			sh.connect(s)
			sh.verify()
		}
		verifyEvents(t, s, sharers)
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	acked := 0
	for _, w := range ws {
		acked += w.acked
	}
	given := 0
	for _, sh := range sharers {
		given += sh.acked
	}
	t.Logf("%d acknowledged changes of files and %d of shares and links survived %d kills", acked, given, rounds())
	s.Stop()
	// What a kill leaves between the two databases, the server clears away within a minute; here at once.
	if out, err := s.Command("shares", "cleanup").CombinedOutput(); err != nil {
		t.Errorf("shares cleanup: %v\n%s", err, out)
	}
	if out, err := s.Command("shares", "check").CombinedOutput(); err != nil {
		t.Errorf("shares check: %v\n%s", err, out)
	}
	if out, err := s.Command("storage-users", "check").CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
}
