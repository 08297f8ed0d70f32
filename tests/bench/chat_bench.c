/* SPDX-License-Identifier: Apache-2.0 */
/* How long the chat dialect takes: the way up of small and large bodies, relayed chunks, and a translated stream. */
#include "base/clock.h"
#include "front/front.h"
#include "provider/provider.h"

#include <stdio.h>

#define ROUNDS	5

static const struct vendor vendor = { .prefix = "openai", .wire = WIRE_OPENAI };
static const struct deployment deployment = { .vendor = &vendor, .wire = WIRE_OPENAI, .model = { "gpt-4o-2026", 11 } };

static void
request_body(struct buf *b, size_t size, bool stream)
{
	static const char words[] = "Lorem ipsum dolor sit amet, consectetur adipiscing elit.\\n";
	bool first = true;

	buf_print(b, "{\"model\":\"gpt\",\"stream\":%s,\"temperature\":0.7,\"max_tokens\":1024,\"user\":\"u\",\"messages\":[", stream ? "true" : "false");
	while (b->len < size || first) {
		buf_print(b, "%s{\"role\":\"user\",\"content\":\"", first ? "" : ",");
		for (unsigned i = 0; i < 8 && b->len < size; i++)
			buf_text(b, text_of(words));
		buf_lit(b, "\"}");
		first = false;
	}
	buf_lit(b, "]}");
}

static double
best(double *list, unsigned n)
{
	double least = list[0];

	for (unsigned i = 1; i < n; i++)
		least = list[i] < least ? list[i] : least;
	return (least);
}

/* Glance, the edits, and the edited body put together. */
static void
bench_request(size_t size, unsigned times)
{
	double glances[ROUNDS], all[ROUNDS];
	struct buf body = { 0 }, out = { 0 };

	request_body(&body, size, true);
	for (unsigned round = 0; round < ROUNDS; round++) {
		int64_t at = clock_us(), looked = 0;

		for (unsigned i = 0; i < times; i++) {
			struct arena *arena = arena_new();
			struct glance g = { 0 };
			struct edits edits = { 0 };
			int64_t from = clock_us();

			if (front_chat.glance(&g, arena, buf_as_text(&body)) != NULL)
				printf("refused\n");
			looked += clock_us() - from;
			provider_openai.relay_request(&edits, arena, &g, &deployment, deployment.model, false);
			out.len = 0;
			json_apply(&out, buf_as_text(&body), edits.list, edits.n);
			arena_free(arena);
		}
		all[round] = (double)(clock_us() - at) * 1000 / times;
		glances[round] = (double)looked * 1000 / times;
	}
	printf("request of %7zu bytes: glance %9.0f ns, with edits and copy %9.0f ns\n", body.len, best(glances, ROUNDS), best(all, ROUNDS));
	buf_free(&body);
	buf_free(&out);
}

static const char chunk[] = "{\"id\":\"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWx\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"gpt-4o-2026\","
    "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_0123456789\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},"
    "\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}";

static void
bench_chunk(bool hide, unsigned times)
{
	double all[ROUNDS];
	struct text data = text_of(chunk);
	struct arena *arena = arena_new();
	struct relay relay = { .arena = arena, .model = QUOTED("gpt"), .hide_usage = hide };
	struct buf out = { 0 };
	size_t held = arena_held(arena);

	for (unsigned round = 0; round < ROUNDS; round++) {
		int64_t at = clock_us();

		for (unsigned i = 0; i < times; i++) {
			struct edits edits;

			if (provider_openai.relay_event(&relay, TEXT(""), data, &edits) != PASS_ON)
				printf("not passed\n");
			out.len = 0;
			json_apply(&out, data, edits.list, edits.n);
		}
		all[round] = (double)(clock_us() - at) * 1000 / times;
	}
	printf("relayed chunk of %zu bytes, usage %s: %5.0f ns; arena grew by %zu bytes\n", data.len, hide ? "hidden" : "passed", best(all, ROUNDS),
	    arena_held(arena) - held);
	buf_free(&out);
	arena_free(arena);
}

static void
bench_translated(const struct front *front, const char *name, unsigned times)
{
	double all[ROUNDS];
	struct buf out = { 0 };

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct arena *arena = arena_new();
		struct seen seen = { 0 };
		struct told told = { .model = TEXT("gpt"), .id = TEXT("id") };
		struct reader *reader = provider_openai.reader(arena, &seen, NULL);
		struct writer *writer = front->stream(arena, &told, &out);
		int64_t at = clock_us();

		for (unsigned i = 0; i < times; i++) {
			out.len = 0;
			provider_openai.read_event(reader, TEXT(""), text_of(chunk), (struct hearer){ front->write, writer });
		}
		all[round] = (double)(clock_us() - at) * 1000 / times;
		if (round == 0)
			printf("translated to %s: arena %zu bytes after %u chunks\n", name, arena_held(arena), times);
		arena_free(arena);
	}
	printf("chunk translated to %s: %5.0f ns\n", name, best(all, ROUNDS));
	buf_free(&out);
}

int
main(void)
{
	bench_request(300, 20000);
	bench_request(2 * 1024, 20000);
	bench_request(256 * 1024, 200);
	bench_chunk(true, 200000);
	bench_chunk(false, 200000);
	bench_translated(&front_chat, "chat", 100000);
	bench_translated(&front_messages, "messages", 100000);
	return (0);
}
