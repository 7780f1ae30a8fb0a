package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

func newPeers() *cobra.Command {
	return newNoun("peers", "List, add and remove peers",
		"List the peers of a node, keep it connected to others, or drop some.",
		newPeersList(), newPeersOverlay(), newPeersAdd(), newPeersRemove())
}

func newPeersList() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "ls",
		Short: "List the connected peers",
		Long: `List the connected peers. MESH tells on which links transactions are pushed; on
the others they are reconciled.`,
		Example: `  txnode peers ls
  txnode peers ls --json | jq -r '.[].addr'`,
		Args: takes(0, 0),
	}, func(cmd *cobra.Command, c *rpc.Client, _ []string) error {
		if wantsJSON(cmd) {
			return callAndPrint(cmd, c, "getpeerinfo")
		}
		peers, err := c.GetPeerInfo(cmd.Context())
		if err != nil {
			return err
		}
		rows := make([][]string, len(peers))
		for i, p := range peers {
			rows[i] = []string{
				strconv.FormatUint(p.ID, 10), p.TxNode.PeerID, p.Addr, p.ConnectionType, yes(p.TxNode.Mesh),
				milliseconds(p.PingTime), byteSize(p.BytesSent), byteSize(p.BytesRecv), since(p.ConnTime), p.SubVer,
			}
		}
		return printTable(cmd.OutOrStdout(),
			[]string{"ID", "PEER ID", "ADDRESS", "TYPE", "MESH", "PING", "SENT", "RECEIVED", "UP", "AGENT"}, rows)
	})
}

func newPeersOverlay() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "overlay",
		Short: "List the nodes of the network, connected or not",
		Long: `List what beacons tell of the other nodes of the network: how many transactions
each held, the beginning of their digest, its fee floor, and how long ago that was.
Those that held fewer than this node, and not the same, lag. Each node hears of all, so
beacons are rarer in a larger network.`,
		Example: `  txnode peers overlay
  txnode peers overlay --json | jq .lagging`,
		Args: takes(0, 0),
	}, func(cmd *cobra.Command, c *rpc.Client, _ []string) error {
		if wantsJSON(cmd) {
			return callAndPrint(cmd, c, "getoverlayinfo")
		}
		info, err := c.GetOverlayInfo(cmd.Context())
		if err != nil {
			return err
		}
		rows := make([][]string, len(info.Others))
		for i, o := range info.Others {
			rows[i] = []string{
				o.PeerID, strconv.FormatUint(o.Count, 10), o.Digest[:min(len(o.Digest), 16)], o.FeeFloor.String(), since(int64(o.Heard)), yes(o.Lags), o.Agent,
			}
		}
		if err := printTable(cmd.OutOrStdout(), []string{"PEER ID", "TXS", "DIGEST", "FLOOR", "HEARD", "LAGS", "AGENT"}, rows); err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d nodes with this one, %d different mempools, %d behind ours; a beacon every %.0f s\n",
			info.Nodes, info.Digests, info.Lagging, info.Interval)
		return err
	})
}

func newPeersAdd() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "add MULTIADDR",
		Short: "Keep the node connected to a peer",
		Long: `Connect the node to a peer and redial it whenever the connection is lost, until
'peers rm' or the end of the node. A node prints its multiaddrs when it starts.`,
		Example: "  txnode peers add /ip4/192.0.2.7/tcp/18555/p2p/12D3KooW...",
		Args:    takes(1, 1),
	}, func(cmd *cobra.Command, c *rpc.Client, args []string) error {
		return done(cmd, c.AddNode(cmd.Context(), args[0], "add"), "added %s", args[0])
	})
}

func newPeersRemove() *cobra.Command {
	return clientCommand(&cobra.Command{
		Use:   "rm MULTIADDR|ID",
		Short: "Undo 'peers add', or drop a connection",
		Long: `With the multiaddr given to 'peers add': no longer redial that peer. With the ID
of 'peers ls': close that connection now.`,
		Example: `  txnode peers rm /ip4/192.0.2.7/tcp/18555/p2p/12D3KooW...
  txnode peers rm 3`,
		Args: takes(1, 1),
	}, func(cmd *cobra.Command, c *rpc.Client, args []string) error {
		if id, err := strconv.ParseUint(args[0], 10, 64); err == nil {
			return done(cmd, c.DisconnectNode(cmd.Context(), id), "disconnected %s", args[0])
		}
		return done(cmd, c.AddNode(cmd.Context(), args[0], "remove"), "removed %s", args[0])
	})
}

// callAndPrint prints the result of a method as the server wrote it.
func callAndPrint(cmd *cobra.Command, c *rpc.Client, method string, params ...any) error {
	var result json.RawMessage
	if err := c.Call(cmd.Context(), &result, method, params...); err != nil {
		return err
	}
	return printJSON(cmd.OutOrStdout(), result)
}

// done reports success in a line, or as JSON, unless there is an error.
func done(cmd *cobra.Command, err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	text := fmt.Sprintf(format, args...)
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), map[string]string{"done": text})
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// milliseconds writes a number of seconds, of which 0 is not known.
func milliseconds(seconds float64) string {
	if seconds == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1fms", seconds*1000)
}

// byteSize writes an amount of bytes in the unit that suits it.
func byteSize(n uint64) string {
	switch {
	case n < 1_000:
		return fmt.Sprintf("%dB", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1fkB", float64(n)/1e3)
	default:
		return fmt.Sprintf("%.1fMB", float64(n)/1e6)
	}
}

// since writes how long a moment, in Unix seconds, is ago.
func since(unix int64) string {
	return time.Since(time.Unix(unix, 0)).Truncate(time.Second).String()
}
