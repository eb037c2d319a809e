package scan

import (
	"sort"
	"time"
)

// Problem is a path that could not be taken in, and why.
type Problem struct {
	Path, Reason string
	Since        time.Time
	Next         time.Time // not tried before
	Tries        int
}

const (
	maxProblems = 1000
	minBackoff  = 10 * time.Second
	maxBackoff  = time.Hour
)

// problem notes a failing path; each failure doubles the time until sweeps look at it again.
func (s *Scanner) problem(path, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.problems[path]
	if !ok {
		if len(s.problems) >= maxProblems {
			return
		}
		p = Problem{Path: path, Since: time.Now()}
		s.Log.Warn("path cannot be taken in", "path", path, "reason", reason)
	}
	p.Reason = reason
	p.Next = time.Now().Add(min(maxBackoff, minBackoff<<min(p.Tries, 10)))
	p.Tries++
	s.problems[path] = p
}

func (s *Scanner) solved(path string) {
	s.mu.Lock()
	delete(s.problems, path)
	s.mu.Unlock()
}

// resting tells whether a path failed a short while ago.
func (s *Scanner) resting(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.problems[path]
	return ok && time.Now().Before(p.Next)
}

// Problems returns what could not be taken in, ordered by path.
func (s *Scanner) Problems() []Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Problem, 0, len(s.problems))
	for _, p := range s.problems {
		out = append(out, p)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out
}
