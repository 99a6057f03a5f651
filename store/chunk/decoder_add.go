package chunk

// add adds the slots [from, from+len(dst)) of the block to dst. The block has them.
func (d *decoder) add(dst []float64, from int) error {
	// Go clears the array for the values first, which takes time: a smaller one is quicker.
	if len(dst) <= MaxSlots/2 {
		var values [MaxSlots / 2]float64
		return d.addBy(dst, values[:len(dst)], from)
	}
	var values [MaxSlots]float64
	return d.addBy(dst, values[:len(dst)], from)
}

// addBy decodes into values, which is as long as dst, and adds them to dst.
func (d *decoder) addBy(dst, values []float64, from int) error {
	if err := d.decode(values, from); err != nil {
		return err
	}
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
	return nil
}
