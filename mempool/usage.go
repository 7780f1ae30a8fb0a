package mempool

import (
	"math/bits"
	"unsafe"
)

// What an entry takes in the pool's indexes. A slot of a Go map has a control byte, and between 7/16 and 7/8 of the slots
// are taken: 3/2 of a slot per element is the mean.
const (
	shortKey      = 8
	idSlots       = 2 * (shortKey + pointerSize + 1) * 3 / 2 // byWTxID and byTxID
	spenderSlot   = (shortKey + int64(unsafe.Sizeof(spender{})) + 1) * 3 / 2
	pointerSize   = int64(unsafe.Sizeof(uintptr(0)))
	clusterMember = pointerSize + int64(unsafe.Sizeof(chunk{}))       // at most one chunk each
	relationship  = int64(unsafe.Sizeof(relatives{})) + 3*pointerSize // one's relatives, and room to grow
)

// memoryUsage is about how many bytes of heap an entry with this many parents takes while it is in a pool: what
// [Config.MaxBytes] bounds, as Core's DynamicMemoryUsage does. A test compares it with the heap.
func memoryUsage(e *Entry, parents int) int64 {
	return heapBytes(int64(unsafe.Sizeof(*e))) + heapBytes(int64(unsafe.Sizeof(node{}))) +
		heapBytes(int64(unsafe.Sizeof(cluster{}))) + heapBytes(clusterMember) + pointerSize +
		idSlots + int64(e.inputCount())*spenderSlot + int64(parents)*relationship +
		heapBytes(int64(len(e.Raw)))
}

// heapBytes is about what the Go allocator gives for n bytes: its size classes are 16 apart at first, then an eighth of
// a power of two.
func heapBytes(n int64) int64 {
	if n == 0 {
		return 0
	}
	step := max(16, int64(1)<<bits.Len64(uint64(n-1))/16)
	return (n + step - 1) / step * step
}
