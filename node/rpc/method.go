package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// method is one entry of the method table: all that the server, the help and
// the command line know of a method.
type method struct {
	name     string
	category string // heading in the list of methods, as Core's
	summary  string
	params   []param
	result   string
	example  string // arguments of the example call

	early     bool // answered while the mempool is being loaded, too
	unhurried bool // takes as long as it takes: see unhurried

	own bool // not one of Core's, so bitcoin-cli sends its arguments as strings

	websocket bool // needs the connection to be one

	call func(context.Context, *service, args) (any, error)
}

// service executes methods. It is safe for concurrent use.
type service struct {
	backend Backend
	version string // of the node
	zmq     []ZMQNotification
	methods map[string]*method
	active  active
	waits   chan struct{} // one per call of waittxpropagation
}

func newService(b Backend, o Options) *service {
	s := &service{backend: b, version: o.Version, zmq: o.ZMQ, methods: make(map[string]*method), waits: make(chan struct{}, maxPropagationWaits)}
	for _, m := range table() {
		s.methods[m.name] = m
	}
	return s
}

// loading is why most of it does not work yet.
const loading = "Loading mempool…"

// execute runs one request and encodes its result.
func (s *service) execute(ctx context.Context, r request) ([]byte, *Error) {
	m, a, failure := s.bind(ctx, r)
	if failure != nil {
		return nil, failure
	}
	return s.call(ctx, m, a)
}

// bind finds the method that a request calls, and its arguments.
func (s *service) bind(ctx context.Context, r request) (*method, args, *Error) {
	m := s.methods[r.method]
	if m == nil {
		return nil, nil, errorf(CodeMethodNotFound, "Method not found")
	}
	if m.websocket && clientOf(ctx) == nil {
		return nil, nil, errorf(CodeMethodNotFound, "Method %s needs a websocket: connect to /ws", m.name)
	}
	if !m.early && !s.backend.Loaded() {
		return nil, nil, errorf(CodeWarmup, "%s", loading)
	}
	a, failure := m.bind(r.params)
	return m, a, failure
}

// call calls a method and encodes its result.
func (s *service) call(ctx context.Context, m *method, a args) ([]byte, *Error) {
	defer s.active.begin(m.name)()
	if m.unhurried {
		free, done := unhurried(ctx)
		defer done()
		ctx = free
	}
	result, err := m.call(ctx, s, a)
	if err != nil {
		var failure *Error
		if !errors.As(err, &failure) {
			failure = errorf(CodeMisc, "%s", err)
		}
		return nil, failure
	}
	encoded, err := encode(result)
	if err != nil {
		return nil, errorf(CodeInternal, "Internal error: %s", err)
	}
	return encoded, nil
}

// signature is the call as the list of methods shows it: optional parameters in
// parentheses, strings in quotes.
func (m *method) signature() string {
	var b strings.Builder
	b.WriteString(m.name)
	open := false
	for _, p := range m.params {
		if p.optional && !open {
			b.WriteString(" (")
		} else if open && !p.optional {
			b.WriteString(" )")
		}
		open = p.optional
		switch p.typ {
		case typeString, typeHex:
			fmt.Fprintf(&b, " %q", p.name)
		case typeArray:
			fmt.Fprintf(&b, " [%q,...]", strings.TrimSuffix(p.name, "s"))
		default:
			b.WriteString(" " + p.name)
		}
	}
	if open {
		b.WriteString(" )")
	}
	return b.String()
}

// usage is the full help text of the method.
func (m *method) usage() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", m.signature(), m.summary)
	if len(m.params) > 0 {
		b.WriteString("\nArguments:\n")
		for i, p := range m.params {
			need := "required"
			if p.optional {
				need = "optional"
			}
			fmt.Fprintf(&b, "%d. %s    (%s, %s) %s\n", i+1, p.name, p.typ, need, p.help)
		}
	}
	call := strings.TrimSpace(m.name + " " + m.example)
	fmt.Fprintf(&b, "\nResult:\n%s\n", m.result)
	if !m.websocket {
		fmt.Fprintf(&b, "\nExamples:\n> bitcoin-cli %s\n> txnode rpc %s\n", call, call)
	}
	return b.String()
}
