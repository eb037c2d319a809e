package settings

import (
	"encoding/json"
	"strconv"
)

// The types below are the settings API on the wire.

// Kinds of bundles.
const (
	TypeDefault = "TYPE_DEFAULT"
	TypeRole    = "TYPE_ROLE"
)

// Resource is what a setting, value or permission is about.
type Resource struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`
}

// Bundle is a set of definitions that belong together, or a role.
type Bundle struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Type        string    `json:"type,omitempty"`
	Extension   string    `json:"extension,omitempty"`
	DisplayName string    `json:"displayName,omitempty"`
	Settings    []Setting `json:"settings,omitempty"`
	Resource    *Resource `json:"resource,omitempty"`
}

// Setting is the definition of one setting; exactly one of the kinds of value is set.
type Setting struct {
	ID          string           `json:"id"`
	Name        string           `json:"name"`
	DisplayName string           `json:"displayName,omitempty"`
	Description string           `json:"description,omitempty"`
	Int         *IntKind         `json:"intValue,omitempty"`
	String      *StringKind      `json:"stringValue,omitempty"`
	Bool        *BoolKind        `json:"boolValue,omitempty"`
	Single      *ChoiceKind      `json:"singleChoiceValue,omitempty"`
	Multi       *ChoiceKind      `json:"multiChoiceValue,omitempty"`
	Permission  *PermissionValue `json:"permissionValue,omitempty"`
	Collection  *CollectionKind  `json:"multiChoiceCollectionValue,omitempty"`
	Resource    *Resource        `json:"resource,omitempty"`
}

// Int is a number, on the wire in quotes or without.
type Int int64

// MarshalJSON writes quotes, as 64-bit numbers have them in this API.
func (i Int) MarshalJSON() ([]byte, error) { return json.Marshal(strconv.FormatInt(int64(i), 10)) }

// UnmarshalJSON reads both forms.
func (i *Int) UnmarshalJSON(b []byte) error {
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	v, err := n.Int64()
	*i = Int(v)
	return err
}

// IntKind is a number within bounds; Max 0 is none.
type IntKind struct {
	Default     Int    `json:"default,omitempty"`
	Min         Int    `json:"min,omitempty"`
	Max         Int    `json:"max,omitempty"`
	Step        Int    `json:"step,omitempty"`
	Placeholder string `json:"placeholder,omitempty"`
}

// StringKind is a text; MaxLength 0 is the limit of values.
type StringKind struct {
	Default     string `json:"default,omitempty"`
	Required    bool   `json:"required,omitempty"`
	MinLength   int    `json:"minLength,omitempty"`
	MaxLength   int    `json:"maxLength,omitempty"`
	Placeholder string `json:"placeholder,omitempty"`
}

// BoolKind is yes or no.
type BoolKind struct {
	Default bool   `json:"default,omitempty"`
	Label   string `json:"label,omitempty"`
}

// ChoiceKind is one of some options, or several.
type ChoiceKind struct {
	Options []Option `json:"options"`
}

// Option is one choice.
type Option struct {
	Value        OptionValue `json:"value"`
	Default      bool        `json:"default,omitempty"`
	DisplayValue string      `json:"displayValue,omitempty"`
}

// OptionValue is a text or a number.
type OptionValue struct {
	String *string `json:"stringValue,omitempty"`
	Int    *Int    `json:"intValue,omitempty"`
}

// CollectionKind are several values under keys.
type CollectionKind struct {
	Options []CollectionOption `json:"options"`
}

// CollectionOption is one of them. Attribute "disabled" says that it cannot be changed.
type CollectionOption struct {
	Value        CollectionDefault `json:"value"`
	Key          string            `json:"key"`
	Attribute    string            `json:"attribute,omitempty"`
	DisplayValue string            `json:"displayValue,omitempty"`
}

// CollectionDefault is the kind of an option.
type CollectionDefault struct {
	Int    *IntKind    `json:"intValue,omitempty"`
	String *StringKind `json:"stringValue,omitempty"`
	Bool   *BoolKind   `json:"boolValue,omitempty"`
}

// PermissionValue is what a role permits.
type PermissionValue struct {
	Operation  string `json:"operation"`
	Constraint string `json:"constraint"`
}

// Value is what somebody has set; exactly one of the kinds is set.
type Value struct {
	ID          string      `json:"id,omitempty"`
	BundleID    string      `json:"bundleId"`
	SettingID   string      `json:"settingId"`
	AccountUUID string      `json:"accountUuid"`
	Resource    *Resource   `json:"resource,omitempty"`
	Bool        *bool       `json:"boolValue,omitempty"`
	Int         *Int        `json:"intValue,omitempty"`
	String      *string     `json:"stringValue,omitempty"`
	List        *List       `json:"listValue,omitempty"`
	Collection  *Collection `json:"collectionValue,omitempty"`
}

// List is the value of a choice.
type List struct {
	Values []OptionValue `json:"values"`
}

// Collection is the value of a CollectionKind.
type Collection struct {
	Values []CollectionValue `json:"values"`
}

// CollectionValue is one of its values.
type CollectionValue struct {
	Key    string  `json:"key"`
	Int    *Int    `json:"intValue,omitempty"`
	String *string `json:"stringValue,omitempty"`
	Bool   *bool   `json:"boolValue,omitempty"`
}

// Identifier are the names of a setting.
type Identifier struct {
	Extension string `json:"extension"`
	Bundle    string `json:"bundle"`
	Setting   string `json:"setting"`
}

// Identified is a value beside its names.
type Identified struct {
	Identifier Identifier `json:"identifier"`
	Value      Value      `json:"value"`
}

// Assignment says that an account has a role.
type Assignment struct {
	ID          string `json:"id"`
	AccountUUID string `json:"accountUuid"`
	RoleID      string `json:"roleId"`
}
