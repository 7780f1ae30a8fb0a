package rpc

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestAmount(t *testing.T) {
	for _, test := range []struct {
		text string
		want Amount
		ok   bool
	}{
		{"0", 0, true},
		{"0.10", 10_000_000, true},
		{"1", 100_000_000, true},
		{"-1.5", -150_000_000, true},
		{"0.00000001", 1, true},
		{"1e-8", 1, true},
		{"1E2", 10_000_000_000, true},
		{"10e-1", 100_000_000, true},
		{"0.000000010", 1, true},
		{"0e999999999", 0, true},
		{"92233720368.54775807", math.MaxInt64, true},
		{"92233720368.54775808", 0, false},
		{"0.000000001", 0, false},
		{"1e-9", 0, false},
		{"1e999999999", 0, false},
		{"1e99999999999999999999", 0, false},
		{"", 0, false},
		{"1.", 0, false},
		{".1", 0, false},
		{"01", 0, false},
		{"+1", 0, false},
		{" 1", 0, false},
		{"1e0 ", 0, false},
		{"0x1", 0, false},
		{"1,0", 0, false},
		{"NaN", 0, false},
		{"true", 0, false},
		{`"1"`, 0, false},
	} {
		if got, ok := parseAmount(test.text); got != test.want || ok != test.ok {
			t.Errorf("parseAmount(%q) = %d, %v, want %d, %v", test.text, got, ok, test.want, test.ok)
		}
	}
}

func TestAmountString(t *testing.T) {
	for a, want := range map[Amount]string{
		0: "0.00000000", 1: "0.00000001", -1: "-0.00000001", 123_456_789: "1.23456789",
		maxMoney: "21000000.00000000", math.MinInt64: "-92233720368.54775808",
	} {
		if a.String() != want {
			t.Errorf("%d: %s, want %s", int64(a), a, want)
		}
	}
}

// FuzzAmount compares with exact rational arithmetic, and reads back what is
// written.
func FuzzAmount(f *testing.F) {
	for _, seed := range []string{"0.1", "-1e-8", "1e18", "92233720368.54775808", "1E+2", "0.00e-5", "null"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseAmount(text)
		if want, wantOK := amountTwin(text); got != want || ok != wantOK {
			t.Fatalf("parseAmount(%q) = %d, %v, want %d, %v", text, got, ok, want, wantOK)
		}
		if !ok {
			return
		}
		var back Amount
		written, err := json.Marshal(got)
		if err == nil {
			err = json.Unmarshal(written, &back)
		}
		if err != nil || back != got {
			t.Fatalf("%d was written as %s and read as %d: %v", got, written, back, err)
		}
	})
}

func amountTwin(text string) (Amount, bool) {
	if len(text) > 64 || !regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`).MatchString(text) {
		return 0, false
	}
	mantissa, power, scientific := strings.Cut(strings.ToLower(text), "e")
	exponent, err := strconv.Atoi(power)
	v, ok := new(big.Rat).SetString(mantissa)
	switch {
	case scientific && err != nil || !ok:
		return 0, false
	case v.Sign() == 0:
		return 0, true
	case exponent < -100 || exponent > 100:
		return 0, false // cannot be whole satoshis, or not few enough
	}
	scale, _ := new(big.Rat).SetString(fmt.Sprintf("1e%d", exponent+8))
	v.Mul(v, scale)
	if !v.IsInt() || !v.Num().IsInt64() || v.Num().Int64() == math.MinInt64 {
		return 0, false
	}
	return Amount(v.Num().Int64()), true
}
