// Package directory is the embedded directory of accounts and groups, in SQL.
//
// Every row has the lower-case forms of its names beside them, so that look-ups pay no regard to case in either database.
// Whoever caches what comes from here compares Generation: it grows with every change made through this Directory, before
// the call that made the change returns, and within a second with every change that another process made.
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
`, `
ALTER TABLE directory_users ADD COLUMN external_id TEXT NOT NULL DEFAULT '';
ALTER TABLE directory_users ADD COLUMN primary_role TEXT NOT NULL DEFAULT '';
ALTER TABLE directory_users ADD COLUMN password_changed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE directory_users ADD COLUMN deleted BIGINT NOT NULL DEFAULT 0;
CREATE TABLE directory_identities(issuer TEXT NOT NULL, subject TEXT NOT NULL, uid TEXT NOT NULL, PRIMARY KEY(issuer, subject));
CREATE INDEX directory_identities_uid ON directory_identities(uid);
CREATE TABLE directory_sets(
	id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, name_key TEXT NOT NULL, description TEXT NOT NULL, classification TEXT NOT NULL,
	number TEXT NOT NULL, external_id TEXT NOT NULL, terminates BIGINT NOT NULL, created BIGINT NOT NULL, changed BIGINT NOT NULL,
	UNIQUE(kind, name_key));
INSERT INTO directory_sets SELECT id, '', name, name_key, '', '', '', '', 0, created, changed FROM directory_groups;
DROP TABLE directory_groups;
CREATE TABLE directory_belongs(grp TEXT NOT NULL, member TEXT NOT NULL, role TEXT NOT NULL, PRIMARY KEY(grp, role, member));
CREATE INDEX directory_belongs_member ON directory_belongs(member, role, grp);
INSERT INTO directory_belongs SELECT grp, uid, '' FROM directory_members;
DROP TABLE directory_members;
`, `
CREATE TABLE directory_state(one BIGINT PRIMARY KEY, generation BIGINT NOT NULL);
INSERT INTO directory_state(one, generation) VALUES(1, 0);
`}
}
