/* SPDX-License-Identifier: Apache-2.0 */
/* A row as it lies in the spool: a head of numbers, then texts.  It is read on the host that wrote it, so numbers are the machine's. */
#include "ledger/ledger.h"

#include "base/digest.h"
#include "base/json.h"

#include <assert.h>

#define VERSION		1			/* raise it with any change below */
#define TEXT_MOST	256			/* bytes of a name or an id */
#define TAGS_MOST	1024
#define NOTHING		2			/* bytes of "[]" and "{}" */

/* With the most of these, and with all charges, there is still room for tags and a document. */
static const size_t texts[] = {
	offsetof(struct ledger_row, call_type), offsetof(struct ledger_row, ended), offsetof(struct ledger_row, key_digest),
	offsetof(struct ledger_row, user_id), offsetof(struct ledger_row, team_id), offsetof(struct ledger_row, organization_id),
	offsetof(struct ledger_row, project_id), offsetof(struct ledger_row, customer), offsetof(struct ledger_row, model_group),
	offsetof(struct ledger_row, model), offsetof(struct ledger_row, model_id), offsetof(struct ledger_row, provider),
	offsetof(struct ledger_row, api_base),
};

struct head {
	unsigned char	 version, streamed, estimated, n_charges;
	uint16_t	 status, tags, doc, texts[nitems(texts)];
	unsigned char	 id[16];
	int64_t		 began_ms, first_token_ms, ended_ms;
	int64_t		 prompt, completion, cached, written, reasoning, cost;
};

static struct text *
text_at(const struct ledger_row *row, size_t i)
{
	return ((struct text *)((char *)(uintptr_t)row + texts[i]));
}

/* packing */

static void
pack_id(unsigned char id[16], const char uuid[37])
{
	char hex[32];
	unsigned n = 0;
	bool good;

	for (unsigned i = 0; i < 36 && n < sizeof(hex) && uuid[i] != '\0'; i++)
		if (uuid[i] != '-')
			hex[n++] = uuid[i];
	good = n == sizeof(hex) && hex_read(id, 16, (struct text){ hex, n });
	assert(good);
}

/* The store takes UTF-8 without zero bytes only, and one row that it refuses would hold up all behind it. */
static void
buf_clean(struct buf *b, struct text t)
{
	size_t from = b->len;
	unsigned n;

	buf_text(b, t);
	if (text_is_plain(t))
		return;
	for (char *at = b->at + from, *end = b->at + b->len; at < end; at += n) {
		n = text_plain8(at, end) ? 8 : json_utf8(at, end);
		if (n == 0 || *at == '\0') {
			*at = '?';
			n = 1;
		}
	}
}

/* As many items as fit, in their order, and then the mark; what is not of that kind becomes empty. */
static struct text
fitting(struct arena *arena, struct text whole, size_t room, const char *brackets, struct text mark)
{
	struct json_fault fault;
	enum json_type type;
	struct growing out = { 0 };
	struct json_walk walk;
	struct json_item item;
	struct json_spot top;
	size_t count;
	bool fine = json_scan(whole, &type, &top, 1, &count, &fault) && type == (brackets[0] == '{' ? JSON_OBJECT : JSON_ARRAY);

	if (fine && whole.len <= room)
		return (whole);
	arena_append(arena, &out, (struct text){ brackets, 1 });
	walk = json_walk(fine ? whole : TEXT("[]"));
	while (json_next(&walk, &item)) {
		struct text one = { item.from, (size_t)(item.raw.at + item.raw.len - item.from) };

		if (out.len + one.len + mark.len + 2 > room)
			continue;			/* a smaller one may follow */
		arena_append(arena, &out, one);
		arena_append(arena, &out, TEXT(","));
	}
	if (whole.len > room && mark.len > 0 && out.len + mark.len + 1 <= room)
		arena_append(arena, &out, mark);
	else if (out.len > 1)
		out.len--;
	arena_append(arena, &out, (struct text){ brackets + 1, 1 });
	return ((struct text){ out.at, out.len });
}

void
ledger_row_pack(struct buf *to, const struct ledger_row *row)
{
	struct head h = { .version = VERSION, .streamed = row->streamed, .estimated = row->estimated, .n_charges = (unsigned char)row->n_charges,
		.status = (uint16_t)row->status, .began_ms = row->began_ms, .first_token_ms = row->first_token_ms, .ended_ms = row->ended_ms,
		.prompt = row->prompt, .completion = row->completion, .cached = row->cached, .written = row->written, .reasoning = row->reasoning,
		.cost = row->cost };
	size_t charges = row->n_charges * sizeof(row->charges[0]), room = LEDGER_ROW_MOST - sizeof(h) - charges, from = to->len;
	struct arena *arena = arena_new();
	struct text tags, doc;

	assert(row->n_charges <= CHARGES_MOST);
	pack_id(h.id, row->id);
	for (size_t i = 0; i < nitems(texts); i++) {
		h.texts[i] = (uint16_t)text_whole(text_sub(*text_at(row, i), 0, TEXT_MOST)).len;
		room -= h.texts[i];
	}
	tags = fitting(arena, row->tags, room - NOTHING < TAGS_MOST ? room - NOTHING : TAGS_MOST, "[]", TEXT(""));
	doc = fitting(arena, row->doc, room - tags.len, "{}", TEXT("\"cut\":true"));
	h.tags = (uint16_t)tags.len;
	h.doc = (uint16_t)doc.len;
	buf_add(to, &h, sizeof(h));
	buf_add(to, row->charges, charges);
	for (size_t i = 0; i < nitems(texts); i++)
		buf_clean(to, text_sub(*text_at(row, i), 0, h.texts[i]));
	buf_clean(to, tags);
	buf_clean(to, doc);
	assert(to->len - from <= LEDGER_ROW_MOST);
	arena_free(arena);
}

/* unpacking */

static bool
is_whole(const struct head *h, size_t len)
{
	size_t sum = sizeof(*h) + h->n_charges * sizeof(struct charge) + h->tags + h->doc;

	for (size_t i = 0; i < nitems(texts); i++)
		sum += h->texts[i];
	return (h->version == VERSION && h->n_charges <= CHARGES_MOST && sum == len);
}

/* False: it is of another version, or no row at all. */
static bool
read_head(struct head *h, struct text packed)
{
	if (packed.len < sizeof(*h))
		return (false);
	memcpy(h, packed.at, sizeof(*h));
	return (is_whole(h, packed.len));
}

static uint64_t
big64(const unsigned char *at)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < 8; i++)
		n = n << 8 | at[i];
	return (n);
}

bool
ledger_row_key(uint64_t key[2], struct text packed)
{
	struct head h;

	if (!read_head(&h, packed))
		return (false);
	key[0] = big64(h.id);
	key[1] = big64(h.id + 8);
	return (true);
}

static struct text
take(const char **at, size_t n)
{
	struct text t = { *at, n };

	*at += n;
	return (t);
}

static void
print_id(char uuid[37], const unsigned char id[16])
{
	static const unsigned char groups[] = { 4, 2, 2, 2, 6 };

	for (size_t i = 0; i < nitems(groups); i++) {
		hex_print(uuid, id, groups[i]);
		uuid += 2 * groups[i];
		id += groups[i];
		*uuid++ = i + 1 < nitems(groups) ? '-' : '\0';
	}
}

bool
ledger_row_unpack(struct ledger_row *row, struct arena *arena, struct text packed)
{
	const char *at = packed.at + sizeof(struct head);
	struct head h;

	(void)arena;
	if (!read_head(&h, packed))
		return (false);
	memset(row, 0, sizeof(*row));
	row->shape = text_sub(packed, offsetof(struct head, texts), offsetof(struct head, texts) + sizeof(h.texts));
	row->alike = (struct text){ at, packed.len - sizeof(h) - h.doc };
	memcpy(row->charges, at, h.n_charges * sizeof(row->charges[0]));
	at += h.n_charges * sizeof(row->charges[0]);
	for (size_t i = 0; i < nitems(texts); i++)
		*text_at(row, i) = take(&at, h.texts[i]);
	row->tags = take(&at, h.tags);
	row->doc = take(&at, h.doc);
	print_id(row->id, h.id);
	row->n_charges = h.n_charges;
	row->status = h.status;
	row->streamed = h.streamed;
	row->estimated = h.estimated;
	row->began_ms = h.began_ms;
	row->first_token_ms = h.first_token_ms;
	row->ended_ms = h.ended_ms;
	row->prompt = h.prompt;
	row->completion = h.completion;
	row->cached = h.cached;
	row->written = h.written;
	row->reasoning = h.reasoning;
	row->cost = h.cost;
	return (true);
}
