// Package tree is the index: the truth about which files and folders there are, where they stand, how large they are, who
// may do what with them and what changed when. It knows nothing of content or disks.
//
// Invariants (Check verifies them):
//   - A node's parent is a folder of the same space, or one of the sentinels below; siblings have different names.
//   - A folder's size is the sum of its children's; its seq and mtime are at least those of every live node below it.
//   - Every change of a live node gives it, and all its ancestors, the space's next seq, and writes one journal row. A node
//     that is moved, trashed or restored keeps its own seq (so its ETag); its old and new ancestors get the new one.
package tree

import "opencloud/internal/platform/db"

// Component names the index's schema in the database.
const Component = "tree"

// Sentinel parents. The names of nodes below them are their ids.
const (
	RootParent  = ""  // roots of spaces
	TrashParent = "~" // trashed nodes; their subtrees stay attached to them
	Limbo       = "?" // vanished from the disk; revived when they turn up elsewhere, else removed
	Graveyard   = "!" // being removed for good
)

// Flags tell that a side table has rows for the node, so that the others need not be asked.
const (
	FlagGrants int64 = 1 << iota
	FlagLocks
	FlagTags
	FlagProps
	FlagFavorites
	FlagVersions
	FlagThinned // no table: something was purged from the folder while it was in the trash
)

// Schema returns the migrations of the index.
func Schema() []string {
	return []string{`
CREATE TABLE spaces(
	id TEXT PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, alias TEXT NOT NULL, description TEXT NOT NULL, owner TEXT NOT NULL,
	quota BIGINT NOT NULL, image TEXT NOT NULL, readme TEXT NOT NULL, dir TEXT NOT NULL, disabled BIGINT NOT NULL, created BIGINT NOT NULL,
	held TEXT NOT NULL, confirmed BIGINT NOT NULL);
CREATE TABLE nodes(
	id TEXT NOT NULL, space TEXT NOT NULL, parent TEXT NOT NULL, name BLOB NOT NULL, kind BIGINT NOT NULL, size BIGINT NOT NULL,
	mtime BIGINT NOT NULL, seq BIGINT NOT NULL, sums BLOB, ino BIGINT NOT NULL, flags BIGINT NOT NULL,
	PRIMARY KEY(parent, name)) WITHOUT ROWID;
CREATE UNIQUE INDEX nodes_id ON nodes(id);
CREATE INDEX nodes_unhashed ON nodes(id) WHERE sums IS NULL AND kind=1;
CREATE TABLE versions(
	node TEXT NOT NULL, key TEXT NOT NULL, size BIGINT NOT NULL, mtime BIGINT NOT NULL, seq BIGINT NOT NULL, sums BLOB, created BIGINT NOT NULL,
	PRIMARY KEY(node, key)) WITHOUT ROWID;
CREATE TABLE trash(
	node TEXT PRIMARY KEY, space TEXT NOT NULL, parent TEXT NOT NULL, name BLOB NOT NULL, path BLOB NOT NULL, deleted BIGINT NOT NULL, actor TEXT NOT NULL);
CREATE INDEX trash_space ON trash(space, deleted);
CREATE TABLE grants(
	node TEXT NOT NULL, kind BIGINT NOT NULL, grantee TEXT NOT NULL, space TEXT NOT NULL, permissions BIGINT NOT NULL, expires BIGINT NOT NULL,
	creator TEXT NOT NULL, created BIGINT NOT NULL, PRIMARY KEY(node, kind, grantee)) WITHOUT ROWID;
CREATE INDEX grants_grantee ON grants(kind, grantee, space);
CREATE TABLE locks(
	token TEXT NOT NULL, node TEXT NOT NULL, space TEXT NOT NULL, shared BIGINT NOT NULL, infinite BIGINT NOT NULL, owner TEXT NOT NULL,
	uid TEXT NOT NULL, username TEXT NOT NULL, app TEXT NOT NULL, timeout BIGINT NOT NULL, created BIGINT NOT NULL, expires BIGINT NOT NULL,
	PRIMARY KEY(node, token)) WITHOUT ROWID;
CREATE INDEX locks_space ON locks(space);
CREATE TABLE props(
	node TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, attrs TEXT NOT NULL, PRIMARY KEY(node, ns, name)) WITHOUT ROWID;
CREATE TABLE tags(node TEXT NOT NULL, tag TEXT NOT NULL, PRIMARY KEY(node, tag)) WITHOUT ROWID;
CREATE TABLE favorites(uid TEXT NOT NULL, node TEXT NOT NULL, PRIMARY KEY(uid, node)) WITHOUT ROWID;
CREATE INDEX favorites_node ON favorites(node);
CREATE TABLE uploads(
	id TEXT PRIMARY KEY, space TEXT NOT NULL, parent TEXT NOT NULL, path TEXT NOT NULL, length BIGINT NOT NULL, request TEXT NOT NULL,
	uid TEXT NOT NULL, actor TEXT NOT NULL, created BIGINT NOT NULL, expires BIGINT NOT NULL);
CREATE TABLE journal(
	space TEXT NOT NULL, seq BIGINT NOT NULL, op TEXT NOT NULL, node TEXT NOT NULL, kind BIGINT NOT NULL, parent TEXT NOT NULL, name BLOB NOT NULL,
	oldparent TEXT NOT NULL, oldname BLOB NOT NULL, actor TEXT NOT NULL, initiator TEXT NOT NULL, time BIGINT NOT NULL,
	PRIMARY KEY(space, seq)) WITHOUT ROWID;
CREATE TABLE pending(id INTEGER PRIMARY KEY AUTOINCREMENT, op TEXT NOT NULL);
`, `
CREATE INDEX grants_space ON grants(space);
CREATE INDEX grants_creator ON grants(creator);
`, `CREATE INDEX grants_expires ON grants(expires) WHERE expires<>0`}
}

var _ db.Reader = db.Tx(nil)
