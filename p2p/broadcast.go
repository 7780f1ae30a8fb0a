package p2p

import "sync"

// broadcast wakes everybody that waits.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

// wait is closed at the next poke.
func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) poke() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
