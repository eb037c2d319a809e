package webdav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Bounds of a request body.
const (
	MaxBody     = 1 << 20
	maxXMLDepth = 64
	maxProps    = 1000
)

// DAV is the namespace of WebDAV itself.
const DAV = "DAV:"

// Name is the name of a property.
type Name = xml.Name

// node is an element of a small request body.
type node struct {
	name     xml.Name
	attrs    []xml.Attr
	children []*node
	text     strings.Builder
}

// parse reads a whole body. Document types (so entities and bombs) are refused.
func parse(r io.Reader) (*node, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxBody+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > MaxBody {
		return nil, syntax("body is larger than %d bytes", MaxBody)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	d := xml.NewDecoder(bytes.NewReader(raw))
	d.Strict = true
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii") {
			return in, nil
		}
		return nil, syntax("charset %q", charset)
	}
	p := parser{d: d, prefixes: []map[string]string{{"xml": "http://www.w3.org/XML/1998/namespace"}}}
	root, err := p.document()
	if err != nil {
		return nil, syntaxOf(err)
	}
	return root, nil
}

func syntaxOf(err error) error {
	if errors.Is(err, ErrSyntax) {
		return err
	}
	return syntax("XML: %v", err)
}

type parser struct {
	d        *xml.Decoder
	prefixes []map[string]string
	count    int
}

func (p *parser) document() (*node, error) {
	var root *node
	for {
		t, err := p.d.RawToken()
		if err == io.EOF {
			if root == nil {
				return nil, syntax("no element")
			}
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if root != nil {
				return nil, syntax("two root elements")
			}
			if root, err = p.element(t, 0); err != nil {
				return nil, err
			}
		case xml.Directive:
			return nil, syntax("document types are not accepted")
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, syntax("text outside of the root element")
			}
		case xml.EndElement:
			return nil, syntax("unexpected end element")
		}
	}
}

// element reads up to the end of an element whose start has been read.
func (p *parser) element(start xml.StartElement, depth int) (*node, error) {
	if p.count++; depth > maxXMLDepth || p.count > 20*maxProps {
		return nil, syntax("XML is too deep or too long")
	}
	if err := p.declare(start.Attr); err != nil {
		return nil, err
	}
	defer func() { p.prefixes = p.prefixes[:len(p.prefixes)-1] }()
	n := &node{}
	var err error
	if n.name, err = p.resolve(start.Name, true); err != nil {
		return nil, err
	}
	for _, a := range start.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		name, err := p.resolve(a.Name, false)
		if err != nil {
			return nil, err
		}
		n.attrs = append(n.attrs, xml.Attr{Name: name, Value: a.Value})
	}
	qname := start.Name
	for {
		t, err := p.d.RawToken()
		if err != nil {
			if err == io.EOF {
				err = syntax("XML ends too early")
			}
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			c, err := p.element(t.Copy(), depth+1)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, c)
		case xml.EndElement:
			if t.Name != qname {
				return nil, syntax("end element %q", t.Name.Local)
			}
			return n, nil
		case xml.CharData:
			n.text.Write(t)
		case xml.Directive:
			return nil, syntax("document types are not accepted")
		}
	}
}

func (p *parser) declare(attrs []xml.Attr) error {
	var m map[string]string
	for _, a := range attrs {
		prefix := ""
		switch {
		case a.Name.Space == "xmlns":
			prefix = a.Name.Local
			if a.Value == "" {
				return syntax("prefix %q without namespace", prefix)
			}
		case a.Name.Space == "" && a.Name.Local == "xmlns":
		default:
			continue
		}
		if m == nil {
			m = map[string]string{}
		}
		m[prefix] = a.Value
	}
	p.prefixes = append(p.prefixes, m)
	return nil
}

func (p *parser) resolve(n xml.Name, element bool) (xml.Name, error) {
	if n.Space == "" && !element {
		return n, nil
	}
	for i := len(p.prefixes) - 1; i >= 0; i-- {
		if uri, ok := p.prefixes[i][n.Space]; ok {
			return xml.Name{Space: uri, Local: n.Local}, nil
		}
	}
	if n.Space != "" {
		return n, syntax("prefix %q is not declared", n.Space)
	}
	return n, nil
}

// literal returns the content of an element as text that stands for itself wherever it is put.
func (n *node) literal() string {
	if len(n.children) == 0 {
		return Escape(n.text.String())
	}
	var b strings.Builder
	for _, c := range n.children {
		c.write(&b)
	}
	return b.String()
}

func (n *node) write(b *strings.Builder) {
	b.WriteString("<x:" + n.name.Local + ` xmlns:x="` + Escape(n.name.Space) + `"`)
	if n.name.Space == "" {
		s := b.String()
		b.Reset()
		b.WriteString(s[:len(s)-len(`<x:`+n.name.Local+` xmlns:x=""`)] + "<" + n.name.Local + ` xmlns=""`)
	}
	b.WriteString(n.attributes())
	b.WriteString(">")
	if len(n.children) == 0 {
		b.WriteString(Escape(n.text.String()))
	}
	for _, c := range n.children {
		c.write(b)
	}
	if n.name.Space == "" {
		b.WriteString("</" + n.name.Local + ">")
		return
	}
	b.WriteString("</x:" + n.name.Local + ">")
}

func (n *node) attributes() string {
	var b strings.Builder
	for i, a := range n.attrs {
		switch a.Name.Space {
		case "":
			b.WriteString(" " + a.Name.Local + `="` + Escape(a.Value) + `"`)
		case "http://www.w3.org/XML/1998/namespace":
			b.WriteString(" xml:" + a.Name.Local + `="` + Escape(a.Value) + `"`)
		default:
			p := "a" + strconv.Itoa(i)
			b.WriteString(" xmlns:" + p + `="` + Escape(a.Name.Space) + `" ` + p + ":" + a.Name.Local + `="` + Escape(a.Value) + `"`)
		}
	}
	return b.String()
}

func (n *node) child(space, local string) *node {
	for _, c := range n.children {
		if c.name.Space == space && c.name.Local == local {
			return c
		}
	}
	return nil
}

// Propfind is what a PROPFIND (or the prop part of a REPORT) asks for.
type Propfind struct {
	AllProp  bool
	PropName bool
	Props    []Name // with AllProp: the included ones
}

// ParsePropfind reads a PROPFIND body; an empty one asks for all. (RFC 4918 §14.20)
func ParsePropfind(r io.Reader) (Propfind, error) {
	root, err := parse(r)
	if err != nil || root == nil {
		return Propfind{AllProp: true}, err
	}
	if root.name != (Name{Space: DAV, Local: "propfind"}) {
		return Propfind{}, syntax("propfind expected, not %q", root.name.Local)
	}
	var out Propfind
	kinds := 0
	for _, c := range root.children {
		if c.name.Space != DAV {
			continue
		}
		switch c.name.Local {
		case "allprop":
			kinds++
			out.AllProp = true
		case "propname":
			kinds++
			out.PropName = true
		case "prop":
			kinds++
			if out.Props, err = propNames(c, out.Props); err != nil {
				return out, err
			}
			if len(c.children) == 0 {
				out.AllProp = true
			}
		case "include":
			if out.Props, err = propNames(c, out.Props); err != nil {
				return out, err
			}
		}
	}
	if kinds != 1 {
		return out, syntax("propfind needs exactly one of allprop, propname and prop")
	}
	return out, nil
}

func propNames(n *node, into []Name) ([]Name, error) {
	for _, c := range n.children {
		if c.name.Space == "" && c.name.Local == "" || len(into) >= maxProps {
			return nil, syntax("properties")
		}
		into = append(into, c.name)
	}
	return into, nil
}

// Patch sets or removes one property; Value is literal XML.
type Patch struct {
	Remove bool
	Name   Name
	Value  string
	Attrs  string
	Text   string // the value's text, for live properties
}

// ParseProppatch reads a PROPPATCH body. (RFC 4918 §14.19)
func ParseProppatch(r io.Reader) ([]Patch, error) {
	root, err := parse(r)
	if err != nil {
		return nil, err
	}
	if root == nil || root.name != (Name{Space: DAV, Local: "propertyupdate"}) {
		return nil, syntax("propertyupdate expected")
	}
	var out []Patch
	for _, c := range root.children {
		if c.name.Space != DAV || c.name.Local != "set" && c.name.Local != "remove" {
			continue
		}
		prop := c.child(DAV, "prop")
		if prop == nil {
			return nil, syntax("%s without prop", c.name.Local)
		}
		for _, p := range prop.children {
			if len(out) >= maxProps {
				return nil, syntax("too many properties")
			}
			out = append(out, Patch{Remove: c.name.Local == "remove", Name: p.name, Value: p.literal(), Attrs: p.attributes(), Text: strings.TrimSpace(p.text.String())})
		}
	}
	if len(out) == 0 {
		return nil, syntax("nothing to set or to remove")
	}
	return out, nil
}

// LockInfo is the body of a LOCK that asks for a new lock.
type LockInfo struct {
	Shared bool
	Owner  string // literal XML
	Token  string // extension of the original: the token to use
}

// ParseLock reads a LOCK body; ok is false for an empty one (a refresh). (RFC 4918 §14.11)
func ParseLock(r io.Reader) (info LockInfo, ok bool, err error) {
	root, err := parse(r)
	if err != nil || root == nil {
		return info, false, err
	}
	if root.name != (Name{Space: DAV, Local: "lockinfo"}) {
		return info, false, syntax("lockinfo expected")
	}
	scope, kind := root.child(DAV, "lockscope"), root.child(DAV, "locktype")
	if scope == nil || kind == nil || kind.child(DAV, "write") == nil {
		return info, false, syntax("lockinfo needs lockscope and locktype write")
	}
	switch {
	case scope.child(DAV, "shared") != nil:
		info.Shared = true
	case scope.child(DAV, "exclusive") == nil:
		return info, false, syntax("lockscope must be exclusive or shared")
	}
	if o := root.child(DAV, "owner"); o != nil {
		info.Owner = o.literal()
	}
	if t := root.child("http://owncloud.org/ns", "lockid"); t != nil {
		info.Token = strings.TrimSpace(t.text.String())
	}
	if len(info.Owner) > 8<<10 || len(info.Token) > 512 {
		return info, false, syntax("lock owner or token too long")
	}
	return info, true, nil
}

// Report is a REPORT body.
type Report struct {
	Name  Name
	Props []Name
	// sync-collection (RFC 6578 §6.1)
	SyncToken string
	Infinite  bool
	Limit     int
	// oc:filter-files
	Favorite bool
	Tag      string
}

// ParseReport reads a REPORT body of any kind.
func ParseReport(r io.Reader) (Report, error) {
	root, err := parse(r)
	if err != nil {
		return Report{}, err
	}
	if root == nil {
		return Report{}, syntax("REPORT without body")
	}
	out := Report{Name: root.name}
	if p := root.child(DAV, "prop"); p != nil {
		if out.Props, err = propNames(p, nil); err != nil {
			return out, err
		}
	}
	if t := root.child(DAV, "sync-token"); t != nil {
		out.SyncToken = strings.TrimSpace(t.text.String())
	}
	if t := root.child(DAV, "sync-level"); t != nil {
		switch strings.TrimSpace(t.text.String()) {
		case "1":
		case "infinite", "infinity":
			out.Infinite = true
		default:
			return out, syntax("sync-level must be 1 or infinite")
		}
	}
	if l := root.child(DAV, "limit"); l != nil {
		if n := l.child(DAV, "nresults"); n != nil {
			if out.Limit, err = strconv.Atoi(strings.TrimSpace(n.text.String())); err != nil || out.Limit <= 0 {
				return out, syntax("nresults")
			}
		}
	}
	const oc = "http://owncloud.org/ns"
	if f := root.child(oc, "filter-rules"); f != nil {
		if v := f.child(oc, "favorite"); v != nil {
			out.Favorite = strings.TrimSpace(v.text.String()) == "1"
		}
		if v := f.child(oc, "systemtag"); v != nil {
			out.Tag = strings.TrimSpace(v.text.String())
		}
	}
	return out, nil
}
