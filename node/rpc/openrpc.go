package rpc

import (
	"cmp"
	"context"
	"slices"
)

// OpenRPC is the result of getopenrpcinfo: a description of the methods by the
// OpenRPC specification 1.3 (spec.open-rpc.org).
type OpenRPC struct {
	Version string          `json:"openrpc"`
	Info    OpenRPCInfo     `json:"info"`
	Methods []OpenRPCMethod `json:"methods"`
}

// OpenRPCInfo says what an [OpenRPC] describes.
type OpenRPCInfo struct {
	Title   string `json:"title"`
	Version string `json:"version"`
}

// OpenRPCMethod describes a method.
type OpenRPCMethod struct {
	Name           string         `json:"name"`
	Summary        string         `json:"summary"`
	ParamStructure string         `json:"paramStructure"`
	Params         []OpenRPCValue `json:"params"`
	Result         OpenRPCValue   `json:"result"`
	Tags           []OpenRPCTag   `json:"tags"`
}

// OpenRPCValue describes a parameter or a result.
type OpenRPCValue struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitempty"`
	Required    bool           `json:"required,omitempty"`
	Schema      map[string]any `json:"schema"` // JSON Schema
}

// OpenRPCTag is the category of a method.
type OpenRPCTag struct {
	Name string `json:"name"`
}

// getOpenRPCInfo describes what the table has.
func getOpenRPCInfo(_ context.Context, s *service, _ args) (any, error) {
	list := table()
	slices.SortFunc(list, func(a, b *method) int { return cmp.Compare(a.name, b.name) })
	doc := OpenRPC{Version: "1.3.2", Info: OpenRPCInfo{Title: "txnode JSON-RPC", Version: s.version}}
	for _, m := range list {
		described := OpenRPCMethod{
			Name: m.name, Summary: m.summary, ParamStructure: "either", Params: []OpenRPCValue{},
			Result: OpenRPCValue{Name: "result", Description: m.result, Schema: map[string]any{}},
			Tags:   []OpenRPCTag{{m.category}},
		}
		for _, p := range m.params {
			described.Params = append(described.Params, OpenRPCValue{
				Name: p.name, Description: p.help, Required: !p.optional, Schema: p.typ.schema(),
			})
		}
		doc.Methods = append(doc.Methods, described)
	}
	return doc, nil
}

// schema is what a parameter of the type takes, as JSON Schema.
func (t paramType) schema() map[string]any {
	switch t {
	case typeString:
		return map[string]any{"type": "string"}
	case typeHex:
		return map[string]any{"type": "string", "pattern": "^([0-9a-fA-F]{2})*$"}
	case typeNumber:
		return map[string]any{"type": "number"}
	case typeBool:
		return map[string]any{"type": "boolean"}
	case typeArray:
		return map[string]any{"type": "array"}
	case typeObject:
		return map[string]any{"type": "object"}
	case typeAmount:
		return map[string]any{"type": []string{"number", "string"}}
	}
	return map[string]any{"type": []string{"boolean", "number"}}
}
