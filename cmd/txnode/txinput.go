package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/txnode/txnode/node/rpc"
)

// maxTxLine bounds a line of hex: twice the 4 MB that the largest valid block,
// and so any transaction, has, and an end of line.
const maxTxLine = 2*4_000_000 + 2

// eachTx calls do with every transaction that args name, as hex, and with where
// it was found. An argument is hex, a file of hex lines, or - for stdin. Empty
// lines and those that begin with # are skipped. It stops at the first error.
func eachTx(cmd *cobra.Command, args []string, do func(from, hex string) error) error {
	for i, arg := range args {
		if arg == "-" {
			if err := eachLine(cmd.InOrStdin(), "stdin", do); err != nil {
				return err
			}
			continue
		}
		f, err := os.Open(arg)
		switch {
		case err == nil:
			err = errors.Join(eachLine(f, arg, do), f.Close())
		case isHex(arg):
			err = do(fmt.Sprintf("argument %d", i+1), arg)
		case errors.Is(err, fs.ErrNotExist):
			err = usagef("%.40q is neither hex nor a file; give a transaction in hex, a file of them, or - for stdin", arg)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func eachLine(r io.Reader, name string, do func(from, hex string) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxTxLine)
	n := 0
	for lines.Scan() {
		n++
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := do(fmt.Sprintf("%s line %d", name, n), line); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return failf("%s line %d is longer than any transaction can be", name, n+1)
	}
	return lines.Err()
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// isAnswer reports whether err is the server's answer to a request, rather than
// a failure to get one.
func isAnswer(err error) bool {
	var answer *rpc.Error
	return errors.As(err, &answer)
}
