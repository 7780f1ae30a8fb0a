package rpc

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

func help(_ context.Context, s *service, a args) (any, error) {
	if name := a.text(0); name != "" {
		if m := s.methods[name]; m != nil {
			return strings.TrimSuffix(m.usage(), "\n"), nil
		}
		return fmt.Sprintf("help: unknown command: %s", name), nil
	}
	list := table()
	slices.SortFunc(list, func(a, b *method) int {
		return cmp.Or(cmp.Compare(a.category, b.category), cmp.Compare(a.name, b.name))
	})
	var b strings.Builder
	for i, m := range list {
		if i == 0 || list[i-1].category != m.category {
			fmt.Fprintf(&b, "\n== %s ==\n", m.category)
		}
		b.WriteString(m.signature() + "\n")
	}
	return strings.TrimSpace(b.String()), nil
}

func stop(_ context.Context, s *service, _ args) (any, error) {
	s.backend.Stop()
	return "txnode stopping", nil
}

func uptime(_ context.Context, s *service, _ args) (any, error) {
	return int64(s.backend.Uptime().Seconds()), nil
}
