package web

import (
	"time"

	"opencloud/internal/platform/config"
)

// Config of the service. (spec/identity.md §12, spec/services.md §18.1)
type Config struct {
	HTTP  Listener     `yaml:"http" addr:"127.0.0.1:9100"`
	Debug config.Debug `yaml:"debug" addr:"127.0.0.1:9104"`
	Log   config.Log   `yaml:"log"`

	Asset Assets `yaml:"asset"`
	Data  string `yaml:"data_path" env:"WEB_DATA_PATH" default:"{DATA}/web" doc:"Folder in which the announcement is kept."`
	File  string `yaml:"file" env:"WEB_UI_CONFIG_FILE" doc:"JSON file that is served as config.json in place of all below web.config."`
	Web   Web    `yaml:"web"`
}

// Listener is the web listener.
type Listener struct {
	config.HTTP
	CacheTTL time.Duration `yaml:"cache_ttl" env:"WEB_CACHE_TTL" default:"604800" doc:"How long browsers keep files without asking, whose names stay the same when they change (seconds)."`
}

// Assets are folders of the operator.
type Assets struct {
	Core   string `yaml:"core_path" env:"WEB_ASSET_CORE_PATH" default:"{DATA}/web/assets/core" doc:"Folder of a browser client that is served in place of the built-in one. Without index.html, its files take the place of built-in ones of the same name."`
	Themes string `yaml:"themes_path" env:"WEB_ASSET_THEMES_PATH" default:"{DATA}/web/assets/themes" doc:"Folder of themes; an uploaded logo is kept there too."`
	Apps   string `yaml:"apps_path" env:"WEB_ASSET_APPS_PATH" default:"{DATA}/web/assets/apps" doc:"Folder of extensions of the browser client."`
}

// Web is what the browser client is told.
type Web struct {
	ThemeServer string   `yaml:"theme_server" env:"OC_URL;WEB_UI_THEME_SERVER" global:"opencloud_url" default:"https://localhost:9200" doc:"Server of the theme."`
	ThemePath   string   `yaml:"theme_path" env:"WEB_UI_THEME_PATH" default:"/themes/opencloud/theme.json" doc:"Path of the theme."`
	Config      UIConfig `yaml:"config"`
}

// UIConfig is config.json.
type UIConfig struct {
	Server       string        `yaml:"server" env:"OC_URL;WEB_UI_CONFIG_SERVER" global:"opencloud_url" default:"https://localhost:9200" json:"server" doc:"Address of the server."`
	Theme        string        `yaml:"theme" json:"theme" doc:"Address of the theme, in place of theme_server and theme_path."`
	OIDC         OIDC          `yaml:"oidc" json:"openIdConnect"`
	Apps         []string      `yaml:"apps" env:"WEB_UI_CORE_APPS" default:"files,search,text-editor,pdf-viewer,external,admin-settings,epub-reader,preview,app-store,rclone-crypt" json:"apps" doc:"Built-in parts of the client."`
	Applications []Application `yaml:"applications" json:"applications,omitempty" doc:"Further entries of the menu."`
	ExternalApps []ExternalApp `yaml:"external_apps" json:"external_apps,omitempty" doc:"Extensions from elsewhere, beside those in the folder of extensions."`
	Translations []Translation `yaml:"custom_translations" json:"customTranslations,omitempty" doc:"Translations that replace built-in ones."`
	Styles       []Style       `yaml:"styles" json:"styles,omitempty" doc:"Further style sheets."`
	Scripts      []Script      `yaml:"scripts" json:"scripts,omitempty" doc:"Further scripts."`
	Options      UIOptions     `yaml:"options" json:"options"`
}

// OIDC tells browsers where people sign in; what webfinger says counts more.
type OIDC struct {
	MetadataURL           string `yaml:"metadata_url" env:"WEB_OIDC_METADATA_URL" json:"metadata_url" doc:"Discovery document; by default that of the authority."`
	Authority             string `yaml:"authority" env:"OC_URL;OC_OIDC_ISSUER;WEB_OIDC_AUTHORITY" global:"opencloud_url" default:"https://localhost:9200" json:"authority" doc:"Address of the identity provider."`
	ClientID              string `yaml:"client_id" env:"OC_OIDC_CLIENT_ID;WEB_OIDC_CLIENT_ID" default:"web" json:"client_id" doc:"Client id of browsers."`
	ResponseType          string `yaml:"response_type" env:"WEB_OIDC_RESPONSE_TYPE" default:"code" json:"response_type" doc:"OAuth 2.0 response type."`
	Scope                 string `yaml:"scope" env:"OC_OIDC_CLIENT_SCOPES;WEB_OIDC_SCOPE" default:"openid profile email" json:"scope" doc:"Scopes browsers ask for."`
	PostLogoutRedirectURI string `yaml:"post_logout_redirect_uri" env:"WEB_OIDC_POST_LOGOUT_REDIRECT_URI" json:"post_logout_redirect_uri" doc:"Where people get to after signing out."`
}

// Application is an entry of the menu.
type Application struct {
	Icon   string            `yaml:"icon" json:"icon,omitempty" doc:"Name of an icon."`
	Target string            `yaml:"target" json:"target,omitempty" doc:"_blank opens a new tab."`
	Title  map[string]string `yaml:"title" json:"title,omitempty" doc:"Name by language."`
	Menu   string            `yaml:"menu" json:"menu,omitempty" doc:"Which menu."`
	URL    string            `yaml:"url" json:"url,omitempty" doc:"Address."`
}

// ExternalApp is an extension.
type ExternalApp struct {
	ID     string `yaml:"id" json:"id,omitempty" doc:"Id."`
	Path   string `yaml:"path" json:"path,omitempty" doc:"Address of its entry point."`
	Config any    `yaml:"config" json:"config,omitempty" doc:"Its own configuration."`
}

// Translation is a file of translations.
type Translation struct {
	URL string `yaml:"url" json:"url" doc:"Address of the file."`
}

// Style is a style sheet.
type Style struct {
	Href string `yaml:"href" json:"href" doc:"Address."`
}

// Script is a script.
type Script struct {
	Src   string `yaml:"src" json:"src" doc:"Address."`
	Async bool   `yaml:"async" json:"async,omitempty" doc:"Do not wait for it."`
}

// UIOptions are the options of the client. Those that are not set are not sent, except for those that are on by default.
type UIOptions struct {
	AccountEditLink        link       `yaml:"accountEditLink" json:"accountEditLink,omitzero"`
	ConcurrentRequests     concurrent `yaml:"concurrentRequests" json:"concurrentRequests,omitzero"`
	ContextHelpers         bool       `yaml:"contextHelpers" env:"WEB_OPTION_CONTEXTHELPERS" default:"true" json:"contextHelpers" doc:"Offer help beside what needs it."`
	ContextHelpersReadMore bool       `yaml:"contextHelpersReadMore" env:"WEB_OPTION_CONTEXTHELPERS_READ_MORE" default:"true" json:"contextHelpersReadMore" doc:"With links to more."`
	DefaultAppID           string     `yaml:"defaultAppId" env:"WEB_OPTION_DEFAULT_APP_ID" json:"defaultAppId,omitempty" doc:"App that people start with; files."`
	DisabledExtensions     []string   `yaml:"disabledExtensions" env:"WEB_OPTION_DISABLED_EXTENSIONS" json:"disabledExtensions,omitempty" doc:"Ids of extensions that are left out."`
	DisableFeedbackLink    bool       `yaml:"disableFeedbackLink" env:"WEB_OPTION_DISABLE_FEEDBACK_LINK" default:"false" json:"disableFeedbackLink,omitempty" doc:"No link for feedback."`
	DisableSponsorLink     bool       `yaml:"disableSponsorLink" env:"WEB_OPTION_DISABLE_SPONSOR_LINK" default:"false" json:"disableSponsorLink,omitempty" doc:"No link for sponsors."`
	Editor                 editor     `yaml:"editor" json:"editor,omitzero"`
	Embed                  embedding  `yaml:"embed" json:"embed"`
	FeedbackLink           feedback   `yaml:"feedbackLink" json:"feedbackLink,omitzero"`
	HideLogo               bool       `yaml:"hideLogo" env:"WEB_OPTION_HIDE_LOGO" default:"false" json:"hideLogo,omitempty" doc:"No logo."`
	LoginURL               string     `yaml:"loginUrl" env:"WEB_OPTION_LOGIN_URL" json:"loginUrl,omitempty" doc:"Where those get to whose session has ended."`
	LogoutURL              string     `yaml:"logoutUrl" env:"WEB_OPTION_LOGOUT_URL" json:"logoutUrl,omitempty" doc:"Page of the identity provider where people manage their sessions."`
	Mode                   string     `yaml:"mode" env:"WEB_OPTION_MODE" json:"mode,omitempty" doc:"Mode of the client."`
	OpenFilesInNewTab      bool       `yaml:"openFilesInNewTab" env:"WEB_OPTION_OPEN_FILES_IN_NEW_TAB" default:"false" json:"openFilesInNewTab,omitempty" doc:"Open files in a new tab."`
	OxAppSuite             oxAppSuite `yaml:"oxAppSuite" json:"oxAppSuite,omitzero"`
	RunningOnEOS           bool       `yaml:"runningOnEos" env:"WEB_OPTION_RUNNING_ON_EOS" default:"false" json:"runningOnEos,omitempty" doc:"Accepted for compatibility."`
	TokenStorageLocal      bool       `yaml:"tokenStorageLocal" env:"WEB_OPTION_TOKEN_STORAGE_LOCAL" default:"true" json:"tokenStorageLocal" doc:"Stay signed in across tabs."`
	Upload                 upload     `yaml:"upload" json:"upload,omitzero"`
	UserListRequiresFilter bool       `yaml:"userListRequiresFilter" env:"WEB_OPTION_USER_LIST_REQUIRES_FILTER" default:"false" json:"userListRequiresFilter,omitempty" doc:"List users only when a filter is set."`
	YjsServerURL           string     `yaml:"yjsServerUrl" env:"WEB_OPTION_YJS_SERVER_URL" json:"yjsServerUrl,omitempty" doc:"Server by which people write a text together."`
}

type link struct {
	Href string `yaml:"href" env:"WEB_OPTION_ACCOUNT_EDIT_LINK_HREF" json:"href,omitempty" doc:"Where people edit their account."`
}

type concurrent struct {
	ResourceBatchActions int              `yaml:"resourceBatchActions" env:"WEB_OPTION_CONCURRENT_REQUESTS_RESOURCE_BATCH_ACTIONS" json:"resourceBatchActions,omitempty" doc:"How many files are worked on at once; 4."`
	SSE                  int              `yaml:"sse" env:"WEB_OPTION_CONCURRENT_REQUESTS_SSE" json:"sse,omitempty" doc:"How many requests events lead to at once; 4."`
	Avatars              int              `yaml:"avatars" env:"WEB_OPTION_CONCURRENT_REQUESTS_AVATARS" json:"avatars,omitempty" doc:"How many photos are fetched at once; 4."`
	Shares               concurrentShares `yaml:"shares" json:"shares,omitzero"`
}

type concurrentShares struct {
	Create int `yaml:"create" env:"WEB_OPTION_CONCURRENT_REQUESTS_SHARES_CREATE" json:"create,omitempty" doc:"How many shares are made at once; 4."`
	List   int `yaml:"list" env:"WEB_OPTION_CONCURRENT_REQUESTS_SHARES_LIST" json:"list,omitempty" doc:"How many lists of shares are fetched at once; 2."`
}

type editor struct {
	AutosaveEnabled  bool `yaml:"autosaveEnabled" env:"WEB_OPTION_EDITOR_AUTOSAVE_ENABLED" json:"autosaveEnabled,omitempty" doc:"Save texts from time to time."`
	AutosaveInterval int  `yaml:"autosaveInterval" env:"WEB_OPTION_EDITOR_AUTOSAVE_INTERVAL" json:"autosaveInterval,omitempty" doc:"How often (seconds)."`
	OpenAsPreview    bool `yaml:"openAsPreview" env:"WEB_OPTION_EDITOR_OPEN_AS_PREVIEW" json:"openAsPreview,omitempty" doc:"Open files for reading first."`
}

type embedding struct {
	Enabled                      bool   `yaml:"enabled" env:"WEB_OPTION_EMBED_ENABLED" json:"enabled,omitempty" doc:"Run as part of another page."`
	Target                       string `yaml:"target" env:"WEB_OPTION_EMBED_TARGET" json:"target,omitempty" doc:"What is chosen: resources, location or file."`
	MessagesOrigin               string `yaml:"messagesOrigin" env:"WEB_OPTION_EMBED_MESSAGES_ORIGIN" json:"messagesOrigin,omitempty" doc:"Origin of the other page."`
	DelegateAuthentication       bool   `yaml:"delegateAuthentication" env:"WEB_OPTION_EMBED_DELEGATE_AUTHENTICATION" json:"delegateAuthentication,omitempty" doc:"The other page signs people in."`
	DelegateAuthenticationOrigin string `yaml:"delegateAuthenticationOrigin" env:"WEB_OPTION_EMBED_DELEGATE_AUTHENTICATION_ORIGIN" json:"delegateAuthenticationOrigin,omitempty" doc:"Origin of the page that does."`
}

type feedback struct {
	Href        string `yaml:"href" env:"WEB_OPTION_FEEDBACKLINK_HREF" json:"href,omitempty" doc:"Where feedback goes."`
	AriaLabel   string `yaml:"ariaLabel" env:"WEB_OPTION_FEEDBACKLINK_ARIALABEL" json:"ariaLabel,omitempty" doc:"Its name for screen readers."`
	Description string `yaml:"description" env:"WEB_OPTION_FEEDBACKLINK_DESCRIPTION" json:"description,omitempty" doc:"Its description."`
}

type oxAppSuite struct {
	Enabled bool   `yaml:"enabled" env:"WEB_OPTION_OX_APP_SUITE_ENABLED" json:"enabled,omitempty" doc:"Work together with this groupware."`
	APIURL  string `yaml:"apiUrl" env:"WEB_OPTION_OX_APP_SUITE_API_URL" json:"apiUrl,omitempty" doc:"Its address."`
}

type upload struct {
	CompanionURL string `yaml:"companionUrl" env:"WEB_OPTION_UPLOAD_COMPANION_URL" json:"companionUrl,omitempty" doc:"Server that fetches files from other clouds."`
}
