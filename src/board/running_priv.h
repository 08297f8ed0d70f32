/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of INSTANCE.running.  It stays as it is over versions: whoever must change it gives it another number, and then a host that is updated has
 * two such files until its old workers are gone, the old one finished by nobody new.  Words that are zero in a layout's first version may be given a
 * meaning.
 */
#ifndef BOARD_RUNNING_PRIV_H
#define BOARD_RUNNING_PRIV_H

#include "board/board_priv.h"
#include "board/lease.h"
#include "board/pair.h"

#define RUNNING_LAYOUT	1
#define RUNNING_MAGIC	UINT64_C(0x676e696e6e757220)

#define LEASES		32768			/* a power of two */
#define LEASE_PROBE	32
#define WHO_WORDS	48			/* of packed texts */
#define WHERE_WORDS	31

/*
 * The key of a place in the table: the account (48 bits) with a number that grows with each use of the place, and the period.  Never empty again once
 * used, so that a search may stop at the first empty one; given to another key only while it has no lease.
 */
struct lease_place {
	struct pair	 key;			/* {account | uses << 48, period} */
	struct pair	 word;			/* {lease, remaining} */
	word64		 asker;			/* until_ms:48, seat + 1:16; 0: nobody */
	word64		 quiet_us;		/* no asking before */
	word64		 left, ceiling, spent_until_us;	/* struct lease_news */
	word64		 taken, returned;	/* ever, in nano-dollars; may wrap */
	word64		 returns;		/* times something came back */
	word64		 used_us, since_us;	/* when money was last taken; when `taken` and `returned` were 0 */
	word64		 doubt;			/* 1: something was lost on the way */
	word64		 usual;			/* of calls lately: the dearest in nano-dollars:40, the longest in ms:24; 0: nothing is known */
};

struct running_charge {
	word64		 account, period, lease;
	word64		 taken;			/* lowered before money goes back: at most once */
};

struct running_slot {
	word64		 state;			/* of running_state */
	word64		 id[2];
	word64		 began_ms, sent_ms;
	word64		 bound, cost, seen_cost, prompt, completion;
	word64		 estimated;
	word64		 n_charges;
	word64		 place;			/* 1 or 2: which `where` counts; 0: none */
	word64		 room[3];
	struct running_charge charges[CHARGES_MOST];
	word64		 who[WHO_WORDS];
	struct {
		word64	 words[WHERE_WORDS];
		word64	 unused;
	}		 where[2];
};

struct running_seat {
	_Alignas(LINE) word64 taken;
	word64		 high;			/* slots that were ever used, counted from the front */
	word64		 used;			/* slots that are not free, as its owner or sweeper counts them */
	word64		 turn_next, turn_oldest;	/* of asking the store: the next to begin, the oldest that is open (0: none) */
};

struct running_file {
	struct board_header header;
	_Alignas(LINE) struct running_seat seats[SEATS];
	_Alignas(PAGE) struct lease_place leases[LEASES];
	_Alignas(PAGE) struct running_slot narrow[BOARD_NARROW];
	_Alignas(PAGE) struct {
		_Alignas(PAGE) struct running_slot slots[RUNNING_WIDE];
	}		 wide[BOARD_WIDE];	/* room is made with the first use of the seat */
};

_Static_assert(sizeof(struct lease_place) == 128, "two lines of the processor's cache");
_Static_assert(sizeof(struct running_slot) == 1536, "the layout stays");

#define TURNS	64			/* open at a time */

struct running {
	struct running_file *file;
	int		 fd;
	pid_t		 pid;
	enum seat_kind	 kind;
	unsigned	 seat;
	struct running_slot *slots;		/* of my seat */
	unsigned	 n_slots;
	unsigned	*free;			/* a stack of them */
	unsigned	 n_free;
	uint64_t	*mine;			/* a bit for each that I use; others that are not free are of a dead process */
	bool		 left_over;		/* there are such in my seat */
	uint64_t	 turns[TURNS];		/* open ones, in the order of their beginning; the oldest first */
	unsigned	 n_turns;
};

static inline bool
is_mine(const struct running *r, unsigned slot)
{
	return ((r->mine[slot / 64] >> (slot % 64) & 1) != 0);
}

static inline enum running_state
slot_state(const struct running_slot *s)
{
	return ((enum running_state)atomic_load_explicit((word64 *)&s->state, memory_order_acquire));
}

static inline void
slot_become(struct running_slot *s, enum running_state to)
{
	board_point();
	atomic_store_explicit(&s->state, to, memory_order_release);
	board_point();
}

/* running.c: the slots of a seat, and how many of them were ever used; none of a seat that is not taken */
struct running_slot *seat_slots(struct running_file *, unsigned seat, unsigned *n);
/* slot.c */
void	slot_clear(struct running_slot *);	/* all but its state, id and texts */
void	slot_name(struct running_slot *, const char id[37], const struct running_who *);
void	slot_set_where(struct running_slot *, const struct running_where *);
unsigned slot_charges(const struct running_slot *, struct charge charges[CHARGES_MOST]);
/* Everything, or once it is BOOKED all above its cost, goes back to its leases; may be repeated.  `doubtful`: something may have been lost on the way. */
void	slot_return(struct running_file *, struct running_slot *, bool doubtful);
void	slot_end(struct running_file *, struct running_slot *, bool doubtful);	/* the same, and it is free */
bool	slot_finish(struct running_file *, struct running_slot *, running_append_f *, void *self);	/* of a dead process */
/* lease.c: money goes back to its lease, if it is still there; what was spent above what was taken is taken now, as far as there is any */
void	lease_return(struct running_file *, uint64_t account, int64_t period, uint64_t lease, int64_t amount, bool doubtful);
void	lease_tell_return(struct running_file *, uint64_t account, int64_t period);	/* whoever waits shall look again */
void	lease_forget_asker(struct running_file *, unsigned seat);
/* One is over, that cost so much and took so long. */
void	lease_note_call(struct running_file *, uint64_t account, int64_t period, int64_t cost, int64_t ms);

#endif
