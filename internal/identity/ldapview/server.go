package ldapview

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"opencloud/internal/identity"
)

const (
	maxStranger    = 4 << 10   // bytes of a message before the bind
	maxMessage     = 256 << 10 // bytes of a message after it
	maxConnections = 256
	maxResults     = 100_000
	idle           = 10 * time.Minute
	strangerTime   = 10 * time.Second // in which the bind must come
	writeTime      = time.Minute
	searchTime     = 30 * time.Second
	maxRequests    = 10_000_000 // of one connection
)

// Options of a server.
type Options struct {
	Directory Directory
	// Login checks people's passwords, with throttling.
	Login identity.Authenticator
	// Service tells whether this is the password of one of the service accounts (libregraph, reva, idp).
	Service func(name, password string) bool
	Log     *slog.Logger
}

// Server speaks LDAP (RFC 4511): simple bind, search, unbind. It writes nothing.
type Server struct {
	opts  Options
	slots chan struct{}
}

// New returns a server.
func New(o Options) *Server { return &Server{opts: o, slots: make(chan struct{}, maxConnections)} }

// Serve answers connections until the context ends. tc may be nil.
func (s *Server) Serve(ctx context.Context, l net.Listener, tc *tls.Config) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case s.slots <- struct{}{}:
		default:
			_ = c.Close() // as many as we can bear are there
			continue
		}
		if tc != nil {
			c = tls.Server(c, tc)
		}
		all.Go(func() {
			defer func() { <-s.slots }()
			end := context.AfterFunc(ctx, func() { _ = c.Close() })
			defer end()
			defer c.Close()
			if err := s.talk(ctx, c); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && ctx.Err() == nil {
				s.opts.Log.DebugContext(ctx, "LDAP connection ended", "remote", c.RemoteAddr().String(), "err", err)
			}
		})
	}
}

// session is one connection.
type session struct {
	*Server
	conn net.Conn
	out  *bufio.Writer
	// who is bound: nobody, a service account (all), or a person (self).
	all  bool
	self string // DN
}

func (s *Server) talk(ctx context.Context, c net.Conn) error {
	n := &session{Server: s, conn: c, out: bufio.NewWriterSize(c, 16<<10)}
	in := bufio.NewReader(c)
	for range maxRequests {
		limit, wait := maxMessage, idle
		if !n.all && n.self == "" {
			limit, wait = maxStranger, strangerTime
		}
		if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return err
		}
		p, err := read(in, limit)
		if err != nil {
			return err
		}
		more, err := n.handle(ctx, p)
		if err == nil {
			err = c.SetWriteDeadline(time.Now().Add(writeTime))
		}
		if err == nil {
			err = n.out.Flush()
		}
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// read reads one message of at most limit bytes: its length is looked at before anything is kept.
func read(in *bufio.Reader, limit int) (*ber.Packet, error) {
	head, err := in.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0] != 0x30 {
		return nil, errors.New("not an LDAP message")
	}
	size, skip := int(head[1]), 2
	if head[1]&0x80 != 0 {
		n := int(head[1] & 0x7f)
		if n == 0 || n > 4 {
			return nil, errors.New("length of a message cannot be read")
		}
		if head, err = in.Peek(2 + n); err != nil {
			return nil, err
		}
		size, skip = 0, 2+n
		for _, b := range head[2:] {
			size = size<<8 | int(b)
		}
	}
	if size > limit {
		return nil, fmt.Errorf("message of %d bytes is too long", size)
	}
	raw := make([]byte, skip+size)
	if _, err := io.ReadFull(in, raw); err != nil {
		return nil, err
	}
	return ber.DecodePacketErr(raw)
}

var errMessage = errors.New("message cannot be read")

// handle answers one request, and tells whether the connection goes on.
func (n *session) handle(ctx context.Context, p *ber.Packet) (bool, error) {
	if len(p.Children) < 2 {
		return false, errMessage
	}
	id, ok := p.Children[0].Value.(int64)
	op := p.Children[1]
	if !ok || op.ClassType != ber.ClassApplication {
		return false, errMessage
	}
	switch op.Tag {
	case ldap.ApplicationBindRequest:
		return true, n.bind(ctx, id, op)
	case ldap.ApplicationUnbindRequest:
		return false, nil
	case ldap.ApplicationSearchRequest:
		return true, n.search(ctx, id, op)
	case ldap.ApplicationAbandonRequest:
		return true, nil // answers are given one after the other: there is nothing to abandon
	case ldap.ApplicationExtendedRequest:
		return true, n.result(id, ldap.ApplicationExtendedResponse, ldap.LDAPResultProtocolError, "this operation is not supported")
	case ldap.ApplicationCompareRequest:
		return true, n.result(id, ldap.ApplicationCompareResponse, ldap.LDAPResultUnwillingToPerform, "compare is not supported; search instead")
	}
	for request, response := range map[ber.Tag]ber.Tag{ldap.ApplicationAddRequest: ldap.ApplicationAddResponse, ldap.ApplicationModifyRequest: ldap.ApplicationModifyResponse,
		ldap.ApplicationDelRequest: ldap.ApplicationDelResponse, ldap.ApplicationModifyDNRequest: ldap.ApplicationModifyDNResponse} {
		if op.Tag == request {
			return true, n.result(id, response, ldap.LDAPResultUnwillingToPerform, "this view of the directory is read-only: use the administration or the Graph API")
		}
	}
	return false, errMessage
}

// result writes an answer that is a result only.
func (n *session) result(id int64, tag ber.Tag, code uint16, message string) error {
	return n.write(id, resultPacket(tag, code, message))
}

func resultPacket(tag ber.Tag, code uint16, message string) *ber.Packet {
	r := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	r.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(code), ""))
	r.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", ""))
	r.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, message, ""))
	return r
}

func (n *session) write(id int64, op *ber.Packet, controls ...*ber.Packet) error {
	m := ber.NewSequence("")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	m.AppendChild(op)
	for _, c := range controls {
		m.AppendChild(c)
	}
	if err := n.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	_, err := n.out.Write(m.Bytes())
	return err
}

// bind finds out who this is. (RFC 4511 §4.2) A failed one leaves the connection with nobody.
func (n *session) bind(ctx context.Context, id int64, op *ber.Packet) error {
	n.all, n.self = false, ""
	answer := func(code uint16, message string) error {
		return n.result(id, ldap.ApplicationBindResponse, code, message)
	}
	if len(op.Children) != 3 || op.Children[2].ClassType != ber.ClassContext {
		return answer(ldap.LDAPResultProtocolError, "the bind cannot be read")
	}
	if op.Children[2].Tag != 0 {
		return answer(ldap.LDAPResultAuthMethodNotSupported, "simple bind only")
	}
	dn, password := text(op.Children[1]), text(op.Children[2])
	if dn == "" && password == "" {
		return answer(ldap.LDAPResultSuccess, "") // anonymous: sees nothing
	}
	if password == "" {
		return answer(ldap.LDAPResultUnwillingToPerform, "a bind without password proves nothing") // RFC 4513 §5.1.2
	}
	name, where := split(dn)
	switch {
	case sameDN(where, sysDN) && n.opts.Service != nil && n.opts.Service(name, password):
		n.all = true
		return answer(ldap.LDAPResultSuccess, "")
	case sameDN(where, usersDN) && name != "":
		host, _, err := net.SplitHostPort(n.conn.RemoteAddr().String())
		if err != nil {
			host = n.conn.RemoteAddr().String()
		}
		a, err := n.opts.Login.Authenticate(ctx, identity.Login{Name: name, Password: password, Address: host})
		switch {
		case err == nil:
			n.self = userDN(a.User.Username)
			return answer(ldap.LDAPResultSuccess, "")
		case errors.Is(err, identity.ErrThrottled):
			return answer(ldap.LDAPResultBusy, "too many failed logins, try again later")
		case !errors.Is(err, identity.ErrCredentials):
			n.opts.Log.ErrorContext(ctx, "LDAP bind is not possible", "err", err)
			return answer(ldap.LDAPResultUnavailable, "logging in is not possible at the moment")
		}
	}
	return answer(ldap.LDAPResultInvalidCredentials, "")
}

// split returns the value of the first part of a DN, and the rest.
func split(dn string) (name, rest string) {
	d, err := ldap.ParseDN(dn)
	if err != nil || len(d.RDNs) < 2 || len(d.RDNs[0].Attributes) != 1 {
		return "", ""
	}
	a := d.RDNs[0].Attributes[0]
	if !strings.EqualFold(a.Type, "uid") && !strings.EqualFold(a.Type, "cn") {
		return "", ""
	}
	d.RDNs = d.RDNs[1:]
	return a.Value, d.String()
}

// query is a search request. (RFC 4511 §4.5.1)
type query struct {
	base      *ldap.DN
	scope     int64
	size      int64
	typesOnly bool
	filter    filter
	attrs     []string
}

func readQuery(op *ber.Packet) (q query, err error) {
	if len(op.Children) != 8 {
		return q, errMessage
	}
	var ok [3]bool
	q.scope, ok[0] = op.Children[1].Value.(int64)
	q.size, ok[1] = op.Children[3].Value.(int64)
	q.typesOnly, ok[2] = op.Children[5].Value.(bool)
	if slices.Contains(ok[:], false) {
		return q, errMessage
	}
	if q.base, err = ldap.ParseDN(text(op.Children[0])); err != nil {
		return q, err
	}
	for _, a := range op.Children[7].Children {
		q.attrs = append(q.attrs, text(a))
	}
	if len(q.attrs) > maxFilterParts {
		return q, errMessage
	}
	q.filter, err = readFilter(op.Children[6])
	return q, err
}

// wants tells whether an attribute is asked for.
func (q *query) wants(name string) bool {
	if len(q.attrs) == 0 || slices.Contains(q.attrs, "*") {
		return true
	}
	return slices.ContainsFunc(q.attrs, func(a string) bool { return strings.EqualFold(a, name) })
}

func (q *query) inScope(e *entry) bool {
	d, err := ldap.ParseDN(e.dn)
	if err != nil {
		return false
	}
	switch q.scope {
	case ldap.ScopeBaseObject:
		return d.EqualFold(q.base)
	case ldap.ScopeSingleLevel:
		return len(d.RDNs) == len(q.base.RDNs)+1 && q.base.AncestorOfFold(d)
	}
	return d.EqualFold(q.base) || q.base.AncestorOfFold(d)
}

func (n *session) search(ctx context.Context, id int64, op *ber.Packet) error {
	done := func(code uint16, message string) error {
		return n.result(id, ldap.ApplicationSearchResultDone, code, message)
	}
	q, err := readQuery(op)
	if err != nil {
		return done(ldap.LDAPResultProtocolError, "the search cannot be read")
	}
	if q.scope == ldap.ScopeBaseObject && len(q.base.RDNs) == 0 {
		return n.rootDSE(id, &q)
	}
	if !n.all && n.self == "" {
		return done(ldap.LDAPResultInsufficientAccessRights, "log in first")
	}
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	entries, err := n.entries(ctx, &q)
	if err != nil {
		n.opts.Log.ErrorContext(ctx, "LDAP search is not possible", "err", err)
		return done(ldap.LDAPResultUnavailable, "the directory cannot be read at the moment")
	}
	limit := int64(maxResults)
	if q.size > 0 {
		limit = min(limit, q.size)
	}
	sent := int64(0)
	for i := range entries {
		e := &entries[i]
		if !n.all && e.dn != n.self || !q.inScope(e) || !q.filter.matches(e) {
			continue
		}
		if sent == limit {
			return done(ldap.LDAPResultSizeLimitExceeded, "")
		}
		sent++
		if err := n.write(id, entryPacket(e, &q)); err != nil {
			return err
		}
	}
	return done(ldap.LDAPResultSuccess, "")
}

// entries are all that a search could mean.
func (n *session) entries(ctx context.Context, q *query) ([]entry, error) {
	out := containers()
	who, dns, err := people(ctx, n.opts.Directory)
	if err != nil {
		return nil, err
	}
	out = append(out, who...)
	if !n.all {
		return out, nil
	}
	found, err := groups(ctx, n.opts.Directory, dns, q.wants("member") || q.filter.asks("member"))
	return append(out, found...), err
}

// rootDSE says what this server can do. (RFC 4512 §5.1)
func (n *session) rootDSE(id int64, q *query) error {
	e := entry{}
	e.add("objectClass", "top")
	e.add("namingContexts", Base)
	e.add("supportedLDAPVersion", "3")
	e.add("vendorName", "OpenCloud")
	if q.filter.matches(&e) {
		if err := n.write(id, entryPacket(&e, q)); err != nil {
			return err
		}
	}
	return n.result(id, ldap.ApplicationSearchResultDone, ldap.LDAPResultSuccess, "")
}

func entryPacket(e *entry, q *query) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, e.dn, ""))
	attrs := ber.NewSequence("")
	for _, a := range e.attrs {
		if !q.wants(a.name) {
			continue
		}
		one := ber.NewSequence("")
		one.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, a.name, ""))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		if !q.typesOnly {
			for _, v := range a.values {
				set.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, v, ""))
			}
		}
		one.AppendChild(set)
		attrs.AppendChild(one)
	}
	p.AppendChild(attrs)
	return p
}
