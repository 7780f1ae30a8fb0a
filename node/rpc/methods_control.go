package rpc

import (
	"cmp"
	"context"
	"errors"
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

// maxCategories bounds each array of logging.
const maxCategories = 1000

func logging(_ context.Context, s *service, a args) (any, error) {
	var lists [2][]string
	for i := range lists {
		if a[i] == nil {
			continue
		}
		list, err := elements(a[i], maxCategories)
		if err != nil {
			return nil, errorf(CodeInvalidParameter, "more than %d logging categories", maxCategories)
		}
		for _, item := range list {
			if k := kindOf(item); k != kindString {
				return nil, errorf(CodeType, "JSON value of type %s is not of expected type string", k)
			}
			lists[i] = append(lists[i], stringOf(item))
		}
	}
	debug, err := s.backend.Logging(lists[0], lists[1])
	switch {
	case errors.Is(err, ErrNoLogging):
		return nil, err
	case err != nil:
		return nil, errorf(CodeInvalidParameter, "%s", err)
	}
	return debug, nil
}
