package testnet

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/txnode/txnode/node"
	"github.com/txnode/txnode/node/rpc"
	"github.com/txnode/txnode/node/rpc/backend"
	"github.com/txnode/txnode/testnet/txgen"
)

// Of the peers of node 0, one takes nothing that pays so little and one is cut off.
func TestReceiptNamesWhoDoesNotHoldIt(t *testing.T) {
	dials := topology(20, netDegree, rand.New(rand.NewPCG(netSeed, graphStream)))
	dear, cut := dials[0][0], dials[0][1]
	gen, err := txgen.New(txgen.Config{Network: Network, From: 0, To: 10})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		n := New(t, 20, func(i int, cfg *node.Config) {
			if i == dear {
				cfg.Mempool.MinRelayFeeRate = 1_000_000
			}
		})
		tx, err := gen.Next()
		if err != nil {
			t.Fatal(err)
		}
		n.virtual.silent[cut].Store(true)
		n.Submit(0, tx.Raw)
		b := backend.New(n.Node(0), backend.Options{Network: Network})
		ended, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		for range 20 { // peers that were not told yet count, and waiting no time is no error
			p, err := b.Propagation(ended, tx.WTxID, 1)
			if err != nil || p.WTxID != tx.WTxID.String() || len(p.Peers) != len(n.Node(0).Peers()) || p.Coverage > 0.5 {
				t.Fatalf("at once: %+v, %v", p, err)
			}
		}
		short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		p, err := b.Propagation(short, tx.WTxID, 1)
		if err != nil || p.Coverage >= 1 || p.Coverage < 0.5 || len(p.Peers) != len(n.Node(0).Peers()) {
			t.Fatalf("with a peer cut off: %+v, %v", p, err)
		}
		for _, e := range p.Peers {
			dearOne, cutOne := e.PeerID == n.Node(dear).ID().String(), e.PeerID == n.Node(cut).ID().String()
			shown := e.AnnouncedBack+e.Reconciled+e.Requested > 0 // others may not have been compared with yet
			if !e.Connected || e.BelowFloor != dearOne || shown && (dearOne || cutOne) {
				t.Errorf("%+v; dear is %v, cut off %v", e, n.Node(dear).ID(), n.Node(cut).ID())
			}
		}

		// Back again, it reaches everybody who takes it.
		n.virtual.silent[cut].Store(false)
		soon, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if p, err = b.Propagation(soon, tx.WTxID, 1); err != nil || p.Coverage != 1 {
			t.Fatalf("healed: %+v, %v", p, err)
		}
		verdictNames(t, b, tx.TxID, n.Node(dear).ID())
	})
}

// verdictNames asks for the receipt as a client of the server does.
func verdictNames(t *testing.T, b rpc.Backend, txid chainhash.Hash, dear peer.ID) {
	t.Helper()
	body := `{"jsonrpc":"2.0","id":1,"method":"gettxpropagation","params":["` + txid.String() + `"]}`
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(body))
	r.SetBasicAuth("user", "password")
	w := httptest.NewRecorder()
	rpc.NewHandler(b, rpc.Options{User: "user", Password: "password"}).ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), "peer "+dear.String()+": its fee floor is above it") {
		t.Errorf("%s", w.Body)
	}
}
