package rpc

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
)

// Auth is a user and what their password is recognized by, without telling it:
// the value of Core's option rpcauth, user:salt$hmac, where hmac is the
// HMAC-SHA256 of the password with the text of the salt as key, in hex.
type Auth struct {
	user, salt string
	hmac       [sha256.Size]byte
}

// ParseAuth reads a value of rpcauth.
func ParseAuth(text string) (Auth, error) {
	user, rest, _ := strings.Cut(text, ":")
	salt, digits, _ := strings.Cut(rest, "$")
	digest, err := hex.DecodeString(digits)
	if err != nil || len(digest) != sha256.Size || user == "" || salt == "" || strings.Contains(salt, ":") {
		// Perhaps it is a password: it must not be told.
		return Auth{}, fmt.Errorf("rpc: the value of %.40q is not user:salt$hmac with 64 hex digits at the end; txnode config rpcauth makes such a value", user)
	}
	return Auth{user, salt, [sha256.Size]byte(digest)}, nil
}

// NewAuth draws a salt for the password of user.
func NewAuth(user, password string) (Auth, error) {
	unfit := func(r rune) bool { return r == ':' || r == ',' || unicode.IsSpace(r) || unicode.IsControl(r) }
	if user == "" || strings.ContainsFunc(user, unfit) {
		return Auth{}, fmt.Errorf("rpc: %.100q cannot be the name of a user: want some characters, no colon, comma or space among them", user)
	}
	var salt [16]byte
	rand.Read(salt[:])
	a := Auth{user: user, salt: hex.EncodeToString(salt[:])}
	a.hmac = a.digest(password)
	return a, nil
}

// NewPassword draws a password beyond guessing: 256 bits, in 43 characters.
func NewPassword() string {
	var secret [32]byte
	rand.Read(secret[:])
	return base64.RawURLEncoding.EncodeToString(secret[:])
}

// String is the value of rpcauth.
func (a Auth) String() string { return a.user + ":" + a.salt + "$" + hex.EncodeToString(a.hmac[:]) }

func (a Auth) digest(password string) [sha256.Size]byte {
	h := hmac.New(sha256.New, []byte(a.salt))
	h.Write([]byte(password))
	return [sha256.Size]byte(h.Sum(nil))
}

// knows is 1 if the password is right, else 0, and takes as long for other users.
func (a Auth) knows(user, password string) int {
	digest := a.digest(password)
	return subtle.ConstantTimeCompare([]byte(user), []byte(a.user)) & subtle.ConstantTimeCompare(digest[:], a.hmac[:])
}
