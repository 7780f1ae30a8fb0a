package sketch

// mix64 is a fixed bijection of 64-bit words whose output bits each depend on
// all input bits: the finalizer of SplitMix64 (Stafford's variant 13).
func mix64(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
