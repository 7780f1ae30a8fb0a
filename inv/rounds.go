package inv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/inv/recon"
	"github.com/txnode/txnode/inv/relaymsg"
)

const (
	// MaxFrozen bounds the transactions in all sets frozen for answered rounds
	// together: 48 bytes each. Beyond, requests are answered BUSY.
	MaxFrozen = 2_000_000
	// maxDeparted bounds the peers remembered as having left right after a summary.
	maxDeparted = 1024
	// connectDelay is within which the dialer of a new link starts a round.
	connectDelay = time.Second
	// SyncInterval is the mean time after which a round is over whole mempools
	// again, so that nothing is lost for good.
	SyncInterval = 10 * time.Minute
	// quietInterval is the least time between rounds on a link where nothing is
	// new here.
	quietInterval = 10 * time.Second
	// maxSettled bounds the transactions remembered as named in the latest rounds
	// of a link, for each of two of them.
	maxSettled = 2 * recon.MaxDiff
	// timeoutPause is how long a link is passed over after the second round in a
	// row without an answer. It doubles with each further one, up to
	// maxTimeoutPause.
	timeoutPause    = 30 * time.Second
	maxTimeoutPause = 10 * time.Minute
	// maxBusy bounds how long a peer can put off the next round by BUSY.
	maxBusy = time.Minute
	// listBurst parts of a summary are sent every listPause, 2.4 MB/s, so that a
	// long one does not fill the queue to a peer that others share.
	listBurst = 8
	listPause = 200 * time.Millisecond
	// askPause is how often the initiator looks whether it has fetched half of
	// what it may request from one peer, and asks for more of a difference.
	askPause = 200 * time.Millisecond
	// Persistence is how long a peer may lack what it was offered, or owe what it
	// offered, before rounds tell of it.
	Persistence = time.Minute
)

// round is what is known of an active round beside its state machine.
type round struct {
	Round
	frozen  span               // of the set it works on
	want    []relaymsg.ReconID // what we lack and have not asked for yet
	surplus []chainhash.Hash   // what the peer lacks and was not told of yet
	cut     bool               // more differs than one round moves
	owed    map[relaymsg.ShortID]time.Time
}

// schedule arms the next regular round.
func (r *Relay) schedule() {
	r.nextRound = time.Time{}
	if r.cfg.ReconInterval == 0 || !slices.ContainsFunc(r.order, func(p *peer) bool { return p.Outbound }) {
		return
	}
	r.nextRound = r.now.Add(r.jittered(r.cfg.ReconInterval))
}

func (r *Relay) jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*r.cfg.Rand.Float64()))
}

// scheduleFirstRound makes the dialer of a new link start a round soon: after
// a restart or a partition this is what heals.
func (r *Relay) scheduleFirstRound(p *peer) {
	if r.cfg.ReconInterval == 0 || !p.Outbound {
		return
	}
	r.roundSoon(p)
	if r.nextRound.IsZero() {
		r.schedule()
	}
}

func (r *Relay) roundSoon(p *peer) {
	p.soonAt = r.now.Add(time.Duration(r.cfg.Rand.Int64N(int64(connectDelay))))
}

func (p *peer) wakeForRounds() time.Time {
	wake := earlier(p.initiator.Deadline(), p.responder.Deadline())
	return earlier(earlier(wake, p.soonAt), earlier(p.listAt, p.askAt))
}

// continueRounds does what time demands of rounds.
func (r *Relay) continueRounds() {
	for _, p := range r.order {
		if r.due(p.initiator.Deadline()) {
			r.abandonOwn(p, OutcomeTimeout, silence(p.initiated))
		}
		if r.due(p.responder.Deadline()) {
			r.abandonAnswer(p, OutcomeTimeout, silence(p.answered))
		}
		if r.due(p.listAt) {
			r.list(p)
		}
		if r.due(p.askAt) {
			r.askMore(p)
		}
		switch {
		case p.requested && !p.initiator.Active():
			p.requested = false
			r.initiate(p, true)
		case r.due(p.soonAt):
			p.soonAt = time.Time{}
			if r.idle(p) {
				r.initiate(p, false)
			}
		}
	}
	if r.due(r.nextRound) {
		r.schedule()
		if p := r.nextPartner(); p != nil {
			r.turns++
			p.turn = r.turns
			r.initiate(p, false)
		}
	}
}

// nextPartner is the idle outbound peer whose turn is longest ago. The first
// round of a link is no turn: after a partition the links across it, most of them
// not in the mesh, come before those that carried announcements all the time.
func (r *Relay) nextPartner() (next *peer) {
	for _, p := range r.order {
		if r.idle(p) && !r.quiet(p) && (next == nil || p.turn < next.turn) {
			next = p
		}
	}
	return next
}

func (r *Relay) idle(p *peer) bool {
	return p.Outbound && !p.initiator.Active() && !p.busyUntil.After(r.now)
}

// quiet reports that a round would most likely find nothing.
func (r *Relay) quiet(p *peer) bool {
	return p.own.to == r.pool.listings && r.now.Sub(p.doneAt) < quietInterval
}

// Reconcile has a round over whole mempools with the peer begin at once, or after
// the one under way, whoever dialled and even if the peer has asked for a pause.
// Ready.Rounds tells of it with Requested set, however it ends. It reports
// whether the peer is there and rounds are not switched off.
func (r *Relay) Reconcile(now time.Time, id PeerID) bool {
	r.advance(now)
	p := r.peers[id]
	if p == nil || r.cfg.ReconInterval == 0 {
		return false
	}
	p.requested = true
	return true
}

// initiate begins a round. One that is requested is over whole mempools.
func (r *Relay) initiate(p *peer, requested bool) {
	in := &round{Round: Round{Peer: p.id, Initiator: true, Requested: requested, Started: r.now}}
	p.initiated = in
	if set, frozen := r.pool.since(p.own, &p.settled); p.initiator.CanBeSteady(set) && !r.due(r.nextSync) && !requested {
		m := p.initiator.Steady(r.now, set)
		in.frozen, in.ID, in.Ours, in.Steady = frozen, m.Round, set.Count, true
		r.sendRound(p, in, m)
		return
	}
	if r.nextSync.IsZero() || r.due(r.nextSync) {
		r.nextSync = r.now.Add(r.jittered(SyncInterval))
	}
	set, frozen := r.pool.freeze()
	m := p.initiator.Start(r.now, r.nonce(), set)
	in.frozen, in.ID, in.Ours = frozen, m.Round, set.Count
	r.sendRound(p, in, m)
}

func (r *Relay) nonce() (n relaymsg.Nonce) {
	binary.LittleEndian.PutUint64(n[:8], r.cfg.Rand.Uint64())
	binary.LittleEndian.PutUint64(n[8:], r.cfg.Rand.Uint64())
	return n
}

// reconciling takes a message of the recon lane.
func (r *Relay) reconciling(p *peer, m relaymsg.Message) {
	var err error
	switch m := m.(type) {
	case *relaymsg.ReconRequest:
		err = r.requested(p, m)
	case *relaymsg.ReconEqual:
		if err = p.initiator.Equal(m); err == nil {
			r.countReceived(p.initiated, m)
			p.initiated.Equal = true
			p.initiated.Theirs = p.initiated.Ours
			r.agreed(p, p.initiated, nil)
			r.finish(&p.initiated, OutcomeEqual)
		}
	case *relaymsg.ReconBusy:
		if err = p.initiator.Busy(m); err == nil {
			p.busyUntil = r.now.Add(time.Duration(min(m.RetryMillis, uint64(maxBusy.Milliseconds()))) * time.Millisecond)
			r.countReceived(p.initiated, m)
			p.initiated.Reason = fmt.Sprintf("the peer is busy and asks for a pause of %d ms", m.RetryMillis)
			r.finish(&p.initiated, OutcomeBusy)
		}
	case *relaymsg.ReconResync:
		if err = p.initiator.Resync(m); err == nil {
			r.countReceived(p.initiated, m)
			p.initiated.Reason = "the rounds counted from differ, or more is new than a sketch tells"
			r.finish(&p.initiated, OutcomeResync)
			r.initiate(p, false)
		}
	case *relaymsg.ReconSteady:
		err = r.steadyRequested(p, m)
	case *relaymsg.ReconSketch:
		err = r.sketched(p, m)
	case *relaymsg.ReconCells:
		err = r.cells(p, m)
	case *relaymsg.ReconList:
		err = r.listed(p, m)
	case *relaymsg.ReconMore:
		if err = p.responder.More(r.now, m); err == nil {
			r.countReceived(p.answered, m)
			r.list(p)
		}
	case *relaymsg.ReconDiff:
		err = r.differs(p, m)
	case *relaymsg.ReconOffer:
		err = r.offers(p, m)
	}
	if err != nil && !errors.Is(err, recon.ErrStale) {
		r.violated(p, err.Error())
	}
}

// silence says at what point of a round the peer fell silent.
func silence(in *round) string {
	if in.BytesReceived == 0 {
		return fmt.Sprintf("no answer in %v", recon.Timeout)
	}
	return fmt.Sprintf("no progress for %v after %d bytes from the peer", recon.Timeout, in.BytesReceived)
}

// abandonOwn ends a round that we initiated without its result.
func (r *Relay) abandonOwn(p *peer, o Outcome, reason string) {
	p.initiator.Abandon()
	p.askAt = time.Time{}
	p.initiated.Reason = reason
	r.finish(&p.initiated, o)
}

func (r *Relay) abandonAnswer(p *peer, o Outcome, reason string) {
	p.responder.Abandon()
	p.listAt = time.Time{}
	p.answered.Reason = reason
	r.finish(&p.answered, o)
}

// abandonRounds ends what is active on a link that dies.
func (r *Relay) abandonRounds(p *peer, reason string) {
	if p.initiator.Active() {
		r.abandonOwn(p, OutcomeDisconnected, reason)
	}
	if p.responder.Active() {
		r.abandonAnswer(p, OutcomeDisconnected, reason)
	}
	if p.requested {
		r.out.Rounds = append(r.out.Rounds, Round{
			Peer: p.id, Initiator: true, Requested: true, Started: r.now, Outcome: OutcomeDisconnected, Reason: reason,
		})
	}
}

func (r *Relay) finish(at **round, o Outcome) {
	done := *at
	*at = nil
	done.Outcome = o
	done.Duration = r.now.Sub(done.Started)
	r.out.Rounds = append(r.out.Rounds, done.Round)
	p := r.peers[done.Peer]
	switch {
	case !o.Failed():
		r.completed(p, done)
	case o == OutcomeTimeout && done.Initiator:
		if p.timeouts++; p.timeouts > 1 {
			pause := min(timeoutPause<<min(p.timeouts-2, 10), maxTimeoutPause)
			p.busyUntil = r.now.Add(pause)
		}
	}
}

// completed lets the next round on the link begin where this one ended.
func (r *Relay) completed(p *peer, done *round) {
	if !done.Steady {
		p.owed = done.owed
	}
	p.settled.turn()
	if !done.Initiator {
		p.theirs = done.frozen
		return
	}
	p.own = done.frozen
	p.doneAt, p.timeouts = r.now, 0
}

func (r *Relay) sendRound(p *peer, in *round, m relaymsg.Message) {
	in.BytesSent += r.frameLen(m)
	r.send(p, m)
}

func (r *Relay) countReceived(in *round, m relaymsg.Message) { in.BytesReceived += r.frameLen(m) }

func (r *Relay) frameLen(m relaymsg.Message) int {
	r.scratch = relaymsg.AppendFrame(r.scratch[:0], m)
	return len(r.scratch)
}
