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

func (e *Encoder) appendConstant(dst []byte) []byte {
	n := e.n
	e.n = 1
	e.fit()
	e.n = n
	return appendVarint(e.appendScale(dst), e.ints[0])
}
