package testnet

import (
	"context"
	"fmt"
	"time"
)

const (
	// connectLimit is how long the network may take to form.
	connectLimit = 60 * time.Second

	// meshLimit is for how long of it every node is to have the mesh degree
	// GossipSub aims at. Then one mesh link is enough: the mesh mends itself.
	meshLimit = 15 * time.Second

	// meshDegree is the least mesh degree GossipSub aims at (Dlo).
	meshDegree = 4
)

// connect waits until every link is up and the mesh has formed.
func (r *run) connect(ctx context.Context) error {
	want := linksWanted(r.dials)
	began := time.Now()
	for {
		mesh := meshDegree
		if time.Since(began) > meshLimit {
			mesh = 1
		}
		late := ""
		for i, m := range r.members {
			if late = m.late(want[i], min(mesh, want[i])); late != "" {
				break
			}
		}
		if late == "" {
			return nil
		}
		if time.Since(began) > connectLimit {
			return fmt.Errorf("testnet: the network has not formed within %v: %s", connectLimit, late)
		}
		if err := sleep(ctx, pollInterval); err != nil {
			return err
		}
	}
}

// linksWanted is how many links each node has when all dials have succeeded.
func linksWanted(dials [][]int) []int {
	want := make([]int, len(dials))
	for from, tos := range dials {
		want[from] += len(tos)
		for _, to := range tos {
			want[to]++
		}
	}
	return want
}

// late says what the node lacks of so many links, so many of them in the mesh,
// or nothing.
func (m *Member) late(links, mesh int) string {
	haveMesh := 0
	peers := m.Node.Peers()
	for _, p := range peers {
		if p.InMesh {
			haveMesh++
		}
	}
	if len(peers) >= links && haveMesh >= mesh {
		return ""
	}
	return fmt.Sprintf("%s has %d of %d links, %d of them in the mesh", m.Name, len(peers), links, haveMesh)
}
