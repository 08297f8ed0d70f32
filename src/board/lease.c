/* SPDX-License-Identifier: Apache-2.0 */
/* Leases on the board: taken from and put back by compare and swap of {lease, remaining}. */
#include "board/running_priv.h"

#include "base/clock.h"

#define ACCOUNT_BITS	48
#define ACCOUNT_MASK	((UINT64_C(1) << ACCOUNT_BITS) - 1)
#define SEAT_BITS	16
#define EVICTION_US	10000
#define AGING_US	20000000		/* what was used longer ago counts half */
#define USUAL_MS_BITS	24
#define USUAL_MS_MOST	((INT64_C(1) << USUAL_MS_BITS) - 1)
#define USUAL_COST_MOST	((INT64_C(1) << (64 - USUAL_MS_BITS)) - 1)
#define USUAL_FADES	32			/* each later call takes such a part of what was */

/* the table */

static unsigned
first_place(uint64_t account, int64_t period)
{
	uint64_t h = (account * UINT64_C(0x9e3779b97f4a7c15)) ^ ((uint64_t)period * UINT64_C(0xc2b2ae3d27d4eb4f));

	return ((unsigned)(h >> 40) & (LEASES - 1));
}

static struct lease_place *
place_at(struct running_file *f, unsigned first, unsigned i)
{
	return (&f->leases[(first + i) & (LEASES - 1)]);
}

static bool
is_of(struct pair_value key, uint64_t account, int64_t period)
{
	return ((key.low & ACCOUNT_MASK) == account && (int64_t)key.high == period);
}

/* False: nobody has taken it, as long as it was the account's. */
static bool
still_of(struct lease_place *p, uint64_t account, int64_t period, struct pair_value *key)
{
	*key = pair_get(&p->key);
	return (is_of(*key, account, period));
}

static struct lease_place *
find(struct running_file *f, uint64_t account, int64_t period)
{
	unsigned first = first_place(account, period);
	struct pair_value key;

	for (unsigned i = 0; i < LEASE_PROBE; i++) {
		struct lease_place *p = place_at(f, first, i);

		if (still_of(p, account, period, &key))
			return (p);
		if (key.low == 0)
			return (NULL);
	}
	return (NULL);
}

static uint64_t
asker_of(const struct running *r, int64_t until_us)
{
	return ((uint64_t)(until_us / 1000) << SEAT_BITS | (uint64_t)(r->seat + 1));
}

static unsigned
asker_seat(uint64_t asker)
{
	return ((unsigned)(asker & 0xffff) - 1);
}

static bool
is_over(uint64_t asker)
{
	return (asker == 0 || (int64_t)(asker >> SEAT_BITS) * 1000 < clock_us());
}

static bool
is_asked(struct lease_place *p)
{
	return (!is_over(word_get(&p->asker)));
}

/* A place without a lease that was not used for longest. */
static struct lease_place *
oldest_idle(struct running_file *f, unsigned first)
{
	struct lease_place *oldest = NULL;

	for (unsigned i = 0; i < LEASE_PROBE; i++) {
		struct lease_place *p = place_at(f, first, i);

		if (pair_get(&p->word).low == 0 && !is_asked(p) && (oldest == NULL || word_get(&p->used_us) < word_get(&oldest->used_us)))
			oldest = p;
	}
	return (oldest);
}

/* What was said of the former account goes first, so that nobody believes it of the next. */
static void
forget_news(struct lease_place *p)
{
	word_set(&p->spent_until_us, 0);
	word_set(&p->quiet_us, 0);
	word_set(&p->taken, 0);
	word_set(&p->returned, 0);
	word_set(&p->doubt, 0);
	word_set(&p->usual, 0);
	word_set(&p->since_us, (uint64_t)clock_us());
}

/* True: the place is the account's now, made so by us or by another. */
static bool
claim(struct lease_place *p, struct pair_value was, uint64_t account, int64_t period)
{
	struct pair_value to = { account | ((was.low >> ACCOUNT_BITS) + 1) << ACCOUNT_BITS, (uint64_t)period };

	forget_news(p);
	board_point();
	if (pair_set_if(&p->key, was, to))
		return (true);
	return (is_of(pair_get(&p->key), account, period));
}

/* Whoever brings a lease to a place is its asker, so it gets none while we are. */
static bool
evict(struct running *r, struct lease_place *p, uint64_t account, int64_t period)
{
	uint64_t there = word_get(&p->asker), me = asker_of(r, clock_us() + EVICTION_US);
	bool ours;

	if (!is_over(there) || !atomic_compare_exchange_strong(&p->asker, &there, me))
		return (false);
	board_point();
	ours = pair_get(&p->word).low == 0 && claim(p, pair_get(&p->key), account, period);
	board_point();
	atomic_compare_exchange_strong(&p->asker, &me, 0);
	return (ours);
}

static struct lease_place *
find_or_make(struct running *r, uint64_t account, int64_t period)
{
	unsigned first = first_place(account, period);
	struct pair_value key;
	struct lease_place *p;

	for (unsigned i = 0; i < LEASE_PROBE; i++) {
		p = place_at(r->file, first, i);
		if (still_of(p, account, period, &key))
			return (p);
		if (key.low == 0 && claim(p, key, account, period))
			return (p);
	}
	p = oldest_idle(r->file, first);
	return (p != NULL && evict(r, p, account, period) ? p : NULL);
}

/* money */

static int64_t
least(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

static void
add(word64 *w, uint64_t by)
{
	atomic_fetch_add_explicit(w, by, memory_order_relaxed);
}

/*
 * The lease is named in the charge before money is taken from it: whoever stops a lease and then finds no slot that names it knows that nothing of it is
 * with a running exchange.  A place that changes hands has no lease in between, and no lease's id comes twice, so the pair can not be another account's.
 */
static int64_t
take_from(struct lease_place *p, struct running_charge *c, uint64_t account, int64_t period, int64_t most)
{
	struct pair_value v, key;

	for (;;) {
		v = pair_get(&p->word);
		if (v.low == 0 || (int64_t)v.high <= 0 || !still_of(p, account, period, &key))
			return (0);
		if (word_get(&c->lease) != v.low) {
			if (word_get(&c->taken) != 0)
				return (0);
			word_set(&c->lease, v.low);
			board_point();
		}
		most = least(most, (int64_t)v.high);
		if (pair_set_if(&p->word, v, (struct pair_value){ v.low, v.high - (uint64_t)most }))
			return (most);
	}
}

static struct running_charge *
charge_of(const struct running *r, unsigned slot, unsigned charge)
{
	return (&r->slots[slot].charges[charge]);
}

int64_t
lease_take(struct running *r, unsigned slot, unsigned charge, int64_t most)
{
	struct running_charge *c = charge_of(r, slot, charge);
	uint64_t account = word_get(&c->account);
	int64_t period = (int64_t)word_get(&c->period), n;
	struct lease_place *p = find_or_make(r, account, period);

	if (p == NULL || most <= 0 || (n = take_from(p, c, account, period, most)) == 0)
		return (0);
	board_point();
	word_set(&c->taken, word_get(&c->taken) + (uint64_t)n);
	add(&p->taken, (uint64_t)n);
	word_set(&p->used_us, (uint64_t)clock_us());
	return (n);
}

int64_t
lease_taken(const struct running *r, unsigned slot, unsigned charge)
{
	return ((int64_t)word_get(&charge_of(r, slot, charge)->taken));
}

uint64_t
lease_paying(const struct running *r, unsigned slot, unsigned charge)
{
	return (word_get(&charge_of(r, slot, charge)->lease));
}

/* A negative amount: a call that cost more than it had reserved; what can be had of it now is not spent twice.  False: the lease is not there. */
static bool
change(struct lease_place *p, uint64_t lease, int64_t amount)
{
	struct pair_value v = pair_get(&p->word);

	while (v.low == lease) {
		int64_t to = (int64_t)v.high + amount;

		if (pair_set_if(&p->word, v, (struct pair_value){ lease, to > 0 ? (uint64_t)to : 0 }))
			return (true);
		v = pair_get(&p->word);
	}
	return (false);
}

void
lease_return(struct running_file *f, uint64_t account, int64_t period, uint64_t lease, int64_t amount, bool doubtful)
{
	struct lease_place *p = lease != 0 ? find(f, account, period) : NULL;

	if (p == NULL)
		return;
	if (doubtful)
		word_set(&p->doubt, 1);
	if (amount != 0) {
		change(p, lease, amount);
		add(&p->returned, (uint64_t)amount);
	}
}

void
lease_tell_return(struct running_file *f, uint64_t account, int64_t period)
{
	struct lease_place *p = find(f, account, period);

	if (p != NULL)
		add(&p->returns, 1);
}

void
lease_put_back(struct running *r, unsigned slot, unsigned charge, int64_t amount)
{
	struct running_charge *c = charge_of(r, slot, charge);
	uint64_t account = word_get(&c->account);
	int64_t period = (int64_t)word_get(&c->period);

	word_set(&c->taken, word_get(&c->taken) - (uint64_t)amount);
	board_point();
	lease_return(r->file, account, period, word_get(&c->lease), amount, false);
	lease_tell_return(r->file, account, period);
}

/* An older lease gives way: the store knows what it had left, and closes it. */
static void
put_on_board(struct lease_place *p, uint64_t lease, int64_t surplus)
{
	struct pair_value v = pair_get(&p->word);

	while (v.low <= lease) {
		uint64_t to = v.low == lease ? v.high + (uint64_t)surplus : (uint64_t)surplus;

		if (pair_set_if(&p->word, v, (struct pair_value){ lease, to }))
			return;
		v = pair_get(&p->word);
	}
}

static void
give_back_all(struct running *r, struct running_charge *c)
{
	int64_t taken = (int64_t)word_get(&c->taken);

	word_set(&c->taken, 0);
	board_point();
	lease_return(r->file, word_get(&c->account), (int64_t)word_get(&c->period), word_get(&c->lease), taken, false);
	word_set(&c->lease, 0);
}

static void
give_to(struct running_charge *c, struct lease_place *p, int64_t needed)
{
	word_set(&c->taken, word_get(&c->taken) + (uint64_t)needed);
	if (p == NULL)
		return;
	add(&p->taken, (uint64_t)needed);
	word_set(&p->used_us, (uint64_t)clock_us());
}

bool
lease_granted(struct running *r, unsigned slot, unsigned charge, uint64_t account, int64_t period, uint64_t lease, int64_t granted, int64_t needed)
{
	struct running_charge *c = slot != RUNNING_NONE ? charge_of(r, slot, charge) : NULL;
	struct lease_place *p = find_or_make(r, account, period);
	bool same = c == NULL || word_get(&c->taken) == 0 || word_get(&c->lease) == lease;

	if (!same)
		give_back_all(r, c);
	else if (c != NULL) {
		word_set(&c->lease, lease);
		board_point();
		give_to(c, p, needed);
		granted -= needed;
	}
	board_point();
	if (p != NULL)
		put_on_board(p, lease, granted);
	return (same);
}

void
lease_granted_more(struct running *r, unsigned slot, unsigned charge, uint64_t account, int64_t period, uint64_t lease, int64_t granted, int64_t needed)
{
	struct lease_place *p = find(r->file, account, period);

	if (slot != RUNNING_NONE) {
		give_to(charge_of(r, slot, charge), p, needed);
		granted -= needed;
	}
	board_point();
	if (p != NULL && granted > 0 && !change(p, lease, granted))
		word_set(&p->doubt, 1);
}

void
lease_free_of_charge(struct running *r, unsigned slot, unsigned charge)
{
	give_back_all(r, charge_of(r, slot, charge));
}

/* asking */

bool
lease_ask(struct running *r, uint64_t account, int64_t period, int64_t until_us)
{
	struct lease_place *p = find_or_make(r, account, period);
	uint64_t there;

	if (p == NULL)
		return (true);
	if ((int64_t)word_get(&p->quiet_us) > clock_us())
		return (false);
	there = word_get(&p->asker);
	return (is_over(there) && atomic_compare_exchange_strong(&p->asker, &there, asker_of(r, until_us)));
}

void
lease_asked(struct running *r, uint64_t account, int64_t period)
{
	struct lease_place *p = find(r->file, account, period);
	uint64_t there = p != NULL ? word_get(&p->asker) : 0;

	if (there != 0 && asker_seat(there) == r->seat)
		atomic_compare_exchange_strong(&p->asker, &there, 0);
}

/* Of a dead process: whatever it was granted never came to the board. */
void
lease_forget_asker(struct running_file *f, unsigned seat)
{
	for (unsigned i = 0; i < LEASES; i++) {
		uint64_t there = word_get(&f->leases[i].asker);

		if (there == 0 || asker_seat(there) != seat)
			continue;
		word_set(&f->leases[i].doubt, 1);
		atomic_compare_exchange_strong(&f->leases[i].asker, &there, 0);
		board_point();
	}
}

static struct running_seat *
my_seat(struct running *r)
{
	return (&r->file->seats[r->seat]);
}

/* The oldest is published before the number of turns: whoever counts a turn sees that it is open. */
uint64_t
lease_turn_begin(struct running *r)
{
	struct running_seat *seat = my_seat(r);
	uint64_t turn = word_get(&seat->turn_next);

	if (r->n_turns == TURNS)
		return (0);
	if (turn == 0)
		turn = 1;
	r->turns[r->n_turns++] = turn;
	if (r->n_turns == 1)
		atomic_store(&seat->turn_oldest, turn);
	board_point();
	atomic_store(&seat->turn_next, turn + 1);
	board_point();
	return (turn);
}

void
lease_turn_end(struct running *r, uint64_t turn)
{
	unsigned i = 0;

	while (i < r->n_turns && r->turns[i] != turn)
		i++;
	if (i == r->n_turns)
		return;
	r->n_turns--;
	memmove(&r->turns[i], &r->turns[i + 1], (r->n_turns - i) * sizeof(r->turns[0]));
	board_point();
	atomic_store(&my_seat(r)->turn_oldest, r->n_turns > 0 ? r->turns[0] : 0);
}

/* news */

void
lease_quiet(struct running *r, uint64_t account, int64_t period, int64_t until_us)
{
	struct lease_place *p = find_or_make(r, account, period);

	if (p != NULL)
		word_set(&p->quiet_us, (uint64_t)until_us);
}

/* Only who asks writes; the time is zero while the rest changes. */
void
lease_spent(struct running *r, uint64_t account, int64_t period, const struct lease_news *news, int64_t until_us)
{
	struct lease_place *p = find_or_make(r, account, period);

	if (p == NULL)
		return;
	atomic_store(&p->spent_until_us, 0);
	atomic_store(&p->left, (uint64_t)news->left);
	atomic_store(&p->ceiling, (uint64_t)news->ceiling);
	atomic_store(&p->spent_until_us, (uint64_t)until_us);
}

bool
lease_is_spent(struct running *r, uint64_t account, int64_t period, int64_t ceiling, int64_t need, struct lease_news *news)
{
	struct lease_place *p = find(r->file, account, period);
	uint64_t until = p != NULL ? atomic_load(&p->spent_until_us) : 0;

	if (until == 0 || (int64_t)until < clock_us())
		return (false);
	news->left = (int64_t)atomic_load(&p->left);
	news->ceiling = (int64_t)atomic_load(&p->ceiling);
	return (atomic_load(&p->spent_until_us) == until && news->ceiling == ceiling && news->left < need);
}

int64_t
lease_demand(struct running *r, uint64_t account, int64_t period, int64_t us)
{
	struct lease_place *p = find(r->file, account, period);
	int64_t since, used, over;

	if (p == NULL || (since = (int64_t)word_get(&p->since_us)) == 0)
		return (0);
	over = clock_us() - since;
	used = (int64_t)(word_get(&p->taken) - word_get(&p->returned));
	if (used <= 0 || over <= 0)
		return (0);
	if (over > AGING_US) {
		word_set(&p->since_us, (uint64_t)(since + over / 2));
		add(&p->taken, (uint64_t)(-(used / 2)));
	}
	return ((int64_t)((double)used / (double)over * (double)us));
}

static struct lease_usual
usual_of(uint64_t word)
{
	return ((struct lease_usual){ (int64_t)(word >> USUAL_MS_BITS), (int64_t)word & USUAL_MS_MOST });
}

static int64_t
faded(int64_t was, int64_t now, int64_t most)
{
	was -= was / USUAL_FADES;
	return (least(now > was ? now : was, most));
}

/* Two at a time: one is forgotten. */
void
lease_note_call(struct running_file *f, uint64_t account, int64_t period, int64_t cost, int64_t ms)
{
	struct lease_place *p = find(f, account, period);
	struct lease_usual u;

	if (p == NULL || cost <= 0)
		return;
	u = usual_of(word_get(&p->usual));
	word_set(&p->usual, (uint64_t)faded(u.cost, cost, USUAL_COST_MOST) << USUAL_MS_BITS | (uint64_t)faded(u.ms, ms > 0 ? ms : 0, USUAL_MS_MOST));
}

struct lease_usual
lease_usual(struct running *r, uint64_t account, int64_t period)
{
	struct lease_place *p = find(r->file, account, period);

	return (usual_of(p != NULL ? word_get(&p->usual) : 0));
}

bool
lease_is_pressed(struct running *r, uint64_t account, int64_t period, int64_t us)
{
	struct lease_place *p = find(r->file, account, period);

	return (p != NULL && word_get(&p->quiet_us) != 0 && (int64_t)word_get(&p->quiet_us) + us > clock_us());
}

uint64_t
lease_returns(struct running *r, uint64_t account, int64_t period)
{
	struct lease_place *p = find(r->file, account, period);

	return (p != NULL ? word_get(&p->returns) : 0);
}

/* the housekeeper */

unsigned
lease_list(struct running *r, struct lease_seen *list, unsigned most, unsigned *cursor)
{
	struct lease_place *places = r->file->leases;
	unsigned n = 0, at;

	for (at = *cursor; at < LEASES && n < most; at++) {
		struct lease_place *p = &places[at];
		struct pair_value key, word;

		if (word_get((const word64 *)&p->key) == 0)
			continue;			/* nearly all: nothing else is looked at */
		key = pair_get(&p->key);
		word = pair_get(&p->word);
		if ((word.low == 0 && word_get(&p->doubt) == 0) || pair_get(&p->key).low != key.low)
			continue;
		list[n++] = (struct lease_seen){ .account = key.low & ACCOUNT_MASK, .period = (int64_t)key.high, .lease = word.low,
			.remaining = (int64_t)word.high, .used_us = (int64_t)word_get(&p->used_us), .doubtful = word_get(&p->doubt) != 0 };
	}
	*cursor = at == LEASES ? 0 : at;
	return (n);
}

bool
lease_is_there(struct running *r, uint64_t account, int64_t period, uint64_t lease)
{
	unsigned first = first_place(account, period);

	for (unsigned i = 0; i < LEASE_PROBE; i++)
		if (pair_get(&place_at(r->file, first, i)->word).low == lease)
			return (true);
	return (false);
}

int64_t
lease_recall(struct running *r, uint64_t account, int64_t period, uint64_t *lease)
{
	struct lease_place *p = find(r->file, account, period);
	struct pair_value v = p != NULL ? pair_get(&p->word) : (struct pair_value){ 0, 0 };

	while (v.low != 0 && (int64_t)v.high > 0) {
		if (pair_set_if(&p->word, v, (struct pair_value){ v.low, 0 })) {
			*lease = v.low;
			return ((int64_t)v.high);
		}
		v = pair_get(&p->word);
	}
	*lease = v.low;
	return (0);
}

void
lease_doubt(struct running *r, uint64_t account, int64_t period, bool doubtful)
{
	struct lease_place *p = find(r->file, account, period);

	if (p != NULL)
		word_set(&p->doubt, doubtful);
}

void
lease_turns_now(struct running *r, struct lease_turns *turns)
{
	for (unsigned i = 0; i < SEATS; i++)
		turns->next[i] = atomic_load(&r->file->seats[i].turn_next);
}

bool
lease_turns_over(struct running *r, struct lease_turns *turns)
{
	for (unsigned i = 0; i < SEATS; i++) {
		uint64_t oldest = atomic_load(&r->file->seats[i].turn_oldest);

		if (oldest != 0 && oldest < turns->next[i])
			return (false);
	}
	return (true);
}

static void
stop_place(struct lease_place *p, uint64_t lease)
{
	struct pair_value v = pair_get(&p->word);

	while (v.low != 0 && (lease == 0 || v.low == lease)) {
		if (pair_set_if(&p->word, v, (struct pair_value){ 0, 0 }))
			return;
		v = pair_get(&p->word);
	}
}

/* Two processes may have made a place each for one account, so all that it could have are looked at. */
void
lease_stop(struct running *r, uint64_t account, int64_t period, uint64_t lease)
{
	unsigned first = first_place(account, period);

	for (unsigned i = 0; i < LEASE_PROBE && lease != 0; i++)
		stop_place(place_at(r->file, first, i), lease);
}

void
lease_stop_all(struct running *r)
{
	for (unsigned i = 0; i < LEASES; i++)
		if (word_get((const word64 *)&r->file->leases[i].key) != 0)
			stop_place(&r->file->leases[i], 0);
}

/* Leases are sorted. */
static void
mark_used(const struct running_slot *s, const uint64_t *leases, unsigned n, bool *used)
{
	struct charge charges[CHARGES_MOST];
	unsigned n_charges = slot_charges(s, charges);

	for (unsigned i = 0; i < n_charges; i++) {
		unsigned from = 0, to = n;

		while (from < to) {
			unsigned middle = (from + to) / 2;

			if (leases[middle] < charges[i].lease)
				from = middle + 1;
			else
				to = middle;
		}
		if (from < n && leases[from] == charges[i].lease)
			used[from] = true;
	}
}

void
lease_in_use(struct running *r, const uint64_t *leases, unsigned n, bool *used)
{
	memset(used, 0, n * sizeof(*used));
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned seat = 0; seat < SEATS; seat++) {
		unsigned n_slots;
		const struct running_slot *slots = seat_slots(r->file, seat, &n_slots);

		for (unsigned i = 0; i < n_slots; i++)
			if (slot_state(&slots[i]) != RUNNING_FREE)
				mark_used(&slots[i], leases, n, used);
	}
}
