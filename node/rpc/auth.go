package rpc

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	// wrongPasswordDelay is how long a refusal of credentials takes, as in
	// Core (httprpc.cpp).
	wrongPasswordDelay = 250 * time.Millisecond
	// maxRefusals is how many refusals to one caller may take that long at a time.
	// Beyond it they come at once and cost the caller the connection, so that
	// guessing in a loop occupies nothing.
	maxRefusals = 8
)

// authenticator checks credentials. Right ones pass at once, whoever else at the
// same address guesses at them.
type authenticator struct {
	cookie, password [sha256.Size]byte // of user:password; zero: not configured
	users            []Auth
	log              *slog.Logger

	mu       sync.Mutex
	refusals map[netip.Prefix]int // taking their time, by caller
}

func newAuthenticator(o Options) *authenticator {
	a := &authenticator{users: o.Auth, log: o.logger(), refusals: make(map[netip.Prefix]int)}
	if o.Cookie != "" {
		a.cookie = sha256.Sum256([]byte(o.Cookie))
	}
	if o.User != "" {
		a.password = sha256.Sum256([]byte(o.User + ":" + o.Password))
	}
	return a
}

// admit reports who the caller is and whether they may go on; if not it has
// answered.
func (a *authenticator) admit(w http.ResponseWriter, r *http.Request) (user string, ok bool) {
	if r.Header.Get("Authorization") == "" {
		refuse(w)
		return "", false
	}
	user, password, _ := r.BasicAuth()
	if credentials := user + ":" + password; !a.knows(credentials) {
		if !a.delay(r.RemoteAddr) {
			w.Header().Set("Connection", "close")
		}
		refuse(w)
		return "", false
	}
	return user, true
}

// knows reports whether credentials, user:password, are right. How long it takes
// tells nothing of those that are.
func (a *authenticator) knows(credentials string) bool {
	given := sha256.Sum256([]byte(credentials))
	right := subtle.ConstantTimeCompare(given[:], a.cookie[:]) | subtle.ConstantTimeCompare(given[:], a.password[:])
	user, password, _ := strings.Cut(credentials, ":")
	for _, u := range a.users {
		right |= u.knows(user, password)
	}
	return right == 1
}

// delay takes the time of a refusal, or reports false at once when too many
// others to the same caller do.
func (a *authenticator) delay(remote string) bool {
	from := caller(remote)
	a.mu.Lock()
	if a.refusals[from] >= maxRefusals {
		a.mu.Unlock()
		return false
	}
	a.refusals[from]++
	a.mu.Unlock()

	a.log.Warn("incorrect RPC password", "from", remote)
	// Not cut short when the caller leaves: that would be the faster way to guess.
	time.Sleep(wrongPasswordDelay)

	a.mu.Lock()
	if a.refusals[from]--; a.refusals[from] == 0 {
		delete(a.refusals, from)
	}
	a.mu.Unlock()
	return true
}

// refuse is Core's answer to missing or wrong credentials.
func refuse(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Basic realm="jsonrpc"`)
	w.WriteHeader(http.StatusUnauthorized)
}

// caller is what one caller controls of addresses: an IPv4 address or an IPv6
// /64. Callers without an address count as one.
func caller(remote string) netip.Prefix {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr := ap.Addr().Unmap()
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	prefix, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
