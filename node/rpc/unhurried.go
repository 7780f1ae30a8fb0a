package rpc

import (
	"context"
	"net/http"
	"time"
)

// lifeKey is that of the context which ends with the server, and controlKey that of
// what controls a request's deadlines, an *http.ResponseController, in the contexts
// of requests.
type (
	lifeKey    struct{}
	controlKey struct{}
)

// unhurried frees a call from its request's deadlines, and from its caller, who may
// give up: as in Core, it goes on. It ends with the server.
func unhurried(ctx context.Context) (free context.Context, done func()) {
	free, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := func() bool { return true }
	if life, ok := ctx.Value(lifeKey{}).(context.Context); ok {
		stop = context.AfterFunc(life, cancel)
	}
	control, controlled := ctx.Value(controlKey{}).(*http.ResponseController)
	server, served := ctx.Value(http.ServerContextKey).(*http.Server)
	limited := controlled && served && server.WriteTimeout > 0
	if limited {
		control.SetWriteDeadline(time.Time{})
	}
	return free, func() {
		stop()
		cancel()
		if limited {
			control.SetWriteDeadline(time.Now().Add(server.WriteTimeout))
		}
	}
}
