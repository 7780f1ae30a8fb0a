package rpc

import (
	"strings"
	"testing"
)

// The user, password and value are those of Core's own test (rpc_users.py).
const (
	coreUser     = "rt2"
	corePassword = "8/F3uMDw4KSEbw96U3CA1C4X05dkHDN2BPFjTgZW4KI="
	coreAuth     = "rt2:f8607b1a88861fac29dfccf9b52ff9f$ff36a0c23c8c62b4846112e50fa888416e94c17bfd4c42f88fd8f55ec6a3137e"
)

func mustParseAuth(t testing.TB, text string) Auth {
	t.Helper()
	a, err := ParseAuth(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestRPCAuth: values made by Core and by us let their users in, besides the
// cookie, and nobody else. A user may have several passwords.
func TestRPCAuth(t *testing.T) {
	password := NewPassword()
	made, err := NewAuth("bob", password)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewAuth(coreUser, "other:password")
	if err != nil {
		t.Fatal(err)
	}
	a := newAuthenticator(Options{Cookie: testCookie, User: "alice", Password: "secret",
		Auth: []Auth{mustParseAuth(t, coreAuth), mustParseAuth(t, made.String()), other}})
	for credentials, right := range map[string]bool{
		testCookie:                        true,
		"alice:secret":                    true,
		coreUser + ":" + corePassword:     true,
		coreUser + ":other:password":      true,
		"bob:" + password:                 true,
		"bob:" + corePassword:             false,
		coreUser + ":" + password:         false,
		"rt:" + corePassword:              false,
		coreUser + ":" + corePassword[1:]: false,
		coreUser + ":":                    false,
		":":                               false,
		coreAuth:                          false,
	} {
		if a.knows(credentials) != right {
			t.Errorf("%s: right is %v", credentials, !right)
		}
	}
	if len(password) != 43 || NewPassword() == password {
		t.Errorf("password %q", password)
	}
	if again, _ := NewAuth("bob", password); again == made {
		t.Error("the salt was not drawn")
	}
}

func TestBadAuth(t *testing.T) {
	for _, text := range []string{"", "alice", "alice:salt", "alice:salt$", "alice:salt$00", ":" + strings.TrimPrefix(coreAuth, "rt2:"),
		coreAuth + "0", coreAuth[:len(coreAuth)-1] + "x", coreAuth + "$", "a:" + coreAuth, strings.Replace(coreAuth, "f8607b1a88861fac29dfccf9b52ff9f", "", 1)} {
		if _, err := ParseAuth(text); err == nil || !strings.Contains(err.Error(), "txnode config rpcauth") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, user := range []string{"", "a:b", "a,b", "a b", "a\n"} {
		if _, err := NewAuth(user, "password"); err == nil {
			t.Errorf("%q may be a user", user)
		}
	}
}

// FuzzAuth: what is read as a value is written as the same, but for the case of
// digits, and lets in one password at most.
func FuzzAuth(f *testing.F) {
	for _, seed := range []string{coreAuth, "a:b$c", "::$$", ""} {
		f.Add(seed, "password")
	}
	f.Fuzz(func(t *testing.T, text, password string) {
		a, err := ParseAuth(text)
		if err != nil {
			return
		}
		if !strings.EqualFold(a.String(), text) {
			t.Fatalf("%q becomes %q", text, a)
		}
		if a.knows(a.user, password) == 1 && a.knows(a.user, password+"x") == 1 {
			t.Fatalf("%q lets in anybody", text)
		}
	})
}
