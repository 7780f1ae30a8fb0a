package main

import (
	"bytes"
	"os"
	"path/filepath"
)

// A node that starts on a full disk can do without its database, but not without the files that lead clients to it. So
// each run leaves a reserve behind, which the next one gives up for them.
const (
	reserveName  = "reserve"
	reserveBlock = 4 << 10
	reserveSize  = 16 * reserveBlock
)

func releaseReserve(dir string) {
	os.Remove(filepath.Join(dir, reserveName)) // what it is for will tell if there is no space
}

// takeReserve takes as much as there is.
func takeReserve(dir string) {
	f, err := os.OpenFile(filepath.Join(dir, reserveName), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	block := bytes.Repeat([]byte{'r'}, reserveBlock) // zeros might not be stored
	for written := 0; written < reserveSize && err == nil; written += reserveBlock {
		_, err = f.Write(block)
	}
}
