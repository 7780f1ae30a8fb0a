package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	answerTimeout  = 5 * time.Second  // of one node, for its digest
	compareTimeout = 10 * time.Second // of all nodes, for their mempools
	shownMissing   = 3                // txids named per node
)

// convergence is one look at the digests of several nodes.
type convergence struct {
	Converged bool         `json:"converged"`
	Digests   int          `json:"digests"` // distinct ones
	Seconds   float64      `json:"seconds"`
	Nodes     []nodeDigest `json:"nodes"`
}

// nodeDigest is what one node holds.
type nodeDigest struct {
	Name    string   `json:"name"`
	Digest  string   `json:"digest,omitempty"`
	Count   int      `json:"count"`
	Error   string   `json:"error,omitempty"`   // why there is no digest
	Missing []string `json:"missing,omitempty"` // txids that another node holds

	node endpoint
}

// look asks all nodes at once.
func look(ctx context.Context, nodes []endpoint) *convergence {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	c := &convergence{Nodes: make([]nodeDigest, len(nodes))}
	var asked sync.WaitGroup
	for i, node := range nodes {
		asked.Go(func() {
			n := nodeDigest{Name: node.name, node: node}
			if d, err := node.client.GetMempoolDigest(ctx); err != nil {
				n.Error = err.Error()
			} else {
				n.Digest, n.Count = d.Digest, d.Count
			}
			c.Nodes[i] = n
		})
	}
	asked.Wait()
	digests := make(map[string]bool)
	silent := 0
	for _, n := range c.Nodes {
		if n.Error != "" {
			silent++
			continue
		}
		digests[n.Digest] = true
	}
	c.Digests = len(digests)
	c.Converged = len(digests) == 1 && silent == 0
	return c
}

// compareMempools finds for each node the transactions that another one holds.
func (c *convergence) compareMempools(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, compareTimeout)
	defer cancel()
	pools := make([]map[string]string, len(c.Nodes)) // txid by wtxid; nil: unknown
	union := make(map[string]string)
	for i, n := range c.Nodes {
		entries, err := n.node.client.GetRawMempoolVerbose(ctx)
		if err != nil {
			continue
		}
		pools[i] = make(map[string]string, len(entries))
		for txid, e := range entries {
			pools[i][e.WTxID] = txid
		}
		maps.Copy(union, pools[i])
	}
	all := slices.Sorted(maps.Keys(union))
	for i, pool := range pools {
		for _, wtxid := range all {
			if _, holds := pool[wtxid]; pool != nil && !holds {
				c.Nodes[i].Missing = append(c.Nodes[i].Missing, union[wtxid])
			}
		}
	}
}

// print says who agrees, in one line if all do.
func (c *convergence) print(w io.Writer) error {
	if c.Converged {
		one := c.Nodes[0]
		_, err := fmt.Fprintf(w, "CONVERGED: %d/%d mempools identical, %d transactions, digest %s, %.1f s\n",
			len(c.Nodes), len(c.Nodes), one.Count, one.Digest, c.Seconds)
		return err
	}
	rows := make([][]string, len(c.Nodes))
	for i, n := range c.Nodes {
		rows[i] = []string{n.Name, "no answer", "-", "-"}
		if n.Error == "" {
			rows[i] = []string{n.Name, n.Digest[:16] + "…", strconv.Itoa(n.Count), strconv.Itoa(len(n.Missing))}
		}
	}
	if err := printTable(w, []string{"NODE", "DIGEST", "TRANSACTIONS", "LACKS"}, rows); err != nil {
		return err
	}
	for _, n := range c.Nodes {
		if reason := n.reason(); reason != "" {
			fmt.Fprintf(w, "%s %s\n", n.Name, reason)
		}
	}
	_, err := fmt.Fprintf(w, "NOT CONVERGED: %d different mempools among %d nodes, %.1f s\n", c.Digests, len(c.Nodes), c.Seconds)
	return err
}

// reason is why the node has not converged: no answer, or a few of the
// transactions that it lacks.
func (n *nodeDigest) reason() string {
	switch {
	case n.Error != "":
		return "does not answer: " + n.Error
	case len(n.Missing) == 0:
		return ""
	case len(n.Missing) <= shownMissing:
		return "lacks " + strings.Join(n.Missing, " ")
	}
	return fmt.Sprintf("lacks %s and %d more", strings.Join(n.Missing[:shownMissing], " "), len(n.Missing)-shownMissing)
}
