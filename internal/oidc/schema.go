package oidc

const component = "oidc"

// Times are Unix nanoseconds; hashes are SHA-256 in hexadecimal.
func schema() []string {
	return []string{`
CREATE TABLE oidc_sessions(
	id TEXT PRIMARY KEY, kind TEXT NOT NULL, cookie TEXT NOT NULL, uid TEXT NOT NULL, client TEXT NOT NULL, scopes TEXT NOT NULL, agent TEXT NOT NULL,
	address TEXT NOT NULL, created BIGINT NOT NULL, seen BIGINT NOT NULL, expires BIGINT NOT NULL, authenticated BIGINT NOT NULL, methods TEXT NOT NULL,
	pending BIGINT NOT NULL, flow TEXT NOT NULL);
CREATE INDEX oidc_sessions_cookie ON oidc_sessions(cookie);
CREATE INDEX oidc_sessions_uid ON oidc_sessions(uid);
CREATE INDEX oidc_sessions_expires ON oidc_sessions(expires);
CREATE TABLE oidc_codes(hash TEXT PRIMARY KEY, session TEXT NOT NULL, request TEXT NOT NULL, issued TEXT NOT NULL, created BIGINT NOT NULL, used BIGINT NOT NULL);
CREATE INDEX oidc_codes_created ON oidc_codes(created);
CREATE TABLE oidc_refresh(hash TEXT PRIMARY KEY, session TEXT NOT NULL, created BIGINT NOT NULL, replaced BIGINT NOT NULL);
CREATE INDEX oidc_refresh_session ON oidc_refresh(session);
CREATE TABLE oidc_consents(uid TEXT NOT NULL, client TEXT NOT NULL, scopes TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY(uid, client));
`, `
CREATE TABLE oidc_ended(token TEXT PRIMARY KEY, at BIGINT NOT NULL);
CREATE INDEX oidc_ended_at ON oidc_ended(at);
`}
}
