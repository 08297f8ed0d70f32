/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of the board's file, and what its files share.
 *
 * Order matters for memory: pages of a shared mapping that one process touches count as its own, so what a worker touches lies close together:
 * its line of `wide`, its page of `in_flight`, and the head of its set of metrics (deployments fill their slots from the front).
 */
#ifndef BOARD_BOARD_PRIV_H
#define BOARD_BOARD_PRIV_H

#include "board/board.h"
#include "board/known.h"
#include "board/pair.h"
#include "board/series.h"
#include "board/window.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define BOARD_LAYOUT	7			/* raise it with any change below */
/* Another build with other tables is another layout too. */
#define BOARD_SHAPE	((uint64_t)BOARD_LAYOUT << 32 | (uint64_t)COUNTERS << 24 | (uint64_t)DEP_COUNTERS << 16 | (uint64_t)BOARD_STATUSES << 8 | SERIES_TIMES)
#define BOARD_MAGIC	UINT64_C(0x647261626563756c)

#define LINE		64			/* of the processor's cache */
#define PAGE		4096
#define ID_WORDS	9			/* of an id's text */
#define FLIGHT_LANES	4			/* calls a one-request process may have out at once */

/* Bytes of the file that are locked; they need not exist. */
#define LOCK_MAKING	0
#define LOCK_SEATS	1			/* wide ones first, then narrow */
#define LOCK_HOUSEKEEPER	(LOCK_SEATS + 65536)	/* behind any number of seats */

#define SEATS		(BOARD_WIDE + BOARD_NARROW)

typedef _Atomic uint64_t word64;
typedef _Atomic uint32_t word32;

struct board_header {
	uint64_t	 magic;			/* written last */
	uint64_t	 shape;
	uint64_t	 size;
	int64_t		 made_us;
	char		 boot[40];		/* boot id of the kernel */
	word32		 wide_used, narrow_used;	/* seats ever taken, counted from the front: readers stop there */
	uint64_t	 id;			/* of this very file; 0: of a version that gave none */
};

struct wide_seat {
	_Alignas(LINE) word32 taken;		/* 0 or 1 */
	word32		 open;			/* exchanges */
	word64		 listener;
	_Atomic int64_t	 since_us;
	_Atomic int64_t	 seen_us;		/* when its loop last turned, as far as it said */
};

struct metric_set {
	_Alignas(PAGE) word64 counters[COUNTERS];
	word64		 deployments[BOARD_DEPLOYMENTS][DEP_COUNTERS];
};

/*
 * What is known: buckets of eight entries, and for each bucket one line that says which entities are in it and when they were last wanted, so that a
 * search reads one line and then the one entry.  When buckets are added most entities belong elsewhere and are loaded anew.  An entry is locked while its
 * sequence number is odd; the seat in it tells whom the sweeper must clean up after.
 */
#define KNOWN_BUCKETS	4096			/* at first; a power of two */
#define KNOWN_BUCKETS_MOST	131072
#define KNOWN_WAYS	8
#define KNOWN_ENTRIES	(KNOWN_BUCKETS * KNOWN_WAYS)
#define KNOWN_WORDS	56			/* of payload in an entry */
#define KNOWN_PART	(KNOWN_WORDS * 8)	/* the same in bytes */
#define KNOWN_GENERATIONS	4096

struct known_entry {
	_Alignas(LINE) word64 lock;		/* n:48, seat + 1:16 */
	word64		 id[4];
	word64		 shape;			/* generation:32, payload of all parts in bytes:16, which part:16 */
	word64		 stamp;			/* the same in all parts of one payload */
	word64		 loaded_us;
	word64		 payload[KNOWN_WORDS];
};

struct known_table {
	_Alignas(PAGE) word32 generations[KNOWN_GENERATIONS];
	word64		 changes_read_us;
	word64		 writing[SEATS];	/* entry + 1 that this seat has locked, or is about to lock */
	word32		 buckets;		/* for which there is room; only grows */
	_Alignas(PAGE) word64 index[KNOWN_BUCKETS_MOST][KNOWN_WAYS];	/* tag:32, second of last use:32; 0: empty */
	_Alignas(PAGE) struct known_entry entries[KNOWN_BUCKETS_MOST * KNOWN_WAYS];
};

/*
 * Windows: {identity, number:24 and count:40}; even numbers in one table, odd ones in the other, so that a table's slots are all at least two windows
 * old when a new window begins in it.
 */
#define WINDOW_SLOTS	32768			/* a power of two */

struct window_table {
	_Alignas(PAGE) struct pair slots[2][WINDOW_SLOTS];
	word64		 present;		/* number:24, end in ms since boot:40; 0: none yet */
};

/* Counts of what runs: words of {entity:48, count:16}, in groups of one hash for the wide seats, a few for each narrow one. */
#define PARALLEL_GROUPS	512			/* a power of two */
#define PARALLEL_GROUP	16
#define PARALLEL_NARROW	16
#define PARALLEL_VERSIONS	4096

struct parallel_table {
	_Alignas(PAGE) word32 versions[PARALLEL_VERSIONS];
	_Alignas(LINE) word32 permits_version;
	word32		 permits[SEATS];
	_Alignas(LINE) word64 narrow[BOARD_NARROW][PARALLEL_NARROW];
	struct {
		_Alignas(PAGE) word64 of[PARALLEL_GROUPS][PARALLEL_GROUP];
	}		 wide[BOARD_WIDE];
};

/* Metrics by caller (series.c). */
#define SERIES_PLACES	(2 * SERIES_MOST)	/* a power of two */
#define SERIES_WORDS	((2 + SERIES_LABELS * (1 + SERIES_TEXT) + 7) / 8)

struct series {
	_Alignas(LINE) word64 hash;		/* of its labels; 0: free */
	word32		 length;		/* words of labels; 0: not written yet */
	word32		 second;		/* since boot, of its last call */
	word64		 counted[SERIES_COUNTERS];
	word64		 left[SERIES_GAUGES];	/* + 1; 0: not known */
	struct {
		word64	 us;
		word64	 buckets[SERIES_BUCKETS];	/* not cumulative */
	}		 timed[SERIES_TIMES];
	word64		 answers[BOARD_STATUSES];
	word64		 labels[SERIES_WORDS];
};

/* What is told of sums (tally.c). */
#define TALLY_PLACES	4096			/* a power of two */

struct tally {
	word64		 name;			/* identity:32, moment:32; 0: nobody's */
	word64		 sum;
};

struct board_file {
	struct board_header header;
	struct wide_seat wide[BOARD_WIDE];
	word64		 narrow[BOARD_NARROW];	/* NARROW_TAKEN, open exchanges above */
	word64		 narrow_flight[BOARD_NARROW];	/* lanes of 16 bits: slot + 1 of a call that is out, or 0 */
	word64		 hashes[BOARD_DEPLOYMENTS];	/* of the deployment in this slot; 0: free, and all after it */
	word64		 outcomes[BOARD_DEPLOYMENTS];
	word64		 ids[BOARD_DEPLOYMENTS][ID_WORDS];
	word64		 vendor_left[BOARD_DEPLOYMENTS][VENDOR_LIMITS];	/* + 1; 0: not known */
	struct {
		_Alignas(PAGE) word32 of[BOARD_DEPLOYMENTS];
	}		 in_flight[BOARD_WIDE];
	struct metric_set sets[BOARD_WIDE + 1];	/* of the wide seats; the last is shared by all others */
	struct window_table windows;
	struct parallel_table parallel;
	struct tally	 tallies[TALLY_PLACES];
	word32		 series_places;		/* for which there is room; only grows */
	word32		 series_used;		/* by callers */
	word32		 series_read;		/* since boot, when somebody last read them for a page; 0: nobody does */
	struct known_table known;		/* from here on a hole where there is no room yet */
	_Alignas(PAGE) struct series series[SERIES_PLACES];
};

#define NARROW_TAKEN	UINT64_C(1)
#define NARROW_OPEN	16			/* bits to shift */

struct board {
	struct board_file *file;
	int		 fd;
	pid_t		 pid;			/* whose seat this is: a forked child's close leaves it alone */
	enum seat_kind	 kind;
	unsigned	 seat;			/* of all SEATS, wide ones first */
	struct metric_set *set;
	bool		 shared;		/* others add to the set as well */
	int64_t		 probed_us;		/* when board_least_open() last asked the kernel */
	pthread_mutex_t	 sweeping;		/* the kernel's locks tell processes apart, not threads */
	_Atomic int64_t	 swept_us;		/* before saying no, see board_sweep_once() */
	uint32_t	 second;		/* since boot, as of the last sweep: near enough to tell what was used lately */
};

static inline uint64_t
word_get(const word64 *w)
{
	return (atomic_load_explicit((word64 *)w, memory_order_relaxed));
}

static inline void
word_set(word64 *w, uint64_t to)
{
	atomic_store_explicit(w, to, memory_order_relaxed);
}

static inline uint32_t
word_get32(const word32 *w)
{
	return (atomic_load_explicit((word32 *)w, memory_order_relaxed));
}

static inline void
word_set32(word32 *w, uint32_t to)
{
	atomic_store_explicit(w, to, memory_order_relaxed);
}

/* file.c: a file, made and mapped; -1 and *why.  It begins with a struct board_header, all else in it is zero at first. */
struct file_kind {
	const char	*suffix;		/* INSTANCE.suffix */
	uint64_t	 magic, shape;
	unsigned	 layout;
	size_t		 size, at_once;		/* room for the first `at_once` bytes is made with the file, the rest when it is needed */
};
int	board_file_open(void **, const struct file_kind *, const char *dir, const char *instance, struct buf *why);
int	board_file_room(int fd, size_t from, size_t n);	/* so that touching it is no SIGBUS; 0, or errno */
/* A write lock on one byte of the open file description; never waits. */
bool	board_lock(int fd, off_t byte);
void	board_unlock(int fd, off_t byte);

static inline uint64_t
mix(uint64_t x)					/* MurmurHash3's finalizer: every bit counts in every bit */
{
	x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (x ^ x >> 33);
}

/* board.c: before a limit says no: are there dead who hold something?  At most once in 3 ms; from any thread. */
bool	board_sweep_once(struct board *);
/* window.c: the same as window_now(), at that time by the wall and since boot */
void	window_at(struct window *, struct board *, int64_t size_ms, int64_t wall_ms, int64_t boot_ms);
/* parallel.c: all that a dead seat had taken */
void	parallel_clean(struct board_file *, unsigned seat);
/* known.c: bytes of room for so many entities */
size_t	known_size(unsigned entities);
/* series.c: bytes of room for so many callers */
size_t	series_size(unsigned most);
/* known.c: empties the entry a dead seat was writing */
void	known_clean(struct board_file *, unsigned seat);

#endif
