package db

import (
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"
)

// maxStatements bounds how many statements a connection keeps prepared.
const maxStatements = 300

// statement is a prepared statement; busy while somebody steps through it.
type statement struct {
	*sqlite.Stmt
	busy bool
	kept bool
}

// statements are the prepared ones of a connection. The same text may run inside of itself (a recursion over folders):
// the inner one gets a statement of its own, which is not kept.
type statements struct {
	conn *sqlite.Conn
	kept map[string]*statement
}

func (s *statements) take(sql string) (*statement, error) {
	st := s.kept[sql]
	if st != nil && !st.busy {
		st.busy = true
		return st, nil
	}
	stmt, _, err := s.conn.PrepareTransient(sql)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", sqliteError(err), strings.Join(strings.Fields(sql), " "))
	}
	nested := st != nil
	st = &statement{Stmt: stmt, busy: true, kept: !nested}
	if !nested {
		if s.kept == nil {
			s.kept = map[string]*statement{}
		}
		s.shrink()
		s.kept[sql] = st
	}
	return st, nil
}

// give ends a run.
func (s *statements) give(st *statement) {
	if !st.kept {
		st.Finalize()
		return
	}
	st.Reset()
	st.busy = false
}

// shrink makes room for one more; which statement goes is left to chance.
func (s *statements) shrink() {
	for sql, st := range s.kept {
		if len(s.kept) < maxStatements {
			return
		}
		if !st.busy {
			st.Finalize()
			delete(s.kept, sql)
		}
	}
}

func (s *statements) close() {
	for _, st := range s.kept {
		st.Finalize()
	}
	s.kept = nil
	s.conn.Close()
}
