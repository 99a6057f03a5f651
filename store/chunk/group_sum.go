package chunk

import "fmt"

// Sum writes the sum of columns, at least one, that have values to dst: of their slots
// [from, from+len(dst)), added in the order in which the columns are given. A gap in one of them
// makes a gap. After an error the content of dst is undefined. It allocates nothing.
func (g Group) Sum(dst []float64, columns []int32, from int) error {
	// Go clears the array for the values first, which takes time: a smaller one is quicker.
	if len(dst) <= MaxSlots/2 {
		var values [MaxSlots / 2]float64
		return g.sumBy(dst, values[:len(dst)], columns, from)
	}
	var values [MaxSlots]float64
	return g.sumBy(dst, values[:min(len(dst), MaxSlots)], columns, from)
}

// sumBy is Sum. It decodes into values, which is as long as dst.
func (g Group) sumBy(dst, values []float64, columns []int32, from int) error {
	if len(g) == 0 || len(columns) == 0 {
		return fmt.Errorf("sum of %d columns: %w", len(columns), errRange)
	}
	var p groupParts
	p.take(g)
	// As long as all columns have the same gaps, dst has the sums without holes.
	var gaps indexSet
	dense := true
	for i, c := range columns {
		var d decoder
		err := d.open(&p, c)
		if err == nil {
			err = d.checkRange(from, len(dst))
		}
		if err != nil {
			return fmt.Errorf("sum of columns: %w", err)
		}
		first := d.window(from, len(dst))
		if i == 0 {
			gaps = d.gaps
		} else if dense && d.gaps != gaps {
			gaps.spread(dst)
			dense = false
		}
		n := len(dst) - d.gaps.n
		to := values
		if i == 0 {
			to = dst
		}
		if err := d.decodeValues(to[:n], first); err != nil {
			return fmt.Errorf("sum of columns: column %d: %w", c, err)
		}
		if !dense {
			d.gaps.spread(values)
			n = len(values)
		}
		if i > 0 {
			add(dst[:n], values[:n])
		}
	}
	if dense {
		gaps.spread(dst)
	}
	return nil
}

// add adds values to dst, which has the same length.
func add(dst, values []float64) {
	for len(dst) >= 8 && len(values) >= 8 {
		a, b := (*[8]float64)(dst), (*[8]float64)(values)
		a[0] += b[0]
		a[1] += b[1]
		a[2] += b[2]
		a[3] += b[3]
		a[4] += b[4]
		a[5] += b[5]
		a[6] += b[6]
		a[7] += b[7]
		dst, values = dst[8:], values[8:]
	}
	for i, v := range values {
		dst[i] += v
	}
}
