package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	golog "github.com/ipfs/go-log/v2"
)

// logSystems are the systems of go-log that a node uses: txnode's own, and those
// of libp2p under the names that it gives them. Go-log knows of a system only
// once it has logged.
var logSystems = []string{
	logSystem, "autonat", "basichost", "connmgr", "eventbus", "mdns", "nat", "net/identify", "p2p-config", "peerstore",
	"ping", "pubsub", "quic-transport", "quicreuse", "rcmgr", "swarm2", "tcp-tpt", "upgrader",
}

// everySystem names all of logSystems.
const everySystem = "all"

// debugSwitch switches debug messages while a node runs.
type debugSwitch struct {
	configured map[string]string // level by system

	mu    sync.Mutex
	debug map[string]bool
}

// newDebugSwitch begins with levels as --log-level has them.
func newDebugSwitch(levels string) *debugSwitch {
	s := &debugSwitch{configured: make(map[string]string), debug: make(map[string]bool)}
	for _, system := range logSystems {
		s.configured[system] = "error" // what libraries log unless asked for more
	}
	for part := range strings.SplitSeq(levels, ",") {
		system, level, ok := strings.Cut(part, "=")
		if !ok {
			system, level = logSystem, part
		}
		s.configured[system] = level
	}
	for system, level := range s.configured {
		s.debug[system] = level == "debug"
	}
	return s
}

// set has the included systems log debug messages and the excluded ones what was
// configured, and returns for each system whether it logs them. It is safe for
// concurrent use.
func (s *debugSwitch) set(include, exclude []string) (map[string]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, system := range slices.Concat(include, exclude) {
		if _, known := s.debug[system]; !known && system != everySystem {
			return nil, fmt.Errorf("unknown logging category %.100s", system)
		}
	}
	among := func(list []string, system string) bool {
		return slices.Contains(list, system) || slices.Contains(list, everySystem)
	}
	debug := make(map[string]bool, len(s.debug))
	for system := range s.debug {
		level := s.configured[system]
		switch {
		case among(exclude, system): // wins, as in Core
		case among(include, system):
			level = "debug"
		default:
			debug[system] = s.debug[system]
			continue
		}
		if err := golog.SetLogLevel(system, level); err != nil {
			return nil, err
		}
		debug[system] = level == "debug"
	}
	s.debug = debug
	return maps.Clone(debug), nil
}
