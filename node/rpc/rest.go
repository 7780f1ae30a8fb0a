package rpc

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// maxREST is how many REST requests are worked on at once. They ask for no
// credentials, so they leave the slots of those that do alone.
const maxREST = 8

// restAnswer is what a REST request gets.
type restAnswer struct {
	status      int
	contentType string
	body        []byte
}

// restError is Core's form of an error.
func restError(status int, message string) restAnswer {
	return restAnswer{status, "text/plain", []byte(message + "\r\n")}
}

func restJSON(body []byte) restAnswer {
	return restAnswer{http.StatusOK, "application/json", append(body, '\n')}
}

// rest answers Core's REST interface as far as it concerns the mempool.
func (h *handler) rest(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "The REST interface only reads", http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxDuration)
	defer cancel()
	ctx, release := withLease(ctx, h.restLarge)
	defer release()
	var answer restAnswer
	select {
	case h.restSlots <- struct{}{}:
		defer func() { <-h.restSlots }()
		answer = h.route(r.WithContext(ctx))
	default:
		answer = restError(http.StatusServiceUnavailable, "Work queue depth exceeded")
	}
	header := w.Header()
	header.Set("Content-Type", answer.contentType)
	header.Set("Content-Length", strconv.Itoa(len(answer.body)))
	header.Set("X-Content-Type-Options", "nosniff") // errors repeat what was asked for
	w.WriteHeader(answer.status)
	w.Write(answer.body) // the client's loss when it fails
}

func (h *handler) route(r *http.Request) restAnswer {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/rest/")
	kind, name, _ := strings.Cut(path, "/")
	switch {
	case kind != "tx" && kind != "mempool":
		return restAnswer{status: http.StatusNotFound, contentType: "text/plain"}
	case !h.service.backend.Loaded():
		return restError(http.StatusServiceUnavailable, "Service temporarily unavailable: "+loading)
	case kind == "tx":
		return h.restTx(r, name)
	}
	return h.restMempool(r, name)
}

// splitFormat takes the format off a name. One that is not known stays on.
func splitFormat(name string) (base, format string) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return name, ""
	}
	switch format = name[i+1:]; format {
	case "", "bin", "hex", "json":
		return name[:i], format
	}
	return name, ""
}

func (h *handler) restTx(r *http.Request, name string) restAnswer {
	txid, format := splitFormat(name)
	if _, err := (args{quoted(txid)}).hash(0, ""); err != nil {
		return restError(http.StatusBadRequest, "Invalid hash: "+txid)
	}
	verbosity := "0"
	if format == "json" {
		verbosity = "1"
	}
	result, failure := h.service.execute(r.Context(), request{
		method: "getrawtransaction", params: json.RawMessage(`[` + string(quoted(txid)) + `,` + verbosity + `]`),
	})
	switch {
	case failure != nil && failure.Code == CodeUnknownTx:
		return restError(http.StatusNotFound, txid+" not found")
	case failure != nil:
		return restError(http.StatusInternalServerError, failure.Message)
	case format == "json":
		return restJSON(result)
	case format == "hex":
		return restAnswer{http.StatusOK, "text/plain", []byte(stringOf(result) + "\n")}
	case format == "bin":
		raw, err := hex.DecodeString(stringOf(result))
		if err != nil {
			return restError(http.StatusInternalServerError, err.Error())
		}
		return restAnswer{http.StatusOK, "application/octet-stream", raw}
	}
	return restError(http.StatusNotFound, "output format not found (available: .bin, .hex, .json)")
}

func (h *handler) restMempool(r *http.Request, name string) restAnswer {
	what, format := splitFormat(name)
	call := request{method: "getmempoolinfo"}
	switch {
	case what != "info" && what != "contents":
		return restError(http.StatusBadRequest, "Invalid URI format. Expected /rest/mempool/<info|contents>.json")
	case format != "json":
		return restError(http.StatusNotFound, "output format not found (available: json)")
	case what == "contents":
		verbose, err := switchOf(r, "verbose", "true")
		if err != nil {
			return restError(http.StatusBadRequest, err.Error())
		}
		sequence, err := switchOf(r, "mempool_sequence", "false")
		if err != nil {
			return restError(http.StatusBadRequest, err.Error())
		}
		if verbose == "true" && sequence == "true" {
			return restError(http.StatusBadRequest, `Verbose results cannot contain mempool sequence values. (hint: set "verbose=false")`)
		}
		call = request{method: "getrawmempool", params: json.RawMessage("[" + verbose + "," + sequence + "]")}
	}
	result, failure := h.service.execute(r.Context(), call)
	if failure != nil {
		return restError(http.StatusServiceUnavailable, failure.Message)
	}
	return restJSON(result)
}

// switchOf is a query parameter that must be true or false.
func switchOf(r *http.Request, name, otherwise string) (string, error) {
	query := r.URL.Query()
	if !query.Has(name) {
		return otherwise, nil
	}
	if v := query.Get(name); v == "true" || v == "false" {
		return v, nil
	}
	return "", errors.New(`The "` + name + `" query parameter must be either "true" or "false".`)
}

// quoted is s as JSON.
func quoted(s string) json.RawMessage {
	b, err := encode(s)
	if err != nil { // a string always encodes
		panic(err)
	}
	return b
}
