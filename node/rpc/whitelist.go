package rpc

import (
	"fmt"
	"strings"
)

// Whitelist says which users may call which methods, as Core's options
// rpcwhitelist and rpcwhitelistdefault do. By its zero value everybody may call
// everything.
type Whitelist struct {
	methods map[string]map[string]bool // by user
	strict  bool                       // other users may call nothing
}

// ParseWhitelist reads values of rpcwhitelist, user:method,method. Of several for
// one user, that user may call what all of them name. Strict is
// rpcwhitelistdefault: who has no value, the user of the cookie included, may call
// nothing.
func ParseWhitelist(values []string, strict bool) (Whitelist, error) {
	w := Whitelist{methods: make(map[string]map[string]bool), strict: strict}
	separator := func(r rune) bool { return r == ',' || r == ' ' }
	for _, value := range values {
		user, list, _ := strings.Cut(value, ":")
		if user == "" || strings.ContainsFunc(user, separator) {
			return Whitelist{}, fmt.Errorf("rpc: %.100q is not user:method,method", value)
		}
		before, again := w.methods[user]
		methods := make(map[string]bool)
		for _, method := range strings.FieldsFunc(list, separator) {
			if !again || before[method] {
				methods[method] = true
			}
		}
		w.methods[user] = methods
	}
	return w, nil
}

func (w Whitelist) allows(user, method string) bool {
	methods, listed := w.methods[user]
	if !listed {
		return !w.strict
	}
	return methods[method]
}

// forbids is why the user may not call one of these methods, if so. The code is
// that of btcd for users with limits; Core has none, it only says 403.
func (h *handler) forbids(user string, methods ...string) *Error {
	for _, method := range methods {
		if !h.whitelist.allows(user, method) {
			h.auth.log.Warn("an RPC user may not call that method", "user", user, "method", fmt.Sprintf("%.64s", method))
			return errorf(CodeInvalidParams, "User %s may not call %.64s", user, method)
		}
	}
	return nil
}
