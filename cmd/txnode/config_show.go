package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newConfig() *cobra.Command {
	return newNoun("config", "Show the configuration, make credentials",
		"Show the effective configuration and where each value comes from, and make values for it.",
		newConfigShow(), newConfigRPCAuth())
}

func newConfigShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print each setting, its value and its origin",
		Long: `Print each setting with its value and where that came from: a default, the
configuration file, the environment or a flag. It takes the flags of all other
commands, to try them out.`,
		Example: `  txnode config show
  TXNODE_NETWORK=mynet txnode config show --rpc-listen 127.0.0.1:0
  txnode config show --config ./txnode.toml --json`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return printJSON(cmd.OutOrStdout(), l.rows())
			}
			rows := make([][]string, 0, len(l.table))
			for _, r := range l.rows() {
				rows = append(rows, []string{r.Flag, r.Key, r.text, r.Origin})
			}
			if err := printTable(cmd.OutOrStdout(), []string{"FLAG", "KEY IN FILE", "VALUE", "ORIGIN"}, rows); err != nil {
				return err
			}
			warnStrays(cmd, l)
			return nil
		},
	}
	addSettingFlags(cmd, bothScopes)
	return cmd
}

// configRow is one setting as 'config show' prints it.
type configRow struct {
	Flag   string `json:"flag"`
	Env    string `json:"env"`
	Key    string `json:"key"`
	Value  any    `json:"value"`
	Origin string `json:"origin"`
	text   string
}

func (l *loaded) rows() []configRow {
	rows := make([]configRow, len(l.table))
	for i := range l.table {
		s := &l.table[i]
		text := s.text()
		if text == "" {
			text = "-"
		}
		rows[i] = configRow{s.flag, s.env(), s.key, s.value(), l.origins[s.flag], text}
	}
	return rows
}

// warnStrays names the TXNODE_* variables that have no effect.
func warnStrays(cmd *cobra.Command, l *loaded) {
	for _, name := range l.strays {
		fmt.Fprintf(cmd.ErrOrStderr(), "txnode: warning: %s is no setting and has no effect; see 'txnode config show'\n", name)
	}
}
