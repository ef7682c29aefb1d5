// Package idhash hashes document ids for tables that live as long as a topic.
//
//	seed := idhash.Seed()
//	slot := idhash.Of(seed, id) & mask
//
// It costs about half of hash/maphash for ids of a few words of memory,
// and like it seeded at random, so that nobody can prepare ids that collide. It
// is no cryptographic hash, and its values mean nothing outside the process.
package idhash

import (
	"math/bits"
	"math/rand/v2"
)

// Seed returns a random seed.
func Seed() uint64 { return rand.Uint64() }

// Of returns the hash of an id under a seed: each eight bytes, the last ones
// perhaps twice, are folded in by a multiplication to 128 bits, as wyhash does.
func Of(seed uint64, id string) uint64 {
	const first, second = 0xa0761d6478bd642f, 0xe7037ed1a0b428db
	h := seed ^ uint64(len(id))*second
	n := len(id)
	if n < 8 {
		var last uint64
		for i := range n {
			last = last<<8 | uint64(id[i])
		}
		return fold(fold(h^last, first^seed), second)
	}
	for i := 0; i+8 < n; i += 8 {
		h = fold(h^word(id, i), first^seed)
	}
	return fold(fold(h^word(id, n-8), second^seed), first)
}

func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// word returns eight bytes as a number.
func word(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
