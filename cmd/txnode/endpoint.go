package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

// defaultURL is where a node listens unless told otherwise: regtest's RPC port
// in Bitcoin Core.
const defaultURL = "http://127.0.0.1:18443"

// clientCommand completes a command that talks to one node: run gets a client
// of the one that the flags name.
func clientCommand(cmd *cobra.Command, run func(cmd *cobra.Command, c *rpc.Client, args []string) error) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := client(cmd)
		if err != nil {
			return err
		}
		return run(cmd, c, args)
	}
	addSettingFlags(cmd, clientScope)
	return cmd
}

// client is a client of the one node that the settings name.
func client(cmd *cobra.Command) (*rpc.Client, error) {
	l, err := loadConfig(cmd)
	if err != nil {
		return nil, err
	}
	dir, err := l.networkDir()
	if err != nil {
		return nil, err
	}
	url := l.RPC.URL
	if url == "" {
		url = addressIn(dir)
	}
	return l.dial(url, dir)
}

// dial makes a client of the server at url, with the configured credentials or
// the cookie in dir, and the configured certificate or the one in dir.
func (l *loaded) dial(url, dir string) (*rpc.Client, error) {
	cookie := l.RPC.Cookie
	if cookie == "" {
		cookie = rpc.CookiePath(dir)
	}
	cert := l.RPC.Cert
	if cert == "" {
		if made := rpc.CertificatePath(dir); exists(made) {
			cert = made
		}
	}
	return rpc.NewClient(rpc.ClientConfig{URL: url, CookieFile: cookie, CertFile: cert, User: l.RPC.User, Password: l.RPC.Password})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// addressIn is the URL of the node that runs in dir, else the default.
func addressIn(dir string) string {
	url, err := rpc.ReadAddress(dir)
	if err != nil {
		return defaultURL
	}
	return url
}

// endpoint is one of several nodes that a command talks to.
type endpoint struct {
	name   string // as the user knows it
	client *rpc.Client
}

// endpointsHelp explains the arguments that endpoints takes.
const endpointsHelp = `A NODE is the URL of its RPC server, its data directory, or a directory that
holds the data directories of several nodes, as containers that share a volume
or a kept testnet have. By URL, the credentials are those of the flags.`

// endpoints finds the nodes that args name.
func (l *loaded) endpoints(args []string) ([]endpoint, error) {
	var found []endpoint
	for _, arg := range args {
		var some []endpoint
		var err error
		switch info, statErr := os.Stat(arg); {
		case statErr == nil && info.IsDir():
			some, err = l.endpointsUnder(arg)
		case strings.Contains(arg, "/") && !strings.Contains(arg, "://"):
			err = usagef("%s is neither a directory of nodes nor the URL of one, such as %s", arg, defaultURL)
		default:
			some, err = l.endpointAt(arg)
		}
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// noNodes is the error of a command that found none by args.
func (l *loaded) noNodes(args []string) error {
	return failf("no node of network %s runs in %s; start one with 'txnode run', or name nodes by their URLs", l.Network, strings.Join(args, " "))
}

func (l *loaded) endpointAt(url string) ([]endpoint, error) {
	dir, err := l.networkDir()
	if err != nil {
		return nil, err
	}
	c, err := l.dial(url, dir)
	return []endpoint{{url, c}}, err
}

// endpointsUnder finds the nodes whose data directory is dir or lies in it. Only
// running nodes have an address file.
func (l *loaded) endpointsUnder(dir string) (found []endpoint, err error) {
	roots := []string{dir}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, failf("%s cannot be searched for nodes (%v); name each node by its URL", dir, err)
	}
	for _, entry := range entries {
		roots = append(roots, filepath.Join(dir, entry.Name()))
	}
	for _, root := range roots {
		at := filepath.Join(root, l.Network)
		url, err := rpc.ReadAddress(at)
		if err != nil {
			continue
		}
		c, err := l.dial(url, at)
		if err != nil {
			return nil, err
		}
		found = append(found, endpoint{filepath.Base(root), c})
	}
	return found, nil
}
