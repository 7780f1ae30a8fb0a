package sketch_test

import (
	"fmt"
	"slices"

	"github.com/txnode/txnode/inv/sketch"
)

// One side sends a sketch, the other finds what each of them lacks.
func ExamplePinSketch() {
	var key sketch.Key // agreed on by both sides
	alice, bob := []uint32{11, 12, 13, 14}, []uint32{12, 13, 14, 15, 16}

	sent := sketch.NewPinSketch(key, 8)
	sent.Add(alice...)
	checksum, payload := sent.Checksum(), sent.AppendTo(nil)

	received, err := sketch.ParsePinSketch(key, checksum, payload)
	if err != nil {
		fmt.Println("not a sketch:", err)
		return
	}
	received.Add(bob...) // what both have cancels
	difference, err := received.Decode(received.Capacity())
	if err != nil {
		fmt.Println("answer with a larger sketch:", err)
		return
	}
	for _, id := range difference {
		fmt.Println(id, "only Bob has it:", slices.Contains(bob, id))
	}
	// Output:
	// 11 only Bob has it: false
	// 15 only Bob has it: true
	// 16 only Bob has it: true
}

// Cells are sent until they suffice, however large the difference is.
func ExampleCellDecoder() {
	var key sketch.Key
	alice := sketch.NewCellEncoder(key, []uint64{11, 12, 13, 14})
	bob := sketch.NewCellDecoder(key, []uint64{12, 13, 14, 15, 16})
	for {
		complete, err := bob.Add(alice.Next(sketch.CellsFor(0)))
		if err != nil {
			fmt.Println("ask for a list:", err)
			return
		}
		if complete {
			fmt.Println(bob.Difference())
			return
		}
	}
	// Output: [11 15 16]
}
