package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Amount is a sum of satoshis, or satoshis per kvB. In JSON it is a number of
// BTC with eight decimals, as Core writes it. Reading is exact: no float is
// involved.
type Amount int64

const (
	satoshiPerBTC = 1e8
	// maxMoney is Core's MAX_MONEY: no sum of bitcoins is larger.
	maxMoney Amount = 21e6 * satoshiPerBTC
)

// String returns the amount in BTC with eight decimals.
func (a Amount) String() string {
	sign, abs := "", uint64(a)
	if a < 0 {
		sign, abs = "-", -abs
	}
	return fmt.Sprintf("%s%d.%08d", sign, abs/satoshiPerBTC, abs%satoshiPerBTC)
}

// MarshalJSON writes the amount as a JSON number of BTC.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalJSON reads a JSON number of BTC.
func (a *Amount) UnmarshalJSON(b []byte) error {
	v, ok := parseAmount(string(b))
	if !ok {
		return fmt.Errorf("%.40q is no amount in BTC", b)
	}
	*a = v
	return nil
}

// parseAmount reads a decimal number of BTC in JSON's syntax, as Core's
// ParseFixedPoint does: an exponent is understood, a fraction of a satoshi is
// not, nor is anything that does not fit.
func parseAmount(s string) (Amount, bool) {
	if len(s) > 64 || strings.ContainsAny(s, " \t\r\n") || !json.Valid([]byte(s)) {
		return 0, false
	}
	s, negative := strings.CutPrefix(s, "-")
	mantissa, exponent, err := splitNumber(s)
	if err != nil {
		return 0, false
	}
	var v uint64
	for _, digit := range []byte(mantissa) {
		if v > math.MaxInt64/10 {
			return 0, false
		}
		v = v*10 + uint64(digit-'0')
	}
	for ; v != 0 && exponent > 0; exponent-- {
		if v > math.MaxInt64/10 {
			return 0, false
		}
		v *= 10
	}
	if v > math.MaxInt64 || v != 0 && exponent < 0 {
		return 0, false
	}
	if negative {
		return -Amount(v), true
	}
	return Amount(v), true
}

var errNoNumber = errors.New("not a number")

// splitNumber takes an unsigned JSON number of BTC apart into its digits,
// without zeros at either end, and the power of ten that turns them into
// satoshis.
func splitNumber(s string) (digits string, exponent int, err error) {
	s, power, scientific := strings.Cut(strings.ToLower(s), "e")
	if scientific {
		if exponent, err = strconv.Atoi(power); err != nil {
			return "", 0, err
		}
	}
	whole, fraction, _ := strings.Cut(s, ".")
	digits = whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", 0, errNoNumber
	}
	trimmed := strings.TrimRight(digits, "0")
	exponent += 8 - len(fraction) + len(digits) - len(trimmed)
	return strings.TrimLeft(trimmed, "0"), exponent, nil
}
