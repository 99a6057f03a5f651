package store

import "github.com/cespare/xxhash/v2"

// HashHost returns a hash of a host: XXH64, with the seed 0, of the name of the
// cluster, a byte 0xff, which is in no UTF-8, and the name of the host. It is the same in
// every process and version, so that work that is divided by it, also among machines, stays
// where it is. Names can be chosen to collide: use it to spread work, and not for the keys of
// a map.
func HashHost(cluster, host string) uint64 {
	var array [128]byte // most names fit: no allocation
	b := append(array[:0], cluster...)
	b = append(b, 0xff)
	return xxhash.Sum64(append(b, host...))
}
