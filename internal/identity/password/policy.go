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

// Faults says what a password lacks, in words for people; none: it may be used.
func (p *Policy) Faults(password string) (faults []string) {
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
		what      string
	}{{utf8.RuneCountInString(password), p.Length, "characters"}, {lower, p.Lower, "lower-case letters"}, {upper, p.Upper, "upper-case letters"},
		{digits, p.Digits, "digits"}, {special, p.Special, "special characters"}} {
		if rule.has < rule.want {
			faults = append(faults, fmt.Sprintf("at least %d %s are needed", rule.want, rule.what))
		}
	}
	if _, banned := p.banned[strings.ToLower(password)]; banned {
		faults = append(faults, "it is on the list of passwords that everybody guesses first")
	}
	return faults
}
