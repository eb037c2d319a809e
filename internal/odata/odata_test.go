package odata

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

func person(name, kind string, enabled bool, seen time.Time, groups ...string) Object {
	return func(path string) any {
		switch path {
		case "displayName":
			return name
		case "userType":
			return kind
		case "accountEnabled":
			return enabled
		case "seen":
			return seen
		case "memberOf":
			var all []Object
			for _, g := range groups {
				all = append(all, func(string) any { return g })
			}
			return all
		}
		return nil
	}
}

func schema() Schema {
	return Schema{"displayName": {Kind: Text}, "userType": {Kind: Text}, "accountEnabled": {Kind: Bool}, "seen": {Kind: Time},
		"memberOf": {Kind: Collection, Items: Schema{"id": {Kind: Text}}}}
}

func TestFilter(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	people := []Object{person("Ada", "Member", true, day(1), "g1", "g2"), person("Björn", "Guest", true, day(9), "g2"), person("O'Hara", "Member", false, time.Time{})}
	for filter, want := range map[string]string{
		"displayName eq 'ada'":                                          "A",
		"displayName eq 'O''Hara'":                                      "O",
		"startswith(displayName,'BJ')":                                  "B",
		"startsWith(displayName, 'b') or contains(displayName,'ar')":    "BO",
		"endswith(displayName,'a')":                                     "AO",
		"accountEnabled eq true and userType eq 'Member'":               "A",
		"not accountEnabled eq true":                                    "O",
		"not (userType eq 'Guest')":                                     "AO",
		"userType ne 'Guest'":                                           "AO",
		"memberOf/any(m:m/id eq 'g1')":                                  "A",
		"memberOf/any(m:m/id eq g2)":                                    "AB",
		"memberOf/any(m:m/id eq 'g1') and memberOf/any(x:x/id eq 'g2')": "A",
		"(memberOf/any(m:m/id eq 'g1') or userType eq 'Guest') and not (displayName eq 'Ada')": "B",
		"seen le 2026-01-05T00:00:00Z":                                         "A",
		"seen gt 2026-01-05T00:00:00Z":                                         "B",
		"userType eq 'Guest' or userType eq 'Member' and displayName eq 'Ada'": "AB",
	} {
		e, err := ParseFilter(filter)
		if err == nil {
			err = schema().Check(e)
		}
		got := ""
		for _, p := range people {
			if err == nil && Match(e, p) {
				got += p("displayName").(string)[:1]
			}
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", filter, got, err, want)
		}
	}
}

func TestFilterErrors(t *testing.T) {
	for filter, want := range map[string]error{
		"": ErrSyntax, "displayName": ErrSyntax, "displayName eq": ErrSyntax, "displayName eq 'x": ErrSyntax, "eq 'x'": ErrSyntax, "displayName eq 'a' 'b'": ErrSyntax,
		"(displayName eq 'a'": ErrSyntax, "displayName eq 'a')": ErrSyntax, "displayName eq 'a' and": ErrSyntax, "displayName like 'a'": ErrSyntax,
		"memberOf/any(id eq 'x')": ErrSyntax, "memberOf/any(m:x/id eq 'x')": ErrSyntax, "memberOf/any(m:m/id eq 'x'": ErrSyntax, "startswith(displayName)": ErrSyntax,
		"contains(displayName,5)": ErrSyntax, "accountEnabled eq 'true'": ErrSyntax, "seen le 'yesterday'": ErrSyntax, "displayName eq true": ErrSyntax,
		"shoe eq '42'": ErrUnsupported, "displayName gt 'a'": ErrUnsupported, "displayName in ('a','b')": ErrUnsupported, "length(displayName) eq 5": ErrUnsupported,
		"displayName eq null": ErrUnsupported, "shoes/any(s:s/id eq 'x')": ErrUnsupported, "contains(seen,'2')": ErrUnsupported, "memberOf/any(m:m/name eq 'x')": ErrUnsupported,
		strings.Repeat("(", 5000): ErrSyntax,
		strings.Repeat("displayName eq 'a' or ", 600) + "displayName eq 'a'": ErrSyntax,
	} {
		e, err := ParseFilter(filter)
		if err == nil {
			err = schema().Check(e)
		}
		if !errors.Is(err, want) {
			t.Errorf("%.60s: %v, want %v", filter, err, want)
		}
	}
}

func TestOptions(t *testing.T) {
	q, err := Parse(url.Values{"$search": {`"a \"b\""`}, "$expand": {"memberOf,root($expand=permissions;$select=id,name)"}, "$select": {"id, @libre.graph.hasTrashedItems"},
		"$orderby": {"displayName desc"}, "$top": {"5"}, "$skip": {"10"}, "$count": {"true"}, "other": {"x", "y"}})
	if err != nil || q.Search != `a "b"` || !q.Expands("memberOf") || !q.Expands("root") || q.Expands("permissions") || len(q.Expand[1].Options.Select) != 2 ||
		!q.Expand[1].Options.Expands("permissions") || q.Select[1] != "@libre.graph.hasTrashedItems" || !q.OrderBy[0].Descending || q.Top != 5 || q.Skip != 10 || !q.Count {
		t.Errorf("%+v, %v", q, err)
	}
	if q, err := Parse(url.Values{}); err != nil || q.Top != -1 || q.Filter != nil {
		t.Errorf("%+v, %v", q, err)
	}
	for option, want := range map[string]error{"$top=-1": ErrSyntax, "$top=x": ErrSyntax, "$count=1": ErrSyntax, "$search=a(b": ErrSyntax, `$search="a`: ErrSyntax, `$search="a"b`: ErrSyntax,
		"$orderby=a sideways": ErrSyntax, "$expand=a(": ErrSyntax, "$expand=a)": ErrSyntax, "$expand=": ErrSyntax, "$apply=x": ErrUnsupported, "$select=a b": ErrSyntax,
		"$expand=" + strings.Repeat("a($expand=", 50) + "a" + strings.Repeat(")", 50): ErrSyntax, "$expand=a($top=1;$top=2)": ErrSyntax} {
		name, value, _ := strings.Cut(option, "=")
		if _, err := Parse(url.Values{name: {value}}); !errors.Is(err, want) {
			t.Errorf("%.40s: %v, want %v", option, err, want)
		}
	}
	if _, err := Parse(url.Values{"$top": {"1", "2"}}); !errors.Is(err, ErrSyntax) {
		t.Error("a doubled option:", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("memberOf/any(m:m/id eq 'g1') and (startswith(displayName,'a') or not accountEnabled eq true)", "root($expand=permissions;$top=3),b", `"x\"y"`)
	f.Add("seen le 2026-01-01T00:00:00Z", "a", "b c")
	f.Fuzz(func(t *testing.T, filter, expand, search string) {
		q, err := Parse(url.Values{"$filter": {filter}, "$expand": {expand}, "$search": {search}})
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrUnsupported) {
				t.Errorf("error of another kind: %v", err)
			}
			return
		}
		if schema().Check(q.Filter) == nil {
			Match(q.Filter, person("Ada", "Member", true, time.Time{}, "g1"))
		}
	})
}
