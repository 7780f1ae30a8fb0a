package testnet

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/chainhash/v2"

	"github.com/txnode/txnode/mempool"
)

// tx makes a transaction of which only the name is true.
func tx(name byte, parents ...byte) held {
	h := held{txid: chainhash.Hash{name}, wtxid: chainhash.Hash{name, 1}, raw: []byte{name}}
	for _, p := range parents {
		h.parents = append(h.parents, chainhash.Hash{p})
	}
	return h
}

// refuses makes a node's opinion of transactions it lacks, by their names.
func refuses(kinds map[byte]mempool.ErrorKind) func([]byte) (string, error) {
	return func(raw []byte) (string, error) {
		kind, refused := kinds[raw[0]]
		if !refused {
			return "", nil
		}
		return kind.Error(), &mempool.RuleError{Kind: kind, Reason: kind.Error()}
	}
}

func TestJudge(t *testing.T) {
	conflict := mempool.ErrConflict.Error()
	missing := mempool.ErrMissingInputs.Error()
	for _, c := range []struct {
		name      string
		mempools  [][]held
		refusals  []map[byte]mempool.ErrorKind
		submitted []held
		want      Outcome
		digests   int
		gaps      string
	}{
		{
			name:     "nothing anywhere",
			mempools: [][]held{{}, {}},
			want:     Converged, digests: 1,
		},
		{
			name:     "equal in another order",
			mempools: [][]held{{tx(1), tx(2)}, {tx(2), tx(1)}},
			want:     Converged, digests: 1,
		},
		{
			name:     "one lacks what it would accept",
			mempools: [][]held{{tx(1), tx(2), tx(3)}, {tx(2)}},
			want:     Diverged, digests: 2,
			gaps: "[b lacks 2 of 1 3]",
		},
		{
			name:     "each keeps its side of a double spend",
			mempools: [][]held{{tx(1)}, {tx(2)}},
			refusals: []map[byte]mempool.ErrorKind{{2: mempool.ErrConflict}, {1: mempool.ErrConflict}},
			want:     Settled, digests: 2,
			gaps: "[a lacks 1 of 2, final: " + conflict + "] [b lacks 1 of 1, final: " + conflict + "]",
		},
		{
			name:     "a child of a refused transaction settles with it",
			mempools: [][]held{{tx(1), tx(3, 1), tx(4, 3)}, {tx(2)}},
			refusals: []map[byte]mempool.ErrorKind{
				{2: mempool.ErrConflict},
				{1: mempool.ErrConflict, 3: mempool.ErrMissingInputs, 4: mempool.ErrMissingInputs},
			},
			want: Settled, digests: 2,
			gaps: "[a lacks 1 of 2, final: " + conflict + "] [b lacks 1 of 1, final: " + conflict +
				"] [b lacks 2 of 3 4, final: spends a transaction that is refused there]",
		},
		{
			name:     "an orphan may yet find its parent",
			mempools: [][]held{{tx(1), tx(3, 1)}, {}},
			refusals: []map[byte]mempool.ErrorKind{{}, {3: mempool.ErrMissingInputs}},
			want:     Diverged, digests: 2,
			gaps: "[b lacks 1 of 1] [b lacks 1 of 3: " + missing + "]",
		},
		{
			name:     "room and time may appear, and a transaction arrive during the judgement",
			mempools: [][]held{{tx(1), tx(2), tx(3)}, {}},
			refusals: []map[byte]mempool.ErrorKind{{}, {1: mempool.ErrFull, 2: mempool.ErrPremature, 3: mempool.ErrAlreadyInMempool}},
			want:     Diverged, digests: 2,
			gaps: "[b lacks 1 of 1: mempool full] [b lacks 1 of 2: not yet valid] [b lacks 1 of 3: already in mempool]",
		},
		{
			name:     "one reason that is not final is enough",
			mempools: [][]held{{tx(1), tx(2)}, {}},
			refusals: []map[byte]mempool.ErrorKind{{}, {1: mempool.ErrConflict}},
			want:     Diverged, digests: 2,
			gaps: "[b lacks 1 of 1, final: " + conflict + "] [b lacks 1 of 2]",
		},
		{
			name:      "everybody lost what was submitted",
			mempools:  [][]held{{tx(1)}, {tx(1)}},
			submitted: []held{tx(1), tx(9)},
			want:      Diverged, digests: 1,
			gaps: "[a lacks 1 of 9] [b lacks 1 of 9]",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var holders []holder
			for i, pool := range c.mempools {
				var refusals map[byte]mempool.ErrorKind
				if c.refusals != nil {
					refusals = c.refusals[i]
				}
				holders = append(holders, holder{name: string(rune('a' + i)), mempool: pool, refusal: refuses(refusals)})
			}
			v := judge(holders, c.submitted)
			if v.Outcome != c.want || v.Digests != c.digests || v.OK() != (c.want != Diverged) {
				t.Errorf("%s with %d digests, want %s with %d", v.Outcome, v.Digests, c.want, c.digests)
			}
			var gaps []string
			pairs := 0
			for _, g := range v.Gaps {
				gaps = append(gaps, describe(g))
				pairs += g.Count
			}
			if got := fmt.Sprint(gaps); got != "["+c.gaps+"]" {
				t.Errorf("gaps %s\nwant [%s]", got, c.gaps)
			}
			if pairs != v.Missing {
				t.Errorf("%d pairs are missing, but the gaps hold %d", v.Missing, pairs)
			}
		})
	}
}

func describe(g Gap) string {
	text := fmt.Sprintf("[%s lacks %d of", g.Node, g.Count)
	for _, id := range g.TxIDs {
		text += fmt.Sprintf(" %d", id[0])
	}
	if g.Final {
		text += ", final"
	}
	if g.Reason != "" {
		text += ": " + g.Reason
	}
	return text + "]"
}

func TestJudgeAsksNoMoreThanItNeeds(t *testing.T) {
	var pool []held
	for i := range 3 * maxReasons {
		h := held{txid: chainhash.Hash{byte(i), byte(i >> 8)}, raw: []byte{1}}
		h.wtxid = h.txid
		pool = append(pool, h)
	}
	for _, c := range []struct {
		err   error
		asked int
		want  Outcome
	}{
		{nil, maxReasons, Diverged},
		{&mempool.RuleError{Kind: mempool.ErrConflict}, 3 * maxReasons, Settled}, // only all of them make it sure
	} {
		asked := 0
		v := judge([]holder{
			{name: "a", mempool: pool},
			{name: "b", refusal: func([]byte) (string, error) { asked++; return "", c.err }},
		}, nil)
		if v.Outcome != c.want || asked != c.asked || v.Missing != 3*maxReasons {
			t.Errorf("%s after %d questions about %d pairs, want %s after %d", v.Outcome, asked, v.Missing, c.want, c.asked)
		}
		for _, g := range v.Gaps {
			if len(g.TxIDs) > MaxListed {
				t.Errorf("a gap lists %d transactions", len(g.TxIDs))
			}
		}
	}
}

func TestOnlyRulesAreFinal(t *testing.T) {
	if isFinal(errors.New("the disk is on fire")) {
		t.Error("an error that is no refusal was taken for a final one")
	}
}

func TestDigestIsTheSumOfHashes(t *testing.T) {
	// SHA-256 of 32 zero bytes, and multiples of it modulo 2^256.
	zero := held{}
	for _, c := range []struct {
		times int
		want  string
	}{
		{0, "0000000000000000000000000000000000000000000000000000000000000000"},
		{1, "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925"},
		{2, "ccd0f55bf0c57aeed91f83171d3f1c40112e290addc467672054b23a1abe524a"},
		{4, "99a1eab7e18af5ddb23f062e3a7e3880225c5215bb88cece40a96474357ca494"}, // wraps around
	} {
		d := digest(slices.Repeat([]held{zero}, c.times))
		if got := hex.EncodeToString(d[:]); got != c.want {
			t.Errorf("%d times: %s, want %s", c.times, got, c.want)
		}
	}
}
