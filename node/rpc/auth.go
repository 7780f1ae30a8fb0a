package rpc

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// wrongPasswordDelay is how long a refusal of credentials takes, as in
	// Core (httprpc.cpp).
	wrongPasswordDelay = 250 * time.Millisecond
	// maxRefusals is how many refusals to one caller may be under way. It
	// bounds guessing at a password to 32 per second.
	maxRefusals = 8
)

// authenticator checks credentials. The cookie is beyond guessing and always
// looked at; a password somebody chose is not looked at while its address has
// maxRefusals under way.
type authenticator struct {
	cookie, password [sha256.Size]byte // of user:password; zero: not configured
	log              *slog.Logger

	mu       sync.Mutex
	refusals map[netip.Prefix]int // under way, by caller
}

func newAuthenticator(o Options) *authenticator {
	a := &authenticator{log: o.logger(), refusals: make(map[netip.Prefix]int)}
	if o.Cookie != "" {
		a.cookie = sha256.Sum256([]byte(o.Cookie))
	}
	if o.User != "" {
		a.password = sha256.Sum256([]byte(o.User + ":" + o.Password))
	}
	return a
}

// An outcome is what became of credentials.
type outcome int

const (
	refused   outcome = iota
	throttled         // not looked at
	admitted
)

// admit reports whether the caller may go on; if not it has answered.
func (a *authenticator) admit(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Authorization") == "" {
		refuse(w)
		return false
	}
	user, password, _ := r.BasicAuth()
	switch a.judge(r.RemoteAddr, user+":"+password) {
	case admitted:
		return true
	case throttled:
		http.Error(w, "Too many wrong passwords from this address, try again", http.StatusServiceUnavailable)
	default:
		refuse(w)
	}
	return false
}

// judge looks at credentials, user:password. A refusal takes its time.
func (a *authenticator) judge(remote, credentials string) outcome {
	given := sha256.Sum256([]byte(credentials))
	if subtle.ConstantTimeCompare(given[:], a.cookie[:]) == 1 {
		return admitted
	}
	from := caller(remote)
	a.mu.Lock()
	if a.refusals[from] >= maxRefusals {
		a.mu.Unlock()
		return throttled
	}
	if subtle.ConstantTimeCompare(given[:], a.password[:]) == 1 {
		a.mu.Unlock()
		return admitted
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
	return refused
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
