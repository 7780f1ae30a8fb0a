package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/txnode/txnode/node/rpc"
)

const (
	// arrival is how long a transaction, a link or a first round may take before
	// that it has not come is worth a word.
	arrival = time.Minute
	// recent is how long a failure to link is remembered: incompatible peers are
	// tried again after five minutes.
	recent = 15 * time.Minute
	// clockTolerance is by how much clocks may differ.
	clockTolerance = 10 * time.Second
	// floorTolerance is by how much fee floors may: they are told in steps of a
	// tenth, when they have changed by a third.
	floorTolerance = 1.5
	// failedRounds is how many rounds with a peer must have failed, and most of all:
	// some always do, when both sides begin one at once.
	failedRounds = 3
	// shownPeers is how many peers are named of those that have the same trouble.
	shownPeers = 3
)

// findings judges what was seen. Where one thing explains others, it comes first.
func (v *vitals) findings() []finding {
	if !v.mempool.Loaded {
		return []finding{{"loading", "the node is still loading its mempool", "'txnode health --wait 5m' waits until it has"}}
	}
	found := slices.Concat(v.surroundings(), v.links(), v.clocks(), v.floors(), v.lag(), v.rounds(), v.arrivals())
	if len(found) > 0 {
		found = append(found, v.versions()...)
	}
	return found
}

// now is the node's time.
func (v *vitals) now() time.Time { return time.UnixMilli(v.totals.TimeMillis) }

// peer is the connected peer of that id, or nil.
func (v *vitals) peer(id string) *rpc.PeerInfo {
	i := slices.IndexFunc(v.peers, func(p rpc.PeerInfo) bool { return p.TxNode.PeerID == id })
	if i < 0 {
		return nil
	}
	return &v.peers[i]
}

// surroundings is what the node warns of: the disk, and a Bitcoin node that is
// away.
func (v *vitals) surroundings() (found []finding) {
	for _, w := range v.network.Warnings {
		found = append(found, finding{"warning", w, "the node's log has the details"})
	}
	for _, dir := range v.setAside {
		if !slices.ContainsFunc(v.network.Warnings, func(w string) bool { return strings.Contains(w, dir) }) {
			found = append(found, finding{"disk", "an earlier run found its stored mempool damaged and set it aside", "check the disk, then delete " + dir})
		}
	}
	return found
}

// links is whether there are peers, and why some are not.
func (v *vitals) links() (found []finding) {
	if len(v.peers) == 0 {
		found = append(found, finding{"peers", "the node has no peers", "connect it by 'txnode peers add MULTIADDR', or start it with --bootstrap or --mdns"})
	}
	for _, f := range v.network.TxNode.Failures {
		switch at := time.UnixMicro(int64(f.Time * 1e6)); {
		case v.now().Sub(at) > recent || v.peer(f.PeerID) != nil:
		case f.Incompatible:
			found = append(found, finding{"network", fmt.Sprintf("%s at %s: %s", f.PeerID, f.Addr, f.Reason),
				"give both the same --network and the same --utxo or --chain-rpc, and the same version"})
		default:
			found = append(found, finding{"peers", fmt.Sprintf("%s is not reached: %s", f.Addr, f.Reason),
				"start that node, open its port or correct its address; 'txnode peers rm MULTIADDR' gives it up"})
		}
	}
	return found
}

// clocks compares the node's with this computer's and with what other nodes began
// their beacons at.
func (v *vitals) clocks() (found []finding) {
	if d := v.now().Sub(v.answered); d > clockTolerance {
		found = append(found, finding{"clock", fmt.Sprintf("the node's clock is %s ahead of this computer's", d.Round(time.Second)), "set both by NTP"})
	}
	if d := v.asked.Sub(v.now()); d > clockTolerance {
		found = append(found, finding{"clock", fmt.Sprintf("the node's clock is %s behind this computer's", d.Round(time.Second)), "set both by NTP"})
	}
	var ahead []string
	most := 0.0
	for _, o := range v.overlay.Others {
		if o.Ahead > clockTolerance.Seconds() {
			ahead, most = append(ahead, o.PeerID), max(most, o.Ahead)
		}
	}
	if len(ahead) == 0 {
		return found
	}
	do := "set their clocks by NTP"
	if 2*len(ahead) > len(v.overlay.Others) {
		do = "set this node's clock by NTP, and theirs"
	}
	by := time.Duration(most * float64(time.Second)).Round(time.Second)
	return append(found, finding{"clock", fmt.Sprintf("the clocks of %d of %d nodes are ahead of this node's by up to %s: %s",
		len(ahead), len(v.overlay.Others), by, some(ahead)), do})
}

// floors compares fee floors with peers.
func (v *vitals) floors() (found []finding) {
	ours := v.mempool.MempoolMinFee
	var above, below []string
	highest, lowest := ours, ours
	for _, p := range v.peers {
		switch theirs := p.MinFeeFilter; {
		case float64(theirs) > floorTolerance*float64(ours):
			above, highest = append(above, named(p)), max(highest, theirs)
		case float64(ours) > floorTolerance*float64(theirs):
			below, lowest = append(below, named(p)), min(lowest, theirs)
		}
	}
	if len(above) > 0 {
		found = append(found, finding{"fees", fmt.Sprintf("%d of %d peers take nothing below a floor of up to %s BTC/kvB, and this node from %s on, so that what pays less stays here: %s",
			len(above), len(v.peers), highest, ours, some(above)), "pay more, or start all nodes with one --min-relay-fee-rate"})
	}
	if len(below) == 0 {
		return found
	}
	do := fmt.Sprintf("start all nodes with one --min-relay-fee-rate, such as %d", int64(lowest))
	if float64(ours) > floorTolerance*float64(v.mempool.MinRelayTxFee) {
		do = "its mempool was full: raise --mempool-max-bytes, or wait until the floor has fallen"
	}
	return append(found, finding{"fees", fmt.Sprintf("this node takes nothing below %s BTC/kvB, and %d of %d peers from %s on, so that it lacks what pays less: %s",
		ours, len(below), len(v.peers), lowest, some(below)), do})
}

// differs reports whether the other node's mempool is another one for no reason
// that time explains.
func (v *vitals) differs(o rpc.OverlayNode) bool {
	p := v.peer(o.PeerID)
	return (o.Lacks > 0 || o.Differs) && (p == nil || v.now().Sub(time.Unix(p.ConnTime, 0)) > arrival)
}

// lag is what beacons tell of the other nodes.
func (v *vitals) lag() (found []finding) {
	if v.overlay.Nodes == 1 && v.uptime > 2*arrival && slices.ContainsFunc(v.peers, func(p rpc.PeerInfo) bool { return v.now().Sub(time.Unix(p.ConnTime, 0)) > 2*arrival }) {
		found = append(found, finding{"overlay", "the node has peers and hears no beacon of any", "see its log, and theirs; 'txnode peers overlay' lists who is heard"})
	}
	var lacking, other []string
	most := 0
	for _, o := range v.overlay.Others {
		diff, known := v.differences[o.PeerID]
		switch {
		case !v.differs(o):
		case known:
			if d, ok := explain(o.PeerID, diff); ok {
				found = append(found, d)
			}
		case o.Lacks > 0:
			lacking, most = append(lacking, o.PeerID), max(most, o.Lacks)
		default:
			other = append(other, o.PeerID)
		}
	}
	if len(lacking) > 0 {
		found = append(found, finding{"overlay", fmt.Sprintf("%d of %d other nodes lack up to %d transactions that this node has had for half a minute: %s",
			len(lacking), len(v.overlay.Others), most, some(lacking)), "run 'txnode doctor' there"})
	}
	if len(other) > 0 {
		found = append(found, finding{"overlay", fmt.Sprintf("%d of %d other nodes hold another mempool, and this node's has been the same for half a minute: %s",
			len(other), len(v.overlay.Others), some(other)), "'txnode mempool diff NODE NODE' tells in what they differ"})
	}
	return found
}

// explain says in what mempools differ. If they are equal by now, there is nothing
// to say.
func explain(peer string, diff rpc.MempoolDiff) (finding, bool) {
	if diff.Equal {
		return finding{}, false
	}
	found := fmt.Sprintf("peer %s lacks %d transactions of this node's, which lacks %d of its", peer, len(diff.Ours), len(diff.Theirs)+len(diff.Refused))
	do := "'txnode doctor' again shows whether that lasts"
	if len(diff.Refused) > 0 {
		reasons := make([]string, len(diff.Refused))
		for i, r := range diff.Refused {
			reasons[i] = r.WTxID + " (" + r.Reason + ")"
		}
		found += fmt.Sprintf(", %d of them refused here: %s", len(diff.Refused), some(reasons))
		do = "time does not change that, unless the reason goes"
	}
	return finding{"overlay", found, do}, true
}

// rounds is how reconciliation goes.
func (v *vitals) rounds() (found []finding) {
	rounds := 0
	for _, p := range v.recon.Peers {
		rounds += p.Rounds
		name := fmt.Sprintf("peer %d (%s)", p.ID, p.PeerID)
		if p.Failed >= failedRounds && 2*p.Failed > p.Rounds {
			last := cmp.Or(p.LastReason, p.LastOutcome)
			found = append(found, finding{"recon", fmt.Sprintf("%d of %d rounds with %s failed, the last with %s", p.Failed, p.Rounds, name, last),
				fmt.Sprintf("'txnode recon now %d' tries one; 'txnode peers rm %d' drops it", p.ID, p.ID)})
		}
		if p.Lacks > 0 {
			found = append(found, finding{"recon", fmt.Sprintf("%s was offered %d transactions a minute or longer ago and never took them", name, p.Lacks),
				"run 'txnode doctor' there: it may refuse them, or its floor be above them"})
		}
		if p.Withholds > 0 {
			found = append(found, finding{"recon", fmt.Sprintf("%s offered %d transactions a minute or longer ago and never served them", name, p.Withholds),
				fmt.Sprintf("'txnode peers rm %d' drops it; other peers may serve them", p.ID)})
		}
	}
	old := slices.ContainsFunc(v.peers, func(p rpc.PeerInfo) bool { return v.now().Sub(time.Unix(p.ConnTime, 0)) > arrival })
	if rounds == 0 && old {
		found = append(found, finding{"recon", "no round of reconciliation has taken place with any peer", "start the nodes without '--recon-interval 0'"})
	}
	return found
}

// arrivals is what was submitted here and has not been shown to have arrived.
func (v *vitals) arrivals() []finding {
	if len(v.waiting) == 0 {
		return nil
	}
	return []finding{{"unbroadcast", fmt.Sprintf("%d transactions submitted here have not been shown to have arrived anywhere, the first because %s: %s",
		len(v.waiting), v.whyWaiting, some(v.waiting)), "'txnode tx wait TXID' shows who was told"}}
}

// versions is who runs another one.
func (v *vitals) versions() []finding {
	own := "txnode/" + v.network.TxNode.Version
	var others []string
	for _, p := range v.peers {
		if p.SubVer != "" && p.SubVer != own {
			others = append(others, fmt.Sprintf("%s: %s", named(p), p.SubVer))
		}
	}
	if len(others) == 0 {
		return nil
	}
	return []finding{{"version", fmt.Sprintf("%d of %d peers do not run %s: %s", len(others), len(v.peers), own, some(others)), "run one version everywhere"}}
}

// named is a peer by the id that commands take, and by the beginning of its own.
func named(p rpc.PeerInfo) string { return fmt.Sprintf("peer %d (%.16s…)", p.ID, p.TxNode.PeerID) }

// some is the first of a list in words.
func some(list []string) string {
	text := strings.Join(list[:min(len(list), shownPeers)], ", ")
	if more := len(list) - shownPeers; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
