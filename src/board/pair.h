/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two 64-bit words that change together, for all processes that map them.
 *
 * On x86-64 (with -mcx16) this is cmpxchg16b through __sync_*: gcc makes calls of libatomic from C11's atomics, inline code from these.  Elsewhere it is
 * what the compiler offers; the kill tests of this room show whether it holds between processes.  A pair must lie in a mapping that may be written, also
 * for readers.
 */
#ifndef BOARD_PAIR_H
#define BOARD_PAIR_H

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 pair_word;

/* A place where a test may kill the process, or let another go first. */
#ifdef BOARD_TEST
void	board_point(void);
#else
#define board_point()	((void)0)
#endif

struct pair {
	_Alignas(16) pair_word word;
};

struct pair_value {
	uint64_t	 low, high;
};

static inline pair_word
pair_join(struct pair_value v)
{
	return ((pair_word)v.high << 64 | v.low);
}

static inline struct pair_value
pair_split(pair_word w)
{
	return ((struct pair_value){ (uint64_t)w, (uint64_t)(w >> 64) });
}

static inline pair_word
pair_exchange_if(struct pair *p, pair_word is, pair_word to)
{
#if defined(__x86_64__)
	return (__sync_val_compare_and_swap(&p->word, is, to));
#else
	__atomic_compare_exchange_n(&p->word, &is, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return (is);
#endif
}

/* A cheap look: the halves may be of two moments, so what follows from it is to be confirmed by a change. */
static inline struct pair_value
pair_peek(const struct pair *p)
{
	typedef uint64_t __attribute__((may_alias)) half;
	const half *halves = (const half *)&p->word;
	struct pair_value v;

	v.low = __atomic_load_n(&halves[0], __ATOMIC_ACQUIRE);
	board_point();
	v.high = __atomic_load_n(&halves[1], __ATOMIC_ACQUIRE);
	return (v);
}

/* The value as it was at one moment. */
static inline struct pair_value
pair_get(struct pair *p)
{
	return (pair_split(pair_exchange_if(p, 0, 0)));
}

/* True: it was `is` and has become `to`. */
static inline bool
pair_set_if(struct pair *p, struct pair_value is, struct pair_value to)
{
	return (pair_exchange_if(p, pair_join(is), pair_join(to)) == pair_join(is));
}

#endif
