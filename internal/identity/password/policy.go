package password

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxBanned    = 1_000_000 // lines of a list
	maxBannedLen = 64 << 20  // bytes of a list
)

// Policy is what a new password must have. The zero value asks for nothing.
type Policy struct {
	Length, Lower, Upper, Digits, Special int // at least so many characters
	banned                                map[string]struct{}
}

// Ban reads a list of passwords that nobody may use, one a line.
func (p *Policy) Ban(file string) error {
	i, err := os.Stat(file)
	if err == nil && i.Size() > maxBannedLen {
		err = fmt.Errorf("%s: larger than %d MiB", file, maxBannedLen>>20)
	}
	if err != nil {
		return fmt.Errorf("list of banned passwords: %w", err)
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("list of banned passwords: %w", err)
	}
	defer f.Close()
	p.banned = map[string]struct{}{}
	lines := bufio.NewScanner(f)
	for lines.Scan() && len(p.banned) < maxBanned {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			p.banned[strings.ToLower(line)] = struct{}{}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("list of banned passwords: %w", err)
	}
	return nil
}

// Fault is one thing that a password lacks, in words for people. The text may be translated; it has a %d if Count is set.
type Fault struct {
	Text  string
	Count int
}

// String returns the text with its number.
func (f Fault) String() string {
	if f.Count == 0 {
		return f.Text
	}
	return fmt.Sprintf(f.Text, f.Count)
}

// WeakError tells all that a password lacks.
type WeakError struct{ Faults []Fault }

func (e *WeakError) Error() string {
	texts := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		texts[i] = f.String()
	}
	return "the password is too weak: " + strings.Join(texts, ", ")
}

// Faults says what a password lacks; none: it may be used.
func (p *Policy) Faults(password string) (faults []Fault) {
	lower, upper, digits, special := 0, 0, 0, 0
	for _, c := range password {
		switch {
		case unicode.IsLower(c):
			lower++
		case unicode.IsUpper(c):
			upper++
		case unicode.IsDigit(c):
			digits++
		case !unicode.IsLetter(c):
			special++
		}
	}
	for _, rule := range []struct {
		has, want int
		text      string
	}{{utf8.RuneCountInString(password), p.Length, "at least %d characters are needed"}, {lower, p.Lower, "at least %d lower-case letters are needed"},
		{upper, p.Upper, "at least %d upper-case letters are needed"}, {digits, p.Digits, "at least %d digits are needed"},
		{special, p.Special, "at least %d special characters are needed"}} {
		if rule.has < rule.want {
			faults = append(faults, Fault{rule.text, rule.want})
		}
	}
	if _, banned := p.banned[strings.ToLower(password)]; banned {
		faults = append(faults, Fault{Text: "it is on the list of passwords that everybody guesses first"})
	}
	return faults
}
