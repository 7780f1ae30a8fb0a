package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// protocolVersion is the Bitcoin P2P version whose transaction relay is the
	// closest: wtxid relay, BIP 339.
	protocolVersion = 70016
	// clientVersion is the Bitcoin Core version whose RPC this server speaks.
	// Clients choose methods and arguments by it.
	clientVersion = 300000
	// noServices is a services field without a bit set: no Bitcoin P2P service
	// is offered on libp2p.
	noServices = "0000000000000000"
	zeroHash   = "0000000000000000000000000000000000000000000000000000000000000000"
)

// subversion starts as Core's does: btcd's rpcclient takes any other for a
// bitcoind too old for testmempoolaccept.
func subversion(version string) string { return fmt.Sprintf("/Satoshi:30.0.0(txnode:%s)/", version) }

func getBlockCount(_ context.Context, s *service, _ args) (any, error) {
	height, _ := s.backend.Tip()
	return height, nil
}

func getBestBlockHash(_ context.Context, s *service, _ args) (any, error) {
	return s.backend.BestBlock().String(), nil
}

func getConnectionCount(_ context.Context, s *service, _ args) (any, error) {
	return len(s.backend.Peers()), nil
}

func getPeerInfo(_ context.Context, s *service, _ args) (any, error) {
	peers := s.backend.Peers()
	infos := make([]PeerInfo, len(peers))
	for i, p := range peers {
		infos[i] = describePeer(p)
	}
	return infos, nil
}

func describePeer(p Peer) PeerInfo {
	return PeerInfo{
		ID:               p.ID,
		Addr:             p.Addr,
		AddrBind:         p.LocalAddr,
		Network:          networkClass(p.Addr),
		Services:         noServices,
		ServicesNames:    []string{},
		RelayTxes:        true,
		InvToSend:        p.ToSend,
		LastSend:         unix(p.LastSend),
		LastRecv:         unix(p.LastRecv),
		LastTransaction:  unix(p.LastTx),
		BytesSent:        p.BytesSent,
		BytesRecv:        p.BytesRecv,
		ConnTime:         unix(p.Connected),
		PingTime:         p.Ping.Seconds(),
		MinPing:          p.MinPing.Seconds(),
		Version:          protocolVersion,
		SubVer:           p.Agent,
		Inbound:          p.Inbound,
		StartingHeight:   -1,
		PresyncedHeaders: -1,
		SyncedHeaders:    -1,
		SyncedBlocks:     -1,
		Inflight:         []int32{},
		Permissions:      []string{},
		MinFeeFilter:     Amount(p.FeeFloor),
		BytesSentPerMsg:  orEmpty(p.SentPerMsg),
		BytesRecvPerMsg:  orEmpty(p.RecvPerMsg),
		ConnectionType:   connectionType(p),
		// Core's v2 is BIP 324, the encrypted transport; all of libp2p's are.
		TransportProtocolType: "v2",
		TxNode:                PeerExtra{PeerID: p.PeerID, Transport: transport(p.Addr), Mesh: p.Mesh},
	}
}

func connectionType(p Peer) string {
	switch {
	case p.Inbound:
		return "inbound"
	case p.Manual:
		return "manual"
	}
	return "outbound-full-relay"
}

// unix is t in Unix seconds, and 0 for never.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func orEmpty(m map[string]uint64) map[string]uint64 {
	if m == nil {
		return map[string]uint64{}
	}
	return m
}

func getNetworkInfo(_ context.Context, s *service, _ args) (any, error) {
	network := s.backend.Network()
	info := NetworkInfo{
		Version:            clientVersion,
		SubVersion:         subversion(s.version),
		ProtocolVersion:    protocolVersion,
		LocalServices:      noServices,
		LocalServicesNames: []string{},
		LocalRelay:         true,
		NetworkActive:      network.Active,
		RelayFee:           Amount(s.backend.Mempool().Info().MinRelayFeeRate),
		IncrementalFee:     incrementalRelayFee,
		LocalAddresses:     []LocalAddress{},
		Warnings:           notNull(s.backend.Warnings()),
		TxNode: NetworkExtra{
			Version: s.version,
			PeerID:  network.PeerID,
			Listen:  []string{},
			Nodes:   s.backend.Overlay().Nodes,

			Failures: s.backend.Failures(),
		},
	}
	for _, class := range []string{"ipv4", "ipv6", "onion", "i2p", "cjdns"} {
		reachable := class == "ipv4" || class == "ipv6"
		info.Networks = append(info.Networks, NetworkClass{Name: class, Limited: !reachable, Reachable: reachable})
	}
	for _, p := range s.backend.Peers() {
		info.Connections++
		if p.Inbound {
			info.ConnectionsIn++
		} else {
			info.ConnectionsOut++
		}
	}
	for _, addr := range network.ListenAddrs {
		info.TxNode.Listen = append(info.TxNode.Listen, addr+"/p2p/"+network.PeerID)
		ap, ok := addrPort(addr)
		local := LocalAddress{Address: ap.Addr().String(), Port: ap.Port()}
		if ok && !slices.Contains(info.LocalAddresses, local) { // TCP and QUIC often share one
			info.LocalAddresses = append(info.LocalAddresses, local)
		}
	}
	return info, nil
}

func getBlockchainInfo(_ context.Context, s *service, _ args) (any, error) {
	height, medianTime := s.backend.Tip()
	return BlockchainInfo{
		Chain:                s.backend.Network().Name,
		Blocks:               height,
		Headers:              height,
		BestBlockHash:        s.backend.BestBlock().String(),
		Bits:                 "00000000",
		Target:               zeroHash,
		Time:                 medianTime.Unix(),
		MedianTime:           medianTime.Unix(),
		VerificationProgress: 1,
		ChainWork:            zeroHash,
		Warnings:             notNull(s.backend.Warnings()),
	}, nil
}

func setNetworkActive(_ context.Context, s *service, a args) (any, error) {
	s.backend.SetNetworkActive(a.boolean(0))
	return s.backend.Network().Active, nil
}

// ping answers once the times are known, which Core's leaves to be guessed.
func ping(ctx context.Context, s *service, _ args) (any, error) {
	s.backend.Ping(ctx)
	return nil, nil
}

func addNode(ctx context.Context, s *service, a args) (any, error) {
	node, command := a.text(0), a.text(1)
	var err error
	switch command {
	case "add":
		err = s.backend.AddNode(node)
	case "remove":
		err = s.backend.RemoveNode(node)
	case "onetry":
		err = s.backend.Connect(ctx, node)
	default:
		return nil, errorf(CodeMisc, "%s", s.methods["addnode"].usage())
	}
	switch {
	case errors.Is(err, ErrNodeAdded):
		return nil, errorf(CodeNodeAdded, "Error: Node already added")
	case errors.Is(err, ErrNodeNotAdded):
		return nil, errorf(CodeNodeNotAdded, "Error: Node could not be removed. It has not been added previously.")
	case errors.Is(err, ErrBadAddress):
		return nil, errorf(CodeInvalidParameter, "Error: %s; want a multiaddr such as /ip4/127.0.0.1/tcp/18555/p2p/12D3KooW…", err)
	}
	return nil, err
}

func disconnectNode(_ context.Context, s *service, a args) (any, error) {
	address := a.text(0)
	if (address != "") == (a[1] != nil) {
		return nil, errorf(CodeInvalidParams, "Only one of address and nodeid should be provided.")
	}
	id, err := a.integer(1, -1)
	if err != nil {
		return nil, err
	}
	if address != "" {
		id = idOf(address, s.backend.Peers())
	}
	err = ErrNotConnected
	if id >= 0 {
		err = s.backend.Disconnect(uint64(id))
	}
	if errors.Is(err, ErrNotConnected) {
		return nil, errorf(CodeNotConnected, "Node not found in connected nodes")
	}
	return nil, err
}

// idOf is the id of the peer with that address, or −1.
func idOf(address string, peers []Peer) int64 {
	for _, p := range peers {
		if p.Addr == address {
			return int64(p.ID)
		}
	}
	return -1
}

// networkClass is Core's name for the kind of network a multiaddr is in.
func networkClass(multiaddr string) string {
	ap, ok := addrPort(multiaddr)
	if !ok || !routable(ap.Addr()) {
		return "not_publicly_routable"
	}
	if ap.Addr().Is4() {
		return "ipv4"
	}
	return "ipv6"
}

// routable reports whether an address can be reached across the internet. Core's
// CNetAddr::IsRoutable knows the same ranges (RFC 1918, 2544, 3927, 4193, 4862,
// 5737, 6598, 3849).
func routable(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, reserved := range [...]string{
		"100.64.0.0/10", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32",
	} {
		if netip.MustParsePrefix(reserved).Contains(a) {
			return false
		}
	}
	return true
}

// addrPort is the IP address and port that a multiaddr begins with, if it does.
func addrPort(multiaddr string) (netip.AddrPort, bool) {
	parts := strings.Split(multiaddr, "/")
	if len(parts) < 5 || parts[1] != "ip4" && parts[1] != "ip6" {
		return netip.AddrPort{}, false
	}
	addr, err := netip.ParseAddr(parts[2])
	port, portErr := strconv.ParseUint(parts[4], 10, 16)
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), err == nil && portErr == nil
}

// transport is the last transport a multiaddr names: tcp, quic-v1, ws, ….
func transport(multiaddr string) string {
	parts := strings.Split(multiaddr, "/")
	for i := len(parts) - 1; i > 0; i-- {
		switch name := parts[i]; name {
		case "tcp", "udp", "quic-v1", "ws", "wss", "webtransport", "webrtc-direct", "p2p-circuit":
			return name
		}
	}
	return ""
}

func getNetTotals(_ context.Context, s *service, _ args) (any, error) {
	sent, received := s.backend.NetTotals()
	return NetTotals{
		TotalBytesRecv: received, TotalBytesSent: sent, TimeMillis: time.Now().UnixMilli(),
		UploadTarget: UploadTarget{TimeFrame: 24 * 60 * 60},
	}, nil
}
