package rpc

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// savemempool has an error of its own until the mempool is loaded, as in Core, and
// says why it fails.
func TestSaveMempoolFails(t *testing.T) {
	n := newFakeNode()
	n.diskFull = true
	if _, failure := callRaw(t, n, "savemempool", `[]`); failure == nil || *failure != (Error{-1, "Unable to dump mempool to disk: disk full"}) {
		t.Error(failure)
	}
	n.loading = true
	if _, failure := callRaw(t, n, "savemempool", `[]`); failure == nil || *failure != (Error{-1, "The mempool was not loaded yet"}) {
		t.Error(failure)
	}
	if _, failure := callRaw(t, n, "importmempool", `["mempool.dat"]`); failure == nil || failure.Code != CodeWarmup {
		t.Error(failure)
	}
}

// An import takes longer than any other call may, and is answered; who does not take
// the answer is cut as ever.
func TestLongImport(t *testing.T) {
	for reads, want := range map[bool]string{true: `{"jsonrpc":"2.0","result":{},"id":1}` + "\n", false: ""} {
		n := newFakeNode()
		inVirtualTime(t, n, func(t *testing.T, l *pipeListener) {
			n.imports, n.block = make(chan context.Context), make(chan struct{})
			c, r := l.dial(t)
			send(c, importCall)
			<-n.imports
			time.Sleep(time.Hour)
			close(n.block)
			<-n.imports
			if !reads {
				time.Sleep(writeTimeout + time.Millisecond)
			}
			got := ""
			if answer, err := http.ReadResponse(r, nil); err == nil {
				body, _ := io.ReadAll(answer.Body)
				got = string(body)
			}
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// An import goes on when the caller hangs up, and ends with the server.
func TestImportEndsWithTheServer(t *testing.T) {
	n := newFakeNode()
	var end error
	inVirtualTime(t, n, func(t *testing.T, l *pipeListener) {
		n.imports = make(chan context.Context)
		c, _ := l.dial(t)
		send(c, importCall)
		ctx := <-n.imports
		c.Close()
		time.Sleep(time.Hour)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Error("the import ended with its caller")
		}
		go func() { end = (<-n.imports).Err() }()
	})
	if end == nil {
		t.Error("the import goes on without a server")
	}
}

var importCall = func() string {
	const body = `{"jsonrpc":"2.0","method":"importmempool","params":["long"],"id":1}`
	return fmt.Sprint(header(len(body)), body)
}()
