package rpc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
)

// maxStreamLine bounds a line of an event stream: a part of a snapshot has some
// 160 kB.
const maxStreamLine = 1 << 20

// Stream yields the JSON objects that the server's event stream consists of, an
// [Event] or a [SnapshotPart] each, until ctx ends. It begins after the event with
// the given number, or when that is empty with the mempool as it is. When the
// server ends the stream, or there is none, the last thing it yields is an error.
func (c *Client) Stream(ctx context.Context, since string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		body, err := c.openStream(ctx, since)
		if err != nil {
			yield(nil, err)
			return
		}
		defer body.Close()
		lines := bufio.NewScanner(body)
		lines.Buffer(nil, maxStreamLine)
		for lines.Scan() {
			data, isData := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
			if isData && !yield(bytes.Clone(data), nil) {
				return
			}
		}
		if err = lines.Err(); err == nil {
			err = io.ErrUnexpectedEOF
		}
		if ctx.Err() == nil {
			yield(nil, fmt.Errorf("rpc: %s ended the event stream: did the node stop?: %w", c.url, err))
		}
	}
}

func (c *Client) openStream(ctx context.Context, since string) (io.ReadCloser, error) {
	credentials, err := c.login("")
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.url, "/")+"/events", nil)
	if err != nil {
		return nil, err
	}
	user, password, _ := strings.Cut(credentials, ":")
	req.SetBasicAuth(user, password)
	if since != "" {
		req.Header.Set("Last-Event-ID", since)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain("events", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return nil, fmt.Errorf("rpc: %s has no event stream for us: HTTP status %d: %s", c.url, resp.StatusCode, bytes.TrimSpace(answer))
	}
	return resp.Body, nil
}
