package chunk

// A constant body is one integer.

func (d *decoder) decodeConstant(dst []float64, b []byte) error {
	k, b, err := parseVarint(b)
	if err != nil {
		return err
	}
	fill(dst, d.scale.value(k))
	return finish(b)
}
