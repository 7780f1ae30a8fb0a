package p2p

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/txnode/txnode/inv/relaymsg"
)

func TestIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.key")
	made, err := LoadOrCreateIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if again, err := LoadOrCreateIdentity(path); err != nil || !again.Equals(made) {
		t.Errorf("another key: %v", err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

func TestIdentityErrors(t *testing.T) {
	other, _, err := crypto.GenerateSecp256k1Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := crypto.MarshalPrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(base64.StdEncoding.EncodeToString(raw))
	tests := map[string]struct {
		make func(path string) error
		want string
	}{
		"not base64":    {func(p string) error { return os.WriteFile(p, []byte("hello, world"), 0o600) }, "is not base64"},
		"damaged":       {func(p string) error { return os.WriteFile(p, []byte("aGVsbG8="), 0o600) }, "is damaged"},
		"empty":         {func(p string) error { return os.WriteFile(p, nil, 0o600) }, "is damaged"},
		"huge":          {func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte("A"), 1<<20), 0o600) }, "is damaged"},
		"other type":    {func(p string) error { return os.WriteFile(p, line, 0o600) }, "must be Ed25519"},
		"readable":      {func(p string) error { return os.WriteFile(p, []byte("x"), 0o644) }, "chmod 600"},
		"a directory":   {func(p string) error { return os.Mkdir(p, 0o700) }, "not a regular file"},
		"no such place": {func(p string) error { return os.Remove(filepath.Dir(p)) }, "make node key"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "d", "identity.key")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := test.make(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			_, err := LoadOrCreateIdentity(path)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestConfigErrors(t *testing.T) {
	tests := map[string]func(*Config){
		"no identity":          func(c *Config) { c.Identity = nil },
		"Hello and Beacon":     func(c *Config) { c.Hello = nil },
		"beacon budget":        func(c *Config) { c.BeaconBudget = -1 },
		"max peers":            func(c *Config) { c.MaxPeers = -1 },
		"memory":               func(c *Config) { c.MaxMemory = -1 },
		"has 0 bytes":          func(c *Config) { c.Network = "" },
		"has 33 bytes":         func(c *Config) { c.Network = strings.Repeat("x", 33) },
		"only a-z, 0-9":        func(c *Config) { c.Network = "reg/test" },
		"must look like":       func(c *Config) { c.Bootstrap = []string{"/ip4/1.2.3.4/tcp/18555"} },
		"at most 64":           func(c *Config) { c.Bootstrap = make([]string, 65) },
		"says who, not where:": func(c *Config) { c.Bootstrap = []string{"/p2p/12D3KooWGRUacqQsSRm4xsF2rDzKaRPWFYaP9M9YYAh4NxpmRgkL"} },
	}
	for want, change := range tests {
		c := testConfig(t)
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestScopes(t *testing.T) {
	tests := map[string]scope{
		"/ip4/127.0.0.1/tcp/18555":                                  scopeLoopback,
		"/ip6/::1/udp/18555/quic-v1":                                scopeLoopback,
		"/ip4/172.18.0.3/udp/18555/quic-v1":                         scopePrivate,
		"/ip4/100.64.1.1/tcp/18555":                                 scopePrivate,
		"/ip6/fd00::1/tcp/18555":                                    scopePrivate,
		"/ip6/::ffff:10.0.0.1/tcp/18555":                            scopePrivate,
		"/ip4/1.1.1.1/tcp/18555":                                    scopePublic,
		"/ip6/2606:4700::1111/tcp/18555":                            scopePublic,
		"/ip4/1.1.1.1/tcp/22":                                       scopeNone, // a well-known service
		"/ip4/1.1.1.1/tcp/0":                                        scopeNone,
		"/ip4/0.0.0.0/tcp/18555":                                    scopeNone,
		"/ip6/::/tcp/18555":                                         scopeNone,
		"/ip4/169.254.169.254/tcp/8080":                             scopeNone, // cloud metadata
		"/ip6/fe80::1/tcp/18555":                                    scopeNone,
		"/ip4/224.0.0.1/udp/18555/quic-v1":                          scopeNone,
		"/ip4/255.255.255.255/tcp/18555":                            scopeNone,
		"/dns4/example.org/tcp/18555":                               scopeNone,
		"/ip4/1.1.1.1/udp/18555":                                    scopeNone,
		"/ip4/1.1.1.1/tcp/18555/ws":                                 scopeNone,
		"/ip4/1.1.1.1/udp/18555/quic-v1/webtransport":               scopeNone,
		"/ip4/1.1.1.1":                                              scopeNone,
		"/p2p/12D3KooWGRUacqQsSRm4xsF2rDzKaRPWFYaP9M9YYAh4NxpmRgkL": scopeNone,
	}
	for addr, want := range tests {
		if got := scopeOf(multiaddr.StringCast(addr)); got != want {
			t.Errorf("%s: %d, want %d", addr, got, want)
		}
	}
}

func addrs(list ...string) (out []multiaddr.Multiaddr) {
	for _, s := range list {
		out = append(out, multiaddr.StringCast(s))
	}
	return out
}

func TestAdvertisedAndDialable(t *testing.T) {
	loopback := addrs("/ip4/127.0.0.1/tcp/18555", "/ip4/127.0.0.1/udp/18555/quic-v1")
	private := addrs("/ip4/172.18.0.3/tcp/18555", "/ip4/172.18.0.3/udp/18555/quic-v1", "/ip4/10.0.0.3/tcp/18555")
	public := addrs("/ip4/1.1.1.1/tcp/18555")
	container := slices.Concat(loopback, private)
	if got := advertised(container); len(got) != 2 || !got[0].Equal(private[1]) || !got[1].Equal(private[0]) {
		t.Errorf("advertised %v", got)
	}
	if got := advertised(nil); len(got) != 0 {
		t.Errorf("advertised %v", got)
	}
	all := slices.Concat(loopback, private, public)
	for reach, want := range map[scope]int{
		widest(loopback):  3, // its own scope, and public
		widest(container): 4,
		widest(all):       1, // a public node never probes its own surroundings
		widest(nil):       1,
	} {
		if got := dialable(all, reach); len(got) != want {
			t.Errorf("reach %d: %v", reach, got)
		}
	}
}

func TestDenyList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGater()
		for i := range maxDenied {
			g.deny(peer.ID(fmt.Sprint(i)), time.Now())
			time.Sleep(time.Millisecond)
		}
		g.deny("one more", time.Now())
		if len(g.denied) != maxDenied || !g.allowed("0") || g.allowed("1") || g.allowed("one more") {
			t.Errorf("%d denied", len(g.denied))
		}
		if g.InterceptPeerDial("1") || g.InterceptSecured(network.DirInbound, "1", nil) {
			t.Error("a denied peer passes")
		}
		time.Sleep(denyFor)
		if !g.allowed("1") {
			t.Error("denied for ever")
		}
		g.setFilter(func(p peer.ID) bool { return p != "1" })
		if g.allowed("1") || !g.allowed("2") {
			t.Error("the filter does not hold")
		}
		g.deny("fresh", time.Now())
		if len(g.denied) > maxDenied {
			t.Error("expired entries stay")
		}
	})
}

func TestQueue(t *testing.T) {
	q := newQueue(1000)
	inv := &relaymsg.Inv{IDs: []relaymsg.ShortID{1}} // 8 bytes with frame
	for i := 1; i <= 125; i++ {
		if size, ok := q.push(inv); size != 8*i || !ok {
			t.Fatalf("%d %v", size, ok)
		}
	}
	if size, ok := q.push(inv); size != 1000 || ok {
		t.Fatalf("over the limit: %d %v", size, ok)
	}
	batch, frames := q.take(nil, nil)
	if len(batch) != 1000 || len(frames) != 125 || frames[0] != (frame{relaymsg.KindInv, 8, 0}) || q.size() != 1000 {
		t.Fatalf("%d bytes, %d frames, size %d", len(batch), len(frames), q.size())
	}
	// What is being written still counts.
	if _, ok := q.push(inv); ok {
		t.Error("room while all is in flight")
	}
	q.written(500)
	if size, ok := q.push(inv); size != 508 || !ok {
		t.Errorf("%d %v", size, ok)
	}
	q.written(500)
	if batch, _ := q.take(batch, frames); len(batch) != 8 {
		t.Errorf("%d bytes", len(batch))
	}
}

func TestQueueDrains(t *testing.T) {
	q := newQueue(maxRelayQueue)
	body := &relaymsg.Txs{Bodies: [][]byte{make([]byte, QueueLow/2)}}
	q.push(body)
	if n := q.size(); q.written(0) || n >= QueueLow {
		t.Fatal("drained what was never full")
	}
	q.push(body)
	q.push(body)
	batch, _ := q.take(nil, nil)
	if q.written(QueueLow/4) || !q.written(QueueLow/2) {
		t.Error("not drained when it falls below")
	}
	if q.written(len(batch) - QueueLow*3/4) {
		t.Error("drained twice")
	}
}

func TestRetries(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	r := newRetries()
	r.tried("a", os.ErrDeadlineExceeded, now)
	r.tried("b", fmt.Errorf("%w: other network", ErrIncompatible), now)
	if r.due("a", now) || !r.due("a", now.Add(13*time.Second)) || r.due("b", now.Add(40*time.Minute)) || !r.due("c", now) {
		t.Error("pauses are wrong")
	}
	for range 20 {
		r.tried("a", os.ErrDeadlineExceeded, now)
	}
	if r.due("a", now.Add(40*time.Minute)) || !r.due("a", now.Add(80*time.Minute)) {
		t.Error("pauses do not stop at an hour")
	}
	r.tried("a", nil, now)
	if !r.due("a", now) {
		t.Error("success is not forgiven")
	}
	for i := range 10 * maxRetries {
		r.tried(peer.ID(fmt.Sprint(i)), os.ErrDeadlineExceeded, now)
	}
	if len(r.peers) > maxRetries {
		t.Errorf("%d remembered", len(r.peers))
	}
}

func TestLocalPeersAreBounded(t *testing.T) {
	l := newLocalPeers()
	for i := range 10 * maxLocal {
		l.HandlePeerFound(peer.AddrInfo{ID: peer.ID(fmt.Sprint(i)), Addrs: make([]multiaddr.Multiaddr, 100)})
	}
	if len(l.peers) != maxLocal {
		t.Errorf("%d remembered", len(l.peers))
	}
	last := peer.ID(fmt.Sprint(10*maxLocal - 1))
	if info, ok := l.pick(func(p peer.ID) bool { return p == last }); !ok || len(info.Addrs) != maxLocalAddrs {
		t.Errorf("%v %d", ok, len(info.Addrs))
	}
}

func TestResourceLimits(t *testing.T) {
	m, err := newResourceManager(16, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	open := func(dir network.Direction, addr string) (network.ConnManagementScope, error) {
		return m.OpenConnection(dir, true, multiaddr.StringCast(addr))
	}
	// One address on the Internet gets eight connections, all loopback ones
	// together what there is.
	for i := range 9 {
		_, err := open(network.DirInbound, "/ip4/1.2.3.4/tcp/1")
		if (err == nil) != (i < 8) {
			t.Errorf("connection %d of one address: %v", i, err)
		}
	}
	granted := 8
	for i := range 100 {
		c, err := open(network.DirInbound, fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", i+1))
		if err != nil {
			break
		}
		if err := c.SetPeer(peer.ID(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		granted++
	}
	if granted != 16+spareInbound {
		t.Errorf("%d inbound connections", granted)
	}
	// Outbound ones have slots of their own; one peer gets few.
	for i := range peerConnsOutbound + 1 {
		c, err := open(network.DirOutbound, "/ip4/127.0.0.1/tcp/1")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetPeer("one"); (err == nil) != (i < peerConnsOutbound) {
			t.Errorf("outbound connection %d to one peer: %v", i, err)
		}
	}
	for i := range protoPeerStreams + 1 {
		s, err := m.OpenStream("one", network.DirInbound)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetProtocol(relayProtocol); (err == nil) != (i < protoPeerStreams) {
			t.Errorf("relay stream %d of one peer: %v", i, err)
		}
	}
}

func TestOneLine(t *testing.T) {
	if got := oneLine("closed: \x1b[2J\nok…"); got != "closed: ?[2J?ok…" {
		t.Errorf("%q", got)
	}
	if got := oneLine(strings.Repeat("é", 1000)); len(got) > 310 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestFailuresAreFewAndShort(t *testing.T) {
	var f failures
	now := time.Unix(1, 0)
	for i := range 2 * maxFailures {
		f.add(peer.ID(fmt.Sprint(i)), "addr", fmt.Errorf("no\n  * way %s", strings.Repeat("ä", maxFailureText)), now)
	}
	if len(f.list) != maxFailures || f.list[0].Peer != peer.ID(fmt.Sprint(maxFailures)) {
		t.Errorf("%d failures, the first of %s", len(f.list), f.list[0].Peer)
	}
	if r := f.list[0].Reason; !strings.HasPrefix(r, "no * way ä") || len(r) > maxFailureText+len("…") || !utf8.ValidString(r) {
		t.Errorf("reason %q", r)
	}
	f.add("x", "addr", fmt.Errorf("%w: other network", ErrIncompatible), now)
	f.add("x", "addr", errors.New("gone"), now)
	if last := f.list[len(f.list)-1]; len(f.list) != maxFailures || last.Peer != "x" || last.Incompatible || last.Reason != "gone" {
		t.Errorf("after the second failure of a peer: %+v", last)
	}
	f.forget("x")
	if len(f.list) != maxFailures-1 {
		t.Errorf("%d failures after one was forgotten", len(f.list))
	}
}

// A topic of transactions has a mesh of its own, which forms by itself.
func TestTopicHasItsOwnMesh(t *testing.T) {
	const near, far peer.ID = "in the mesh of beacons", "in that of transactions"
	n := &Network{mesh: newMesh(), spread: newMesh()}
	n.mesh.Graft(near, "")
	n.spread.Graft(far, "")
	if n.inMesh(near) || !n.inMesh(far) {
		t.Error("the mesh is taken for the one of beacons")
	}
	if n.spread = nil; !n.inMesh(near) || n.inMesh(far) {
		t.Error("without a topic there is one mesh")
	}
}
