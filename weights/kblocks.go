package weights

// The super-blocks of 256 elements ("k-quants").

func decodeQ2_K(dst []float32, b []byte) {
	scales, qs, d, dmin := b[:16], b[16:80], half(b[80:]), half(b[82:])
	for g := range 16 { // groups of 16; each 128 elements share 32 bytes, two bits at a time
		dl := float32(d * float32(scales[g]&15))
		ml := float32(dmin * float32(scales[g]>>4))
		base, shift := 32*(g/8)+16*(g%2), g%8/2*2
		for i, q := range qs[base : base+16] {
			dst[16*g+i] = affine(dl, int(q>>shift&3), -ml)
		}
	}
}

func decodeQ3_K(dst []float32, b []byte) {
	mask, qs, packed, d := b[:32], b[32:96], b[96:108], half(b[108:])
	for g := range 16 {
		low := packed[g%8] >> (4 * (g / 8)) & 15
		high := packed[8+g%4] >> (2 * (g / 4)) & 3
		dl := float32(d * float32(int(low|high<<4)-32))
		base, half, shift := 32*(g/8), 16*(g%2), g%8/2*2
		for i := range 16 {
			q := int(qs[base+half+i] >> shift & 3)
			if mask[half+i]>>(g/2)&1 == 0 { // the third bit is stored inverted
				q -= 4
			}
			dst[16*g+i] = dl * float32(q)
		}
	}
}

// scaleMin unpacks the 6-bit scale and minimum of group g (0 to 7) of Q4_K and Q5_K (get_scale_min_k4).
func scaleMin(g int, s []byte) (scale, minimum float32) {
	if g < 4 {
		return float32(s[g] & 63), float32(s[g+4] & 63)
	}
	return float32(s[g+4]&15 | s[g-4]>>6<<4), float32(s[g+4]>>4 | s[g]>>6<<4)
}

func decodeQ4_K(dst []float32, b []byte) {
	d, dmin, scales, qs := half(b), half(b[2:]), b[4:16], b[16:144]
	for g := range 8 {
		s, m := scaleMin(g, scales)
		dl, ml := float32(d*s), float32(dmin*m)
		for i, q := range qs[32*(g/2) : 32*(g/2)+32] {
			dst[32*g+i] = affine(dl, int(q>>(4*(g%2))&15), -ml)
		}
	}
}

func decodeQ5_K(dst []float32, b []byte) {
	d, dmin, scales, high, qs := half(b), half(b[2:]), b[4:16], b[16:48], b[48:176]
	for g := range 8 {
		s, m := scaleMin(g, scales)
		dl, ml := float32(d*s), float32(dmin*m)
		for i, q := range qs[32*(g/2) : 32*(g/2)+32] {
			dst[32*g+i] = affine(dl, int(q>>(4*(g%2))&15|high[i]>>g&1<<4), -ml)
		}
	}
}

func decodeQ6_K(dst []float32, b []byte) {
	low, high, scales, d := b[:128], b[128:192], b[192:208], half(b[208:])
	for g := range 16 {
		dl := float32(d * float32(int8(scales[g])))
		h, r := g/8, g%8 // halves of 128; rows of 32 within a half
		for i := range 16 {
			k := 16*(r%2) + i
			q := low[64*h+32*(r/2%2)+k] >> (4 * (r / 4)) & 15
			q |= high[32*h+k] >> (2 * (r / 2)) & 3 << 4
			dst[16*g+i] = dl * float32(int(q)-32)
		}
	}
}
