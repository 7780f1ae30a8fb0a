package sim

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// series is made up, so that what is written of it does not change with the
// engine.
func series() []*Report {
	var reports []*Report
	for i, nodes := range []int{100, 1000, 10000} {
		cfg := DefaultConfig()
		cfg.Nodes = nodes
		k := float64(i)
		r := &Report{
			Config: cfg, Steady: nodes, Honest: nodes, Deliveries: 100 * (nodes - 1), Seconds: 11,
			Latency: Latency{P50: Seconds(.5 + k/2), P90: Seconds(.9 + k/2), P99: Seconds(1.2 + k/2), Max: Seconds(1.5 + k/2)},
			Reach:   Reach{T50: Seconds(.5 + k/2), T90: Seconds(.9 + k/2), T99: Seconds(1.1 + k/2), T100: Seconds(1.1 + k/2)},
			Bytes:   Bytes{Announce: 24, Request: 7, Body: 304, Reconcile: 9, Overhead: 44, Total: Ratio(344 + k)},
			Bodies:  1, Writes: 2.3, Hops: Hops{Mean: Ratio(3 + k), P50: 3 + i, P99: 5 + i, Max: 7 + i},
			MeshDegree: 6, End: 25, Events: uint64(50 * nodes), Fingerprint: 0xfeed,
		}
		for q := range 201 {
			r.curve = append(r.curve, Seconds(float64(q)/200*float64(r.Latency.Max)))
		}
		reports = append(reports, r)
	}
	bad := *reports[2]
	bad.Config.Relay, bad.Config.Sinks, bad.Config.Churn = RelayFlood, .3, .125
	bad.Missing, bad.MissingAtEnd, bad.Deliveries = 7, 9, bad.Deliveries-7
	bad.Bytes.Overhead, bad.Latency.Max, bad.Reach.T100 = 88, 30, never
	bad.Partition = Partition{Seconds: 20, Txs: 200, HealSeconds: never}
	return append(reports, &bad)
}

// TestFormats compares all that is written of a series with the files in
// testdata, which `go test ./testnet/sim -run TestFormats -update` rewrites.
func TestFormats(t *testing.T) {
	for name, write := range map[string]func(io.Writer, []*Report) error{
		"series.txt": WriteText, "series.csv": WriteCSV, "series.svg": WriteSVG,
		"series.json": func(w io.Writer, r []*Report) error { return json.NewEncoder(w).Encode(r) },
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got, series()); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("got\n%s", got.Bytes())
			}
		})
	}
}

// TestFigures draws what there may be: nothing delivered, one run, many.
func TestFigures(t *testing.T) {
	nothing := series()[0]
	nothing.curve, nothing.Deliveries, nothing.Bytes = nil, 0, Bytes{}
	nothing.Latency, nothing.Reach = Latency{never, never, never, never}, Reach{never, never, never, never}
	many := series()
	for range 20 {
		many = append(many, series()...)
	}
	for _, reports := range [][]*Report{{nothing}, series()[:1], many} {
		var b bytes.Buffer
		if err := WriteSVG(&b, reports); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b.Bytes(), []byte("NaN")) || bytes.Contains(b.Bytes(), []byte("Inf")) {
			t.Errorf("%d runs: the figure has a number that is none", len(reports))
		}
		for d := xml.NewDecoder(&b); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if err := WriteText(io.Discard, reports); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSteps(t *testing.T) {
	for _, most := range []float64{0.003, 0.1, 0.99, 1, 1.01, 7, 42, 99, 12345, 0, -1, math.NaN()} {
		step, end := steps(most)
		if n := end / step; n < 1 || n > 11 || end < most {
			t.Errorf("to %v: %v steps of %v", most, n, step)
		}
	}
}

func TestFit(t *testing.T) {
	f := Fits(series())
	if len(f) != 1 || f[0].Base != 0.1 || f[0].PerDecade != 0.5 || f[0].R2 != 1 || f[0].Spread != 0.006 {
		t.Errorf("got %+v, want 0.1 + 0.5 log10(N) with bytes within 0.006", f)
	}
	if f := Fits(series()[:2]); len(f) != 0 {
		t.Errorf("a fit of two points: %+v", f)
	}
}

func TestSecondsShowsWhatNeverWas(t *testing.T) {
	if b, _ := json.Marshal([]Seconds{never, seconds(1234567 * time.Microsecond)}); string(b) != "[null,1.2346]" {
		t.Errorf("%s", b)
	}
}
