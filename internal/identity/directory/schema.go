// Package directory is the embedded directory of accounts and groups, in SQL.
//
// Every row has the lower-case forms of its names beside them, so that look-ups pay no regard to case in either database.
// Whoever caches what comes from here compares Generation: it grows with every change made through this Directory, before
// the call that made the change returns.
package directory

// component names the schema in the database.
const component = "directory"

func schema() []string {
	return []string{`
CREATE TABLE directory_users(
	id TEXT PRIMARY KEY, username TEXT NOT NULL, username_key TEXT NOT NULL UNIQUE, display_name TEXT NOT NULL, given_name TEXT NOT NULL,
	surname TEXT NOT NULL, mail TEXT NOT NULL, mail_key TEXT NOT NULL, search TEXT NOT NULL, language TEXT NOT NULL, type TEXT NOT NULL,
	enabled BIGINT NOT NULL, issuer TEXT NOT NULL, roles TEXT NOT NULL, password TEXT NOT NULL, secret BIGINT NOT NULL,
	created BIGINT NOT NULL, changed BIGINT NOT NULL);
CREATE INDEX directory_users_mail ON directory_users(mail_key);
CREATE TABLE directory_groups(
	id TEXT PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE, created BIGINT NOT NULL, changed BIGINT NOT NULL);
CREATE TABLE directory_members(grp TEXT NOT NULL, uid TEXT NOT NULL, PRIMARY KEY(grp, uid));
CREATE INDEX directory_members_uid ON directory_members(uid, grp);
CREATE TABLE directory_done(what TEXT PRIMARY KEY);
`}
}
