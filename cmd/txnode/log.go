package main

import (
	"context"
	"log/slog"
	"os"
	"strings"

	golog "github.com/ipfs/go-log/v2"
	"github.com/libp2p/go-libp2p/gologshim"
)

// logSystem is txnode's subsystem in go-log; those of libp2p have their own.
const logSystem = "txnode"

// setUpLogging makes txnode and libp2p log through go-log, in one format and to
// stderr, and returns txnode's logger. The GOLOG_* variables hold unless the
// level was chosen in txnode's own configuration; libp2p logs errors only
// unless asked for more.
func setUpLogging(l *loaded) (*slog.Logger, error) {
	if l.origins["log-level"] != originDefault || os.Getenv("GOLOG_LOG_LEVEL") == "" {
		if err := setLogLevels(l.LogLevel); err != nil {
			return nil, err
		}
	}
	return goLogger(), nil
}

// goLogger routes libp2p's logs through go-log and returns txnode's logger.
func goLogger() *slog.Logger {
	handler := errorText{golog.SlogHandler()}
	gologshim.SetDefaultHandler(handler)
	return slog.New(handler).With("logger", logSystem)
}

// errorText makes text of attributes that are errors: go-log would write them
// as JSON, which is {} for most.
type errorText struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h errorText) Handle(ctx context.Context, r slog.Record) error {
	text := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		text.AddAttrs(asText(a))
		return true
	})
	return h.Handler.Handle(ctx, text)
}

// WithAttrs implements [slog.Handler].
func (h errorText) WithAttrs(attrs []slog.Attr) slog.Handler {
	texts := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		texts[i] = asText(a)
	}
	return errorText{h.Handler.WithAttrs(texts)}
}

// WithGroup implements [slog.Handler].
func (h errorText) WithGroup(name string) slog.Handler { return errorText{h.Handler.WithGroup(name)} }

func asText(a slog.Attr) slog.Attr {
	if err, ok := a.Value.Any().(error); ok {
		return slog.String(a.Key, err.Error())
	}
	return a
}

// setLogLevels applies "info,swarm2=debug": a bare level is txnode's own.
func setLogLevels(levels string) error {
	for part := range strings.SplitSeq(levels, ",") {
		system, level, ok := strings.Cut(part, "=")
		if !ok {
			system, level = logSystem, part
		}
		if err := golog.SetLogLevel(system, level); err != nil {
			return usagef("log level %q is none of debug, info, warn and error; correct --log-level", part)
		}
	}
	return nil
}
