/* SPDX-License-Identifier: Apache-2.0 */
/* One slot: what is written in it, and how it comes to its end, by its owner's hand or a sweeper's. */
#include "board/running_priv.h"

#include "base/digest.h"

#include <stdio.h>

#define TEXT_MOST	128			/* bytes of one packed text */

void
slot_clear(struct running_slot *s)
{
	word64 *const zero[] = { &s->sent_ms, &s->bound, &s->cost, &s->seen_cost, &s->prompt, &s->completion, &s->estimated, &s->n_charges, &s->place };

	for (unsigned i = 0; i < nitems(zero); i++)
		word_set(zero[i], 0);
}

/* texts: how many, then length and bytes of each; later versions may have more */

static void
pack_texts(word64 *words, unsigned n_words, const struct text *texts, unsigned n)
{
	uint64_t room[WHO_WORDS] = { 0 };
	unsigned char *bytes = (unsigned char *)room;
	size_t at = 1, end = n_words * sizeof(room[0]);

	bytes[0] = (unsigned char)n;
	for (unsigned i = 0; i < n; i++) {
		size_t left = end - at - (n - i), most = left < TEXT_MOST ? left : TEXT_MOST;
		struct text t = texts[i].len > most ? text_whole(text_sub(texts[i], 0, most)) : texts[i];

		bytes[at++] = (unsigned char)t.len;
		if (t.len > 0)			/* an empty one may be nowhere */
			memcpy(bytes + at, t.at, t.len);
		at += t.len;
	}
	for (unsigned i = 0; i < (at + 7) / 8; i++)
		word_set(&words[i], room[i]);
}

static void
unpack_texts(struct text *texts, unsigned n, uint64_t *room, const word64 *words, unsigned n_words)
{
	const unsigned char *bytes = (const unsigned char *)room;
	size_t at = 1, end = n_words * sizeof(room[0]);

	for (unsigned i = 0; i < n_words; i++)
		room[i] = word_get(&words[i]);
	for (unsigned i = 0; i < n && i < bytes[0] && at < end; i++) {
		size_t len = bytes[at++];

		if (at + len > end)
			return;
		texts[i] = (struct text){ (const char *)bytes + at, len };
		at += len;
	}
}

#define N_WHO	(sizeof(struct running_who) / sizeof(struct text))
#define N_WHERE	(sizeof(struct running_where) / sizeof(struct text))

static void
set_id(struct running_slot *s, const char id[37])
{
	uint64_t words[2] = { 0 };
	char hex[33];
	unsigned n = 0;

	for (unsigned i = 0; i < 36 && n < 32 && id[i] != '\0'; i++)
		if (id[i] != '-')
			hex[n++] = id[i];
	if (!hex_read(words, sizeof(words), (struct text){ hex, n }))
		words[0] = words[1] = 0;
	word_set(&s->id[0], words[0]);
	word_set(&s->id[1], words[1]);
}

static void
get_id(char id[37], const struct running_slot *s)
{
	uint64_t words[2] = { word_get(&s->id[0]), word_get(&s->id[1]) };
	char hex[33];

	hex_print(hex, words, sizeof(words));
	snprintf(id, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void
slot_name(struct running_slot *s, const char id[37], const struct running_who *who)
{
	set_id(s, id);
	pack_texts(s->who, WHO_WORDS, (const struct text *)who, N_WHO);
	board_point();
}

/* The one that does not count is written, then it counts. */
void
slot_set_where(struct running_slot *s, const struct running_where *where)
{
	uint64_t next = word_get(&s->place) == 1 ? 2 : 1;

	pack_texts(s->where[next - 1].words, WHERE_WORDS, (const struct text *)where, N_WHERE);
	board_point();
	atomic_store_explicit(&s->place, next, memory_order_release);
}

static unsigned
charges_in(const struct running_slot *s)
{
	uint64_t n = word_get(&s->n_charges);

	return (n > CHARGES_MOST ? CHARGES_MOST : (unsigned)n);
}

unsigned
slot_charges(const struct running_slot *s, struct charge charges[CHARGES_MOST])
{
	unsigned n = charges_in(s);

	for (unsigned i = 0; i < n; i++)
		charges[i] = (struct charge){ .account = word_get(&s->charges[i].account), .period = (int64_t)word_get(&s->charges[i].period),
			.lease = word_get(&s->charges[i].lease) };
	return (n);
}

static void
view(struct running_view *v, const struct running_slot *s, uint64_t who[WHO_WORDS], uint64_t where[WHERE_WORDS])
{
	uint64_t place = word_get(&s->place);

	memset(v, 0, sizeof(*v));
	get_id(v->id, s);
	v->began_ms = (int64_t)word_get(&s->began_ms);
	v->sent_ms = (int64_t)word_get(&s->sent_ms);
	v->cost = (int64_t)word_get(&s->cost);
	v->prompt = (int64_t)word_get(&s->prompt);
	v->completion = (int64_t)word_get(&s->completion);
	v->estimated = word_get(&s->estimated) != 0;
	v->n_charges = slot_charges(s, v->charges);
	unpack_texts((struct text *)&v->who, N_WHO, who, s->who, WHO_WORDS);
	if (place == 1 || place == 2)
		unpack_texts((struct text *)&v->where, N_WHERE, where, s->where[place - 1].words, WHERE_WORDS);
}

/* money back: `taken` is lowered to the cost first, so that a repetition finds nothing to return */

void
slot_return(struct running_file *f, struct running_slot *s, bool doubtful)
{
	unsigned n = charges_in(s);
	int64_t cost = slot_state(s) == RUNNING_BOOKED ? (int64_t)word_get(&s->cost) : 0;

	for (unsigned i = 0; i < n; i++) {
		struct running_charge *c = &s->charges[i];
		int64_t rest = (int64_t)word_get(&c->taken) - cost;

		if (word_get(&c->lease) == 0)
			continue;
		word_set(&c->taken, (uint64_t)cost);
		board_point();
		lease_return(f, word_get(&c->account), (int64_t)word_get(&c->period), word_get(&c->lease), rest, doubtful);
		board_point();
	}
}

void
slot_end(struct running_file *f, struct running_slot *s, bool doubtful)
{
	unsigned n = charges_in(s);

	slot_return(f, s, doubtful);
	for (unsigned i = 0; i < n; i++)
		if (word_get(&s->charges[i].lease) != 0)
			lease_tell_return(f, word_get(&s->charges[i].account), (int64_t)word_get(&s->charges[i].period));
	slot_become(s, RUNNING_FREE);
}

/* What a dead process's call has cost: as much as was seen of it, else as much as it could. */
static void
settle(struct running_slot *s)
{
	int64_t seen = (int64_t)word_get(&s->seen_cost), cost = 0;

	if (slot_state(s) == RUNNING_SENT) {
		cost = seen > 0 ? seen : (int64_t)word_get(&s->bound);
		word_set(&s->estimated, 1);
	}
	word_set(&s->cost, (uint64_t)cost);
	slot_become(s, RUNNING_SETTLED);
}

static bool
append_row(const struct running_slot *s, running_append_f *append, void *self)
{
	uint64_t who[WHO_WORDS], where[WHERE_WORDS];
	struct running_view v;

	view(&v, s, who, where);
	return (append(self, &v));
}

/* From wherever its process was killed to the end.  False: the row could not be appended. */
bool
slot_finish(struct running_file *f, struct running_slot *s, running_append_f *append, void *self)
{
	enum running_state state = slot_state(s);

	if (state == RUNNING_RESERVED || state == RUNNING_SENT)
		settle(s);
	if (slot_state(s) == RUNNING_SETTLED) {
		if (!append_row(s, append, self))
			return (false);
		slot_become(s, RUNNING_BOOKED);
	}
	slot_end(f, s, true);
	return (true);
}
