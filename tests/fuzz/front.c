/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a request's body: each front looks at it and reads it, and what it read is written for each kind of upstream, or spliced for its own.  What
 * comes out is JSON.
 *
 * The first byte chooses the front; the rest is the body.
 */
#include "front/front.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct front *const fronts[] = { &front_chat, &front_messages, &front_responses, &front_completions, &front_embeddings };

static const struct vendor vendors[] = { { .prefix = "openai", .wire = WIRE_OPENAI }, { .prefix = "anthropic", .wire = WIRE_ANTHROPIC } };

static struct deployment
deployment_of(enum wire wire)
{
	const struct vendor *v = &vendors[wire == WIRE_ANTHROPIC];

	return ((struct deployment){ .vendor = v, .wire = v->wire, .model = TEXT("up"), .key = TEXT("k"), .id = TEXT("d"), .mark = 7 });
}

static void
must_be_object(struct text t)
{
	struct json_fault fault;
	enum json_type type;
	size_t n;

	if (!json_scan(t, &type, NULL, 0, &n, &fault) || type != JSON_OBJECT)
		abort();
}

static void
write_for(enum wire wire, struct arena *arena, const struct ask *ask)
{
	struct deployment d = deployment_of(wire);
	struct buf body = { 0 };

	if (provider_of(wire)->write_request(&body, arena, ask, &d, d.model, false) == NULL)
		must_be_object(buf_as_text(&body));
	buf_free(&body);
}

static void
splice_for(enum wire wire, struct arena *arena, const struct glance *g)
{
	struct deployment d = deployment_of(wire);
	struct edits edits = { 0 };
	struct buf body = { 0 };

	if (provider_of(wire)->relay_request(&edits, arena, g, &d, d.model, false) == NULL) {
		json_apply(&body, g->body, edits.list, edits.n);
		must_be_object(buf_as_text(&body));
	}
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
		if (f->glance(&g, arena, body) == NULL) {
			f = front_of_body(f, &g);
			if (f->wire != WIRE_NONE)
				splice_for(f->wire, arena, &g);
			if (f->read_ask(&ask, arena, &g) == NULL) {
				write_for(WIRE_OPENAI, arena, &ask);
				write_for(WIRE_ANTHROPIC, arena, &ask);
				write_for(WIRE_RESPONSES, arena, &ask);
				(void)count_tokens(&ask);
			}
		}
	}
	arena_free(arena);
	return (0);
}
