package chunk_test

import (
	"fmt"
	"math"

	"cc-metric-store/store/chunk"
)

// A block is encoded and decoded: NaN is a gap, all other values come back exactly.
func Example() {
	gap := math.NaN()
	var encoder chunk.Encoder
	block := encoder.Encode(nil, []float64{64, gap, 64.5, 65, 65.5, 64, gap, 66})

	values := make([]float64, 8)
	if err := chunk.Decode(values, block); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d bytes: %v\n", len(block), values)
	// Output: 14 bytes: [64 NaN 64.5 65 65.5 64 NaN 66]
}

// The sum of two series of a host is made block by block.
func ExampleAddTo() {
	var encoder chunk.Encoder
	first := encoder.Encode(nil, []float64{1, 2, 3, 4})
	second := encoder.Encode(nil, []float64{10, 20, 30, 40})

	sum := make([]float64, 2)
	for _, block := range [][]byte{first, second} {
		if err := chunk.AddTo(sum, block, 1); err != nil { // slots 1 and 2
			fmt.Println(err)
			return
		}
	}
	fmt.Println(sum)
	// Output: [22 33]
}

// All series of a host in the same slots make one group, in which a column without values
// takes a bit.
func ExampleGroupBuilder() {
	var builder chunk.GroupBuilder
	builder.Begin(3)
	builder.Add(0, []float64{1, 2, 3, 4})
	builder.Add(2, []float64{5, 5, 5, 5})
	group := builder.Finish()

	values := make([]float64, 4)
	for column, block := range group.All() {
		if err := chunk.Decode(values, block); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(column, values)
	}
	// Output:
	// 0 [1 2 3 4]
	// 2 [5 5 5 5]
}
