package sketch

import "runtime"

// allocated is how many bytes f allocates, with what else runs meanwhile. The
// tests of this package do not run in parallel.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
