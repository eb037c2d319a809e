package apptoken

import (
	"crypto/rand"
	"math/big"
	"strings"
)

// Words are two syllables, each of a consonant and a vowel that no keyboard or ear takes for another: 16·5·16·5 = 6400 words,
// and 75.9 bits in six of them.
const (
	consonants = "bdfghjklmnprstvz"
	vowels     = "aeiou"
	wordCount  = 6
	wordLength = 4
	// alphabet is that of random tokens: 62 signs.
	minRandom, maxRandom = 16, 256
	alphabet             = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// words returns a token of six words.
func words() string {
	out := make([]string, wordCount)
	for i := range out {
		w := make([]byte, 0, wordLength)
		for range wordLength / 2 {
			w = append(w, pick(consonants), pick(vowels))
		}
		out[i] = string(w)
	}
	return strings.Join(out, "-")
}

// letters returns a token of n letters and digits.
func letters(n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = pick(alphabet)
	}
	return string(out)
}

func pick(from string) byte {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(len(from))))
	if err != nil { // never: crypto/rand ends the program first
		panic(err)
	}
	return from[n.Int64()]
}

// Recognise tells whether a password has the form of a token: six words, or 16 or more letters and digits. No other can be one.
func Recognise(password string) bool {
	if len(password) < minRandom || len(password) > maxRandom {
		return false
	}
	plain := true
	for i := range len(password) {
		plain = plain && strings.IndexByte(alphabet, password[i]) >= 0
	}
	return plain || sixWords(password)
}

func sixWords(password string) bool {
	if len(password) != wordCount*(wordLength+1)-1 {
		return false
	}
	for i := range len(password) {
		from := consonants
		switch i % (wordLength + 1) {
		case 1, 3:
			from = vowels
		case wordLength:
			from = "-"
		}
		if strings.IndexByte(from, password[i]) < 0 {
			return false
		}
	}
	return true
}
