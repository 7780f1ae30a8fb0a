package rpc

import (
	"context"
	"sync"

	"github.com/txnode/txnode/mempool"
)

// watchers hands transactions that enter the mempool to the websocket clients
// that asked for them. It follows the backend once for all of them, while there
// are any, and waits for none.
type watchers struct {
	backend Backend

	mu      sync.Mutex
	clients map[*wsClient]struct{}
	stop    context.CancelFunc // following; called under mu
	stopped chan struct{}      // closed when following has ended
}

func newWatchers(b Backend) *watchers {
	return &watchers{backend: b, clients: make(map[*wsClient]struct{})}
}

// add makes c hear of every transaction accepted from now on.
func (w *watchers) add(c *wsClient) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clients[c] = struct{}{}
	if w.stop != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	w.stop, w.stopped = stop, stopped
	accepted := w.backend.Accepted(ctx)
	go func() {
		defer close(stopped)
		for e := range accepted {
			w.offer(ctx, e)
		}
		w.lost(ctx)
	}()
}

// remove is add undone. What waited for c is forgotten.
func (w *watchers) remove(c *wsClient) {
	w.mu.Lock()
	delete(w.clients, c)
	for len(c.accepted) > 0 {
		select {
		case <-c.accepted:
		default:
		}
	}
	if len(w.clients) > 0 || w.stop == nil {
		w.mu.Unlock()
		return
	}
	w.stop()
	stopped := w.stopped
	w.stop = nil
	w.mu.Unlock()
	<-stopped
}

func (w *watchers) offer(ctx context.Context, e *mempool.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	for c := range w.clients {
		select {
		case c.accepted <- e:
		default:
			c.cut(errSlowClient)
		}
	}
}

// lost disconnects all clients when the backend has no more to tell: they would
// wait for nothing.
func (w *watchers) lost(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	for c := range w.clients {
		c.cut(errMissed)
	}
}
