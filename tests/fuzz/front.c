/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a request's body: each front looks at it and reads it, and what it read is written for each kind of upstream.  What comes out is JSON.
 *
 * The first byte chooses the front; the rest is the body.
 */
#include "front/front.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct front *const fronts[] = { &front_chat, &front_messages, &front_responses, &front_completions, &front_embeddings };

static void
write_for(enum wire wire, struct arena *arena, const struct ask *ask)
{
	static const struct vendor vendors[] = { { .prefix = "openai", .wire = WIRE_OPENAI }, { .prefix = "anthropic", .wire = WIRE_ANTHROPIC } };
	struct deployment d = { .vendor = &vendors[wire == WIRE_ANTHROPIC], .wire = wire, .model = TEXT("up"), .key = TEXT("k"), .id = TEXT("d") };
	struct buf body = { 0 };
	struct json_fault fault;
	enum json_type type;
	size_t n;

	if (provider_of(wire)->write_request(&body, arena, ask, &d, d.model, false) == NULL &&
	    (!json_scan(buf_as_text(&body), &type, NULL, 0, &n, &fault) || type != JSON_OBJECT))
		abort();
	buf_free(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text body = { (const char *)data + 1, size - 1 };
	struct arena *arena = arena_new();
	struct glance g = { 0 };
	const struct front *f;
	struct ask ask;

	if (size > 0) {
		f = fronts[data[0] % nitems(fronts)];
		if (f->glance(&g, arena, body) == NULL && front_of_body(f, &g)->read_ask(&ask, arena, &g) == NULL) {
			write_for(WIRE_OPENAI, arena, &ask);
			write_for(WIRE_ANTHROPIC, arena, &ask);
			(void)count_tokens(&ask);
		}
	}
	arena_free(arena);
	return (0);
}
