package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// develVersion is the version of a build that is not an installed release.
const develVersion = "0.1.0-dev"

// buildVersion is what 'txnode version' reports.
type buildVersion struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// readVersion takes what the Go tool recorded in the binary.
func readVersion() buildVersion {
	v := buildVersion{Version: develVersion}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Go = info.GoVersion
	if tag := info.Main.Version; tag != "" && tag != "(devel)" {
		v.Version = tag
	}
	recorded := make(map[string]string)
	for _, s := range info.Settings {
		recorded[s.Key] = s.Value
	}
	v.Revision = recorded["vcs.revision"]
	v.Modified = recorded["vcs.modified"] == "true"
	v.Platform = recorded["GOOS"] + "/" + recorded["GOARCH"]
	return v
}

// String is one line for people.
func (v buildVersion) String() string {
	line := fmt.Sprintf("txnode %s (%s %s)", v.Version, v.Go, v.Platform)
	if v.Revision != "" {
		line += " " + v.Revision
	}
	if v.Modified {
		line += " with local changes"
	}
	return line
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version and how this binary was built",
		Long:    "Print the version, the source revision and the Go release this binary was built from.",
		Example: "  txnode version --json",
		Args:    takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := readVersion()
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), v)
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), v)
			return err
		},
	}
}
