/* SPDX-License-Identifier: Apache-2.0 */
/* Deployment slots, their last outcomes, and the counters. */
#include "board/board_priv.h"

/* An outcome in one word: time, status, error from the top. */
#define OUTCOME_STATUS	10
#define OUTCOME_TIME	20

const int board_statuses[BOARD_STATUSES] = {
	200, 400, 401, 402, 403, 404, 405, 408, 409, 411, 413, 422, 429, 499, 500, 501, 502, 503, 504, 529, 0
};

/* deployments */

/* Whoever knows the id may write its text: all write the same.  So it does not matter who claimed the slot, or died after it. */
static void
write_id(struct board_file *f, unsigned slot, struct text id)
{
	uint64_t words[ID_WORDS] = { 0 };

	memcpy(words, id.at, id.len < sizeof(words) ? id.len : sizeof(words) - 1);
	for (unsigned i = 0; i < ID_WORDS; i++)
		if (word_get(&f->ids[slot][i]) != words[i]) {
			word_set(&f->ids[slot][i], words[i]);
			board_point();
		}
}

/* Slots fill from the front and are never freed, so the first empty one ends the search. */
unsigned
board_deployment(struct board *b, struct text id)
{
	uint64_t hash = text_hash(id);

	if (hash == 0)
		hash = 1;
	for (unsigned slot = BOARD_OTHER + 1; slot < BOARD_DEPLOYMENTS; slot++) {
		uint64_t there = word_get(&b->file->hashes[slot]);

		if (there == 0 && atomic_compare_exchange_strong(&b->file->hashes[slot], &there, hash)) {
			board_point();
			there = hash;
		}
		if (there == hash) {
			write_id(b->file, slot, id);
			return (slot);
		}
	}
	return (BOARD_OTHER);
}

unsigned
board_deployments(const struct board *b)
{
	unsigned n = BOARD_OTHER + 1;

	while (n < BOARD_DEPLOYMENTS && word_get(&b->file->hashes[n]) != 0)
		n++;
	return (n);
}

bool
board_deployment_id(const struct board *b, unsigned slot, char id[72])
{
	uint64_t words[ID_WORDS];

	if (slot >= BOARD_DEPLOYMENTS)
		return (false);
	if (slot == BOARD_OTHER) {
		memcpy(id, "other", sizeof("other"));
		return (true);
	}
	for (unsigned i = 0; i < ID_WORDS; i++)
		words[i] = word_get(&b->file->ids[slot][i]);
	memcpy(id, words, 72);
	id[71] = '\0';
	return (word_get(&b->file->hashes[slot]) != 0);
}

static unsigned
bounded(int64_t n, unsigned most)
{
	return (n < 0 ? 0 : n > (int64_t)most ? most : (unsigned)n);
}

void
board_outcome(struct board *b, unsigned slot, const struct outcome *o)
{
	uint64_t word = (uint64_t)o->at_wall_ms << OUTCOME_TIME | (uint64_t)bounded(o->status, 999) << OUTCOME_STATUS | bounded(o->error, 1023);

	if (slot < BOARD_DEPLOYMENTS)
		word_set(&b->file->outcomes[slot], word);
}

bool
board_outcome_read(const struct board *b, unsigned slot, struct outcome *o)
{
	uint64_t word = slot < BOARD_DEPLOYMENTS ? word_get(&b->file->outcomes[slot]) : 0;

	o->at_wall_ms = (int64_t)(word >> OUTCOME_TIME);
	o->status = (int)(word >> OUTCOME_STATUS) & 1023;
	o->error = (int)word & 1023;
	return (o->at_wall_ms != 0);
}

void
board_vendor_left(struct board *b, unsigned slot, const int64_t left[VENDOR_LIMITS])
{
	for (unsigned i = 0; i < VENDOR_LIMITS && slot < BOARD_DEPLOYMENTS; i++)
		if (left[i] >= 0)
			word_set(&b->file->vendor_left[slot][i], (uint64_t)left[i] + 1);
}

int64_t
board_vendor_left_read(const struct board *b, unsigned slot, enum vendor_limit which)
{
	return (slot < BOARD_DEPLOYMENTS ? (int64_t)word_get(&b->file->vendor_left[slot][which]) - 1 : -1);
}

/* counting */

/* A set of one's own needs no locked add: nobody else writes it. */
static void
add(struct board *b, word64 *w, uint64_t by)
{
	board_point();
	if (b->shared)
		atomic_fetch_add_explicit(w, by, memory_order_relaxed);
	else
		word_set(w, word_get(w) + by);
	board_point();
}

void
board_count(struct board *b, enum counter c, uint64_t by)
{
	add(b, &b->set->counters[c], by);
}

void
board_count_deployment(struct board *b, unsigned slot, enum deployment_counter c, uint64_t by)
{
	add(b, &b->set->deployments[slot < BOARD_DEPLOYMENTS ? slot : BOARD_OTHER][c], by);
}

unsigned
board_status(int status)
{
	unsigned which = 0;

	while (which < BOARD_STATUSES - 1 && board_statuses[which] != status)
		which++;
	return (which);
}

/* reading */

/* The word at this place in every set that was ever used: the others' pages stay untouched. */
static uint64_t
sum_at(const struct board *b, size_t offset)
{
	unsigned used = word_get32(&b->file->header.wide_used);
	uint64_t sum = word_get((const word64 *)((const char *)&b->file->sets[BOARD_WIDE] + offset));

	for (unsigned i = 0; i < used; i++)
		sum += word_get((const word64 *)((const char *)&b->file->sets[i] + offset));
	return (sum);
}

uint64_t
board_counted(const struct board *b, enum counter c)
{
	return (sum_at(b, offsetof(struct metric_set, counters) + c * sizeof(word64)));
}

uint64_t
board_counted_deployment(const struct board *b, unsigned slot, enum deployment_counter c)
{
	return (sum_at(b, offsetof(struct metric_set, deployments) + ((slot < BOARD_DEPLOYMENTS ? slot : BOARD_OTHER) * DEP_COUNTERS + c) * sizeof(word64)));
}
