package idm

import (
	"net"
	"net/url"
	"strings"

	"opencloud/internal/identity/ldapdir"
)

// LDAPClient says where somebody else's directory is and what its attributes are called. There is one for all services;
// where the original's services are told different things, what graph is told wins. (spec/identity.md §8.2)
type LDAPClient struct {
	URI          string `yaml:"uri" env:"OC_LDAP_URI;IDP_LDAP_URI;AUTH_BASIC_LDAP_URI;GROUPS_LDAP_URI;USERS_LDAP_URI;GRAPH_LDAP_URI" global:"idp.ldap.uri;auth_basic.auth_providers.ldap.uri;groups.drivers.ldap.uri;users.drivers.ldap.uri;graph.identity.ldap.uri" doc:"Address of an external directory, ldaps://host or ldap://host. Empty, or that of the original's own (localhost:9235, localhost:9236): the embedded one."`
	CACert       string `yaml:"cacert" env:"OC_LDAP_CACERT;IDP_LDAP_TLS_CACERT;AUTH_BASIC_LDAP_CACERT;GROUPS_LDAP_CACERT;USERS_LDAP_CACERT;GRAPH_LDAP_CACERT" global:"idp.ldap.cacert;auth_basic.auth_providers.ldap.ca_cert;groups.drivers.ldap.ca_cert;users.drivers.ldap.ca_cert;graph.identity.ldap.cacert" doc:"Certificates (PEM) to trust. Empty: those of the system."`
	Insecure     bool   `yaml:"insecure" env:"OC_LDAP_INSECURE;AUTH_BASIC_LDAP_INSECURE;GROUPS_LDAP_INSECURE;USERS_LDAP_INSECURE;GRAPH_LDAP_INSECURE" global:"auth_basic.auth_providers.ldap.insecure;groups.drivers.ldap.insecure;users.drivers.ldap.insecure;graph.identity.ldap.insecure" default:"false" doc:"Do not check the directory's certificate."`
	BindDN       string `yaml:"bind_dn" env:"OC_LDAP_BIND_DN;IDP_LDAP_BIND_DN;AUTH_BASIC_LDAP_BIND_DN;GROUPS_LDAP_BIND_DN;USERS_LDAP_BIND_DN;GRAPH_LDAP_BIND_DN" global:"idp.ldap.bind_dn;auth_basic.auth_providers.ldap.bind_dn;groups.drivers.ldap.bind_dn;users.drivers.ldap.bind_dn;graph.identity.ldap.bind_dn" doc:"Who we are there. Empty: anonymous."`
	BindPassword string `yaml:"bind_password" env:"OC_LDAP_BIND_PASSWORD;IDP_LDAP_BIND_PASSWORD;AUTH_BASIC_LDAP_BIND_PASSWORD;GROUPS_LDAP_BIND_PASSWORD;USERS_LDAP_BIND_PASSWORD;GRAPH_LDAP_BIND_PASSWORD" global:"idp.ldap.bind_password;auth_basic.auth_providers.ldap.bind_password;groups.drivers.ldap.bind_password;users.drivers.ldap.bind_password;graph.identity.ldap.bind_password" secret:"true" doc:"The password of bind_dn."`

	UserBase      string `yaml:"user_base_dn" env:"OC_LDAP_USER_BASE_DN;IDP_LDAP_BASE_DN;AUTH_BASIC_LDAP_USER_BASE_DN;USERS_LDAP_USER_BASE_DN;GRAPH_LDAP_USER_BASE_DN" global:"idp.ldap.base_dn;auth_basic.auth_providers.ldap.user_base_dn;users.drivers.ldap.user_base_dn;graph.identity.ldap.user_base_dn" default:"ou=users,o=libregraph-idm" doc:"Below which people are."`
	UserScope     string `yaml:"user_search_scope" env:"OC_LDAP_USER_SCOPE;IDP_LDAP_SCOPE;AUTH_BASIC_LDAP_USER_SCOPE;USERS_LDAP_USER_SCOPE;GRAPH_LDAP_USER_SCOPE" global:"idp.ldap.scope;auth_basic.auth_providers.ldap.user_scope;users.drivers.ldap.user_scope;graph.identity.ldap.user_search_scope" default:"sub" doc:"How deep: base, one or sub."`
	UserFilter    string `yaml:"user_filter" env:"OC_LDAP_USER_FILTER;USERS_LDAP_USER_FILTER;GRAPH_LDAP_USER_FILTER" global:"users.drivers.ldap.user_filter;graph.identity.ldap.user_filter" doc:"A further condition on people, such as (memberOf=cn=cloud,…)."`
	LoginFilter   string `yaml:"login_filter" env:"AUTH_BASIC_LDAP_USER_FILTER;IDP_LDAP_FILTER" global:"auth_basic.auth_providers.ldap.user_filter;idp.ldap.filter" doc:"A further condition on those who sign in with a password."`
	UserClass     string `yaml:"user_objectclass" env:"OC_LDAP_USER_OBJECTCLASS;IDP_LDAP_OBJECTCLASS;AUTH_BASIC_LDAP_USER_OBJECTCLASS;USERS_LDAP_USER_OBJECTCLASS;GRAPH_LDAP_USER_OBJECTCLASS" global:"idp.ldap.object_class;auth_basic.auth_providers.ldap.user_object_class;users.drivers.ldap.user_object_class;graph.identity.ldap.user_objectclass" default:"inetOrgPerson" doc:"Class of people."`
	UserID        string `yaml:"user_id_attribute" env:"OC_LDAP_USER_SCHEMA_ID;IDP_LDAP_UUID_ATTRIBUTE;AUTH_BASIC_LDAP_USER_SCHEMA_ID;USERS_LDAP_USER_SCHEMA_ID;GRAPH_LDAP_USER_UID_ATTRIBUTE" global:"idp.ldap.uuid_attribute;auth_basic.auth_providers.ldap.user_schema.id;users.drivers.ldap.user_schema.id;graph.identity.ldap.user_id_attribute" default:"openCloudUUID" doc:"Attribute with their id, which must never change: entryUUID, objectGUID."`
	UserIDBinary  bool   `yaml:"user_id_is_octet_string" env:"OC_LDAP_USER_SCHEMA_ID_IS_OCTETSTRING;AUTH_BASIC_LDAP_USER_SCHEMA_ID_IS_OCTETSTRING;USERS_LDAP_USER_SCHEMA_ID_IS_OCTETSTRING;GRAPH_LDAP_USER_SCHEMA_ID_IS_OCTETSTRING" global:"auth_basic.auth_providers.ldap.user_schema.id_is_octet_string;users.drivers.ldap.user_schema.id_is_octet_string;graph.identity.ldap.user_id_is_octet_string" default:"false" doc:"The id is 16 bytes, as in Active Directory."`
	UserName      string `yaml:"user_name_attribute" env:"OC_LDAP_USER_SCHEMA_USERNAME;AUTH_BASIC_LDAP_USER_SCHEMA_USERNAME;USERS_LDAP_USER_SCHEMA_USERNAME;GRAPH_LDAP_USER_NAME_ATTRIBUTE" global:"auth_basic.auth_providers.ldap.user_schema.user_name;users.drivers.ldap.user_schema.user_name;graph.identity.ldap.user_name_attribute" default:"uid" doc:"Attribute with the user name: uid, sAMAccountName."`
	UserMail      string `yaml:"user_mail_attribute" env:"OC_LDAP_USER_SCHEMA_MAIL;IDP_LDAP_EMAIL_ATTRIBUTE;AUTH_BASIC_LDAP_USER_SCHEMA_MAIL;USERS_LDAP_USER_SCHEMA_MAIL;GRAPH_LDAP_USER_EMAIL_ATTRIBUTE" global:"idp.ldap.email_attribute;auth_basic.auth_providers.ldap.user_schema.mail;users.drivers.ldap.user_schema.mail;graph.identity.ldap.user_mail_attribute" default:"mail" doc:"Attribute with the mail address."`
	UserDisplay   string `yaml:"user_displayname_attribute" env:"OC_LDAP_USER_SCHEMA_DISPLAYNAME;IDP_LDAP_NAME_ATTRIBUTE;AUTH_BASIC_LDAP_USER_SCHEMA_DISPLAYNAME;USERS_LDAP_USER_SCHEMA_DISPLAYNAME;GRAPH_LDAP_USER_DISPLAYNAME_ATTRIBUTE" global:"idp.ldap.name_attribute;auth_basic.auth_providers.ldap.user_schema.display_name;users.drivers.ldap.user_schema.display_name;graph.identity.ldap.user_displayname_attribute" default:"displayName" doc:"Attribute with the name that is shown."`
	UserType      string `yaml:"user_type_attribute" env:"OC_LDAP_USER_SCHEMA_USER_TYPE;USERS_LDAP_USER_TYPE_ATTRIBUTE;GRAPH_LDAP_USER_TYPE_ATTRIBUTE" global:"users.drivers.ldap.user_type_attribute;graph.identity.ldap.user_type_attribute" default:"openCloudUserType" doc:"Attribute with Member or Guest. Empty: all are members."`
	UserEnabled   string `yaml:"user_enabled_attribute" env:"OC_LDAP_USER_ENABLED_ATTRIBUTE;IDP_USER_ENABLED_ATTRIBUTE;AUTH_BASIC_LDAP_USER_ENABLED_ATTRIBUTE;USERS_LDAP_USER_ENABLED_ATTRIBUTE;GRAPH_USER_ENABLED_ATTRIBUTE" global:"idp.ldap.user_enabled_attribute;auth_basic.auth_providers.ldap.user_enabled_attribute;users.drivers.ldap.user_enabled_attribute;graph.identity.ldap.user_enabled_attribute" default:"openCloudUserEnabled" doc:"Attribute that is FALSE for those who may not sign in."`
	Mechanism     string `yaml:"disable_user_mechanism" env:"OC_LDAP_DISABLE_USER_MECHANISM;AUTH_BASIC_DISABLE_USER_MECHANISM;USERS_LDAP_DISABLE_USER_MECHANISM;GRAPH_DISABLE_USER_MECHANISM" global:"auth_basic.auth_providers.ldap.disable_user_mechanism;users.drivers.ldap.disable_user_mechanism;graph.identity.ldap.disable_user_mechanism" default:"attribute" doc:"What tells who may not sign in: attribute, group, or none."`
	DisabledGroup string `yaml:"ldap_disabled_users_group_dn" env:"OC_LDAP_DISABLED_USERS_GROUP_DN;AUTH_BASIC_DISABLED_USERS_GROUP_DN;USERS_LDAP_DISABLED_USERS_GROUP_DN;GRAPH_DISABLED_USERS_GROUP_DN" global:"auth_basic.auth_providers.ldap.ldap_disabled_users_group_dn;users.drivers.ldap.ldap_disabled_users_group_dn;graph.identity.ldap.ldap_disabled_users_group_dn" default:"cn=DisabledUsersGroup,ou=groups,o=libregraph-idm" doc:"With group: the group of those who may not sign in."`
	UserSubstring string `yaml:"user_substring_filter_type" env:"LDAP_USER_SUBSTRING_FILTER_TYPE;OC_LDAP_USER_SUBSTRING_FILTER_TYPE;USERS_LDAP_USER_SUBSTRING_FILTER_TYPE" global:"users.drivers.ldap.user_substring_filter_type" default:"any" doc:"Where in a name a searched text may stand: any, initial (fast in large directories) or final."`

	LoginAttributes []string `yaml:"login_attributes" env:"LDAP_LOGIN_ATTRIBUTES;IDP_LDAP_LOGIN_ATTRIBUTE;AUTH_BASIC_LDAP_LOGIN_ATTRIBUTES" global:"auth_basic.auth_providers.ldap.login_attributes" doc:"Attributes by which people sign in, such as uid,mail. Empty: the user name."`

	GroupBase      string `yaml:"group_base_dn" env:"OC_LDAP_GROUP_BASE_DN;AUTH_BASIC_LDAP_GROUP_BASE_DN;USERS_LDAP_GROUP_BASE_DN;GROUPS_LDAP_GROUP_BASE_DN;GRAPH_LDAP_GROUP_BASE_DN" global:"users.drivers.ldap.group_base_dn;groups.drivers.ldap.group_base_dn;graph.identity.ldap.group_base_dn" default:"ou=groups,o=libregraph-idm" doc:"Below which groups are. Empty: there are none."`
	GroupScope     string `yaml:"group_search_scope" env:"OC_LDAP_GROUP_SCOPE;USERS_LDAP_GROUP_SCOPE;GROUPS_LDAP_GROUP_SCOPE;GRAPH_LDAP_GROUP_SEARCH_SCOPE" global:"users.drivers.ldap.group_scope;groups.drivers.ldap.group_scope;graph.identity.ldap.group_search_scope" default:"sub" doc:"How deep: base, one or sub."`
	GroupFilter    string `yaml:"group_filter" env:"OC_LDAP_GROUP_FILTER;USERS_LDAP_GROUP_FILTER;GROUPS_LDAP_GROUP_FILTER;GRAPH_LDAP_GROUP_FILTER" global:"users.drivers.ldap.group_filter;groups.drivers.ldap.group_filter;graph.identity.ldap.group_filter" doc:"A further condition on groups."`
	GroupClass     string `yaml:"group_objectclass" env:"OC_LDAP_GROUP_OBJECTCLASS;USERS_LDAP_GROUP_OBJECTCLASS;GROUPS_LDAP_GROUP_OBJECTCLASS;GRAPH_LDAP_GROUP_OBJECTCLASS" global:"users.drivers.ldap.group_object_class;groups.drivers.ldap.group_object_class;graph.identity.ldap.group_objectclass" default:"groupOfNames" doc:"Class of groups."`
	GroupID        string `yaml:"group_id_attribute" env:"OC_LDAP_GROUP_SCHEMA_ID;USERS_LDAP_GROUP_SCHEMA_ID;GROUPS_LDAP_GROUP_SCHEMA_ID;GRAPH_LDAP_GROUP_ID_ATTRIBUTE" global:"users.drivers.ldap.group_schema.id;groups.drivers.ldap.group_schema.id;graph.identity.ldap.group_id_attribute" default:"openCloudUUID" doc:"Attribute with their id, which must never change."`
	GroupIDBinary  bool   `yaml:"group_id_is_octet_string" env:"OC_LDAP_GROUP_SCHEMA_ID_IS_OCTETSTRING;USERS_LDAP_GROUP_SCHEMA_ID_IS_OCTETSTRING;GROUPS_LDAP_GROUP_SCHEMA_ID_IS_OCTETSTRING;GRAPH_LDAP_GROUP_SCHEMA_ID_IS_OCTETSTRING" global:"users.drivers.ldap.group_schema.id_is_octet_string;groups.drivers.ldap.group_schema.id_is_octet_string;graph.identity.ldap.group_id_is_octet_string" default:"false" doc:"The id is 16 bytes, as in Active Directory."`
	GroupName      string `yaml:"group_name_attribute" env:"OC_LDAP_GROUP_SCHEMA_DISPLAYNAME;OC_LDAP_GROUP_SCHEMA_GROUPNAME;USERS_LDAP_GROUP_SCHEMA_GROUPNAME;GROUPS_LDAP_GROUP_SCHEMA_GROUPNAME;GRAPH_LDAP_GROUP_NAME_ATTRIBUTE" global:"users.drivers.ldap.group_schema.group_name;groups.drivers.ldap.group_schema.group_name;graph.identity.ldap.group_name_attribute" default:"cn" doc:"Attribute with their name."`
	GroupMember    string `yaml:"group_member_attribute" env:"OC_LDAP_GROUP_SCHEMA_MEMBER;USERS_LDAP_GROUP_SCHEMA_MEMBER;GROUPS_LDAP_GROUP_SCHEMA_MEMBER;GRAPH_LDAP_GROUP_MEMBER_ATTRIBUTE" global:"users.drivers.ldap.group_schema.member;groups.drivers.ldap.group_schema.member;graph.identity.ldap.group_member_attribute" default:"member" doc:"Attribute with the names (DN) of their members: member, uniqueMember."`
	GroupSubstring string `yaml:"group_substring_filter_type" env:"LDAP_GROUP_SUBSTRING_FILTER_TYPE;OC_LDAP_GROUP_SUBSTRING_FILTER_TYPE;GROUPS_LDAP_GROUP_SUBSTRING_FILTER_TYPE" global:"groups.drivers.ldap.group_substring_filter_type" default:"any" doc:"As user_substring_filter_type, for groups."`

	Write           bool   `yaml:"write_enabled" env:"OC_LDAP_SERVER_WRITE_ENABLED;GRAPH_LDAP_SERVER_WRITE_ENABLED" global:"graph.identity.ldap.write_enabled" default:"true" doc:"Administrators may change people and groups there."`
	ServerID        bool   `yaml:"use_server_uuid" env:"GRAPH_LDAP_SERVER_UUID" global:"graph.identity.ldap.use_server_uuid" default:"false" doc:"The directory makes the ids itself (entryUUID)."`
	PasswordExop    bool   `yaml:"use_password_modify_exop" env:"GRAPH_LDAP_SERVER_USE_PASSWORD_MODIFY_EXOP" global:"graph.identity.ldap.use_password_modify_exop" default:"true" doc:"Set passwords by the operation of RFC 3062, so that the directory hashes them; false: write userPassword."`
	Refint          bool   `yaml:"refint_enabled" env:"GRAPH_LDAP_REFINT_ENABLED" global:"graph.identity.ldap.refint_enabled" default:"false" doc:"The directory itself takes people who are deleted or renamed out of groups."`
	GroupCreateBase string `yaml:"group_create_base_dn" env:"GRAPH_LDAP_GROUP_CREATE_BASE_DN" global:"graph.identity.ldap.group_create_base_dn" doc:"Where new groups are made; groups elsewhere are read-only. Empty: group_base_dn."`
}

// External tells whether the directory is somebody else's; excluded that the embedded one shall not run.
func (c Config) External(excluded bool) bool {
	if c.Client.URI == "" {
		return false
	}
	if excluded {
		return true
	}
	u, err := url.Parse(c.Client.URI)
	if err != nil {
		return true // and an error when it is opened
	}
	host, port := u.Hostname(), u.Port()
	ip := net.ParseIP(host)
	here := host == "localhost" || ip != nil && ip.IsLoopback()
	original := port == "9235" || port == "9236"
	return !here || !original || !strings.HasSuffix(strings.ToLower(strings.ReplaceAll(c.Client.UserBase, " ", "")), "o=libregraph-idm")
}

func (c LDAPClient) options() ldapdir.Options {
	return ldapdir.Options{URI: c.URI, BindDN: c.BindDN, BindPassword: c.BindPassword, CACert: c.CACert, Insecure: c.Insecure,
		UserBase: c.UserBase, UserScope: c.UserScope, UserFilter: c.UserFilter, LoginFilter: c.LoginFilter, UserClass: c.UserClass, UserID: c.UserID, UserIDBinary: c.UserIDBinary,
		UserName: c.UserName, UserMail: c.UserMail, UserDisplay: c.UserDisplay, UserType: c.UserType, UserEnabled: c.UserEnabled, Mechanism: c.Mechanism,
		DisabledGroup: c.DisabledGroup, UserSubstring: c.UserSubstring, LoginAttributes: c.LoginAttributes,
		GroupBase: c.GroupBase, GroupScope: c.GroupScope, GroupFilter: c.GroupFilter, GroupClass: c.GroupClass, GroupID: c.GroupID, GroupIDBinary: c.GroupIDBinary,
		GroupName: c.GroupName, GroupMember: c.GroupMember, GroupSubstring: c.GroupSubstring,
		Write: c.Write, ServerID: c.ServerID, PasswordExop: c.PasswordExop, Refint: c.Refint, GroupCreateBase: c.GroupCreateBase}
}
