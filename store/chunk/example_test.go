package chunk_test

import (
	"fmt"
	"math"

	"cc-metric-store/store/chunk"
)

// All series of a host in the same slots make one group: NaN is a gap, all other values come back
// exactly, and a column without values takes a bit.
func ExampleGroupBuilder() {
	gap := math.NaN()
	var builder chunk.GroupBuilder
	builder.Begin(3, 8)
	builder.Add(0, []float64{64, gap, 64.5, 65, 65.5, 64, gap, 66})
	builder.Add(2, []float64{5, 5, 5, 5, 5, 5, 5, 5})
	group := builder.Finish()

	values := make([]float64, 8)
	for column := range group.All() {
		if err := group.DecodeRange(values, column, 0); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(column, values)
	}
	// Output:
	// 0 [64 NaN 64.5 65 65.5 64 NaN 66]
	// 2 [5 5 5 5 5 5 5 5]
}

// The sum of two series of a host is made block by block.
func ExampleGroup_Sum() {
	var builder chunk.GroupBuilder
	builder.Begin(2, 4)
	builder.Add(0, []float64{1, 2, 3, 4})
	builder.Add(1, []float64{10, 20, 30, 40})

	sum := make([]float64, 2)
	if err := builder.Finish().Sum(sum, []int32{0, 1}, 1); err != nil { // slots 1 and 2
		fmt.Println(err)
		return
	}
	fmt.Println(sum)
	// Output: [22 33]
}
