package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxConfigFile bounds what is read of a configuration file; a full one with
// comments has about 4 kB.
const maxConfigFile = 1 << 20

// applyFile applies the TOML file at path. A key that is no setting is an
// error: a typo must not silently leave a default in force.
func (l *loaded) applyFile(path string) error {
	text, err := readFile(path, maxConfigFile)
	if err != nil {
		return fmt.Errorf("the configuration file cannot be read: %w; correct --config or remove it", err)
	}
	var top map[string]toml.Primitive
	meta, err := toml.Decode(string(text), &top)
	if err == nil {
		f := configFile{loaded: l, meta: &meta, path: path}
		err = f.applyTable("", top)
	}
	var at toml.ParseError
	if errors.As(err, &at) {
		return usagef("%s:%d: %s", path, at.Position.Line, at.Message)
	}
	return err
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return text, err
}

// configFile is a parsed file on its way into a configuration.
type configFile struct {
	*loaded
	meta *toml.MetaData
	path string
}

func (f *configFile) applyTable(prefix string, table map[string]toml.Primitive) error {
	for _, name := range slices.Sorted(maps.Keys(table)) {
		key := prefix + name
		var err error
		switch s := f.byKey(key); {
		case s != nil:
			err = f.meta.PrimitiveDecode(table[name], tomlSetter(s.setTOML))
			f.origins[s.flag] = "file " + f.path
		case f.isTable(key):
			var inner map[string]toml.Primitive
			err = errors.Join(f.meta.PrimitiveDecode(table[name], tomlSetter(func(value any) error {
				if _, ok := value.(map[string]any); !ok {
					return fmt.Errorf("%s = %v is not a table", key, value)
				}
				return nil
			})), f.meta.PrimitiveDecode(table[name], &inner))
			if err == nil {
				err = f.applyTable(key+".", inner)
			}
		default:
			err = f.meta.PrimitiveDecode(table[name], tomlSetter(func(any) error {
				return fmt.Errorf("there is no setting %q; 'txnode config show' lists all", key)
			}))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *configFile) byKey(key string) *setting {
	i := slices.IndexFunc(f.table, func(s setting) bool { return s.key == key })
	if i < 0 {
		return nil
	}
	return &f.table[i]
}

func (f *configFile) isTable(key string) bool {
	return slices.ContainsFunc(f.table, func(s setting) bool { return strings.HasPrefix(s.key, key+".") })
}

// tomlSetter makes a function a [toml.Unmarshaler], whose errors the decoder
// adds the line to.
type tomlSetter func(value any) error

// UnmarshalTOML implements [toml.Unmarshaler].
func (set tomlSetter) UnmarshalTOML(value any) error { return set(value) }

// setTOML takes a value of the file: a string for strings and durations, else
// the TOML type of the same name.
func (s *setting) setTOML(value any) error {
	wrong := fmt.Errorf("%s = %v is not a %s", s.key, value, s.kind())
	text := fmt.Sprint(value)
	switch s.target.(type) {
	case *[]string:
		list, ok := value.([]any)
		if !ok {
			return wrong
		}
		items := make([]string, len(list))
		for i := range list {
			if items[i], ok = list[i].(string); !ok {
				return wrong
			}
		}
		text = strings.Join(items, s.separator())
	case *bool:
		if _, ok := value.(bool); !ok {
			return wrong
		}
	case *int, *int64:
		if _, ok := value.(int64); !ok {
			return wrong
		}
	default:
		if _, ok := value.(string); !ok {
			return wrong
		}
	}
	if s.set(text) != nil {
		return wrong
	}
	return nil
}
