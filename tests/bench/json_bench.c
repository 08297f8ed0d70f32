/* SPDX-License-Identifier: Apache-2.0 */
/* How long JSON takes: bodies like those of agents, of other scripts, and of single chunks, in every way of striding. */
#include "base/clock.h"
#include "base/json_priv.h"

#include <stdio.h>
#include <stdlib.h>

#define LARGE	(270 * 1024)

static void
add_code(struct buf *b, size_t upto)
{
	static const char *const lines[] = {
		"static int\\nread_line(struct reader *r, char *line, size_t room)\\n{\\n\\tsize_t n = 0;\\n\\n",
		"\\tif (r->at == r->end && fill(r) <= 0)\\n\\t\\treturn (-1);\\n\\tprintf(\\\"%zu bytes\\\\n\\\", n);\\n",
		"The function above reads one line at a time, and answers how many bytes it has put there; the caller owns the line.\\n\\n",
		"    for item in sorted(items, key=lambda i: i[\\\"name\\\"]):\\n        yield item.path, open(item.path).read()\\n",
	};

	for (unsigned i = 0; b->len < upto; i++)
		buf_text(b, text_of(lines[i % nitems(lines)]));
}

static void
add_tools(struct buf *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buf_print(b, "%s{\"type\":\"function\",\"function\":{\"name\":\"tool_%u\",\"description\":\"Reads a file from the local file system. You can access any file "
		    "directly by using this tool. Assume that it can read all files.\",\"parameters\":{\"type\":\"object\",\"properties\":{\"file_path\":{\"type\":\"string\","
		    "\"description\":\"The absolute path to the file to read\"},\"offset\":{\"type\":\"number\",\"minimum\":0},\"limit\":{\"type\":\"number\",\"maximum\":2000}},"
		    "\"required\":[\"file_path\"],\"additionalProperties\":false}}}", i > 0 ? "," : "", i);
}

static void
agent(struct buf *b)
{
	buf_lit(b, "{\"model\":\"claude\",\"stream\":true,\"max_tokens\":64000,\"temperature\":1,\"tools\":[");
	add_tools(b, 30);
	buf_lit(b, "],\"messages\":[");
	for (unsigned i = 0; b->len < LARGE; i++) {
		buf_print(b, "%s{\"role\":\"%s\",\"content\":[{\"type\":\"text\",\"text\":\"", i > 0 ? "," : "", i % 2 == 0 ? "user" : "assistant");
		add_code(b, b->len + 6000);
		buf_lit(b, "\"}]}");
	}
	buf_lit(b, "]}");
}

static void
filled(struct buf *b, const char *unit)
{
	buf_lit(b, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"");
	while (b->len < LARGE)
		buf_text(b, text_of(unit));
	buf_lit(b, "\"}]}");
}

static void
prose(struct buf *b)
{
	filled(b, "Words without anything that needs a second look, one after the other, and no end in sight. ");
}

static void
chinese(struct buf *b)
{
	filled(b, "\xe6\xbc\xa2\xe5\xad\x97\xe4\xbb\xac\xe6\x98\xaf\xef\xbc\x8c");
}

static void
mixed(struct buf *b)
{
	filled(b, "Caf\xc3\xa9s are open \xe2\x80\x93 some of them \xe2\x80\x9c" "all night\xe2\x80\x9d \xe2\x80\x94 and others are not. ");
}

static void
ascii_only(struct buf *b)
{
	filled(b, "\\u6f22\\u5b57\\ud83d\\ude00 and \\u00e9t\\u00e9; ");
}

static void
schemas(struct buf *b)
{
	buf_lit(b, "{\"tools\":[");
	add_tools(b, 450);
	buf_lit(b, "]}");
}

static void
indented(struct buf *b)
{
	buf_lit(b, "{\n  \"rows\": [\n");
	for (unsigned i = 0; b->len < LARGE; i++)
		buf_print(b, "%s    {\n      \"id\": %u,\n      \"name\": \"row %u\",\n      \"good\": true\n    }", i > 0 ? ",\n" : "", i, i);
	buf_lit(b, "\n  ]\n}\n");
}

static void
numbers(struct buf *b)
{
	buf_lit(b, "{\"embedding\":[0");
	for (unsigned i = 0; b->len < LARGE; i++)
		buf_print(b, ",%s0.0%u", i % 2 == 0 ? "-" : "", 1234567 + i * 7919);
	buf_lit(b, "]}");
}

static void
chunk(struct buf *b)
{
	buf_lit(b, "{\"id\":\"chatcmpl-CkQ1Vd0m4Q3v6Yh2uT8sB5nWxZ7aR\",\"object\":\"chat.completion.chunk\",\"created\":1764000000,\"model\":\"gpt-5.1-2026-11-13\","
	    "\"service_tier\":\"default\",\"system_fingerprint\":null,\"choices\":[{\"index\":0,\"delta\":{\"content\":\" the\"},\"logprobs\":null,\"finish_reason\":null}],"
	    "\"obfuscation\":\"a1B2c3\"}");
}

static void
request(struct buf *b)
{
	buf_lit(b, "{\"model\":\"fast\",\"messages\":[{\"role\":\"system\",\"content\":\"You are helpful.\"},{\"role\":\"user\",\"content\":\"What is the capital of France?\"}],"
	    "\"temperature\":0.2,\"stream\":true}");
}

static const struct {
	const char	*name;
	void	       (*make)(struct buf *);
} bodies[] = {
	{ "chunk", chunk }, { "small request", request }, { "agent", agent }, { "prose", prose }, { "chinese", chinese }, { "mixed", mixed },
	{ "\\u escapes", ascii_only }, { "schemas", schemas }, { "indented", indented }, { "numbers", numbers },
};

static void
scan(struct text t)
{
	struct json_spot top[32];
	struct json_fault fault;
	enum json_type type;
	size_t count;

	if (!json_scan(t, &type, top, nitems(top), &count, &fault))
		abort();
}

static void
parse(struct text t)
{
	struct arena *arena = arena_new();
	struct json_fault fault;

	if (json_parse(arena, t, &fault) == NULL)
		abort();
	arena_free(arena);
}

/* Best of some rounds, in nanoseconds: what the machine does beside is not ours. */
static double
best(void (*work)(struct text), struct text t)
{
	unsigned times = t.len > 10000 ? 4 : 1000;
	double least = 1e18;

	for (unsigned round = 0; round < 300; round++) {
		int64_t from = clock_us();

		for (unsigned i = 0; i < times; i++)
			work(t);
		if ((double)(clock_us() - from) * 1000 / times < least)
			least = (double)(clock_us() - from) * 1000 / times;
	}
	return (least);
}

int
main(void)
{
	printf("%-14s %9s", "nanoseconds", "bytes");
	for (size_t w = 0; w < nitems(json_stride_ways); w++)
		if (json_stride_ways[w].usable)
			printf(" %10s", json_stride_ways[w].name);
	printf(" %10s\n", "parse");
	for (size_t i = 0; i < nitems(bodies); i++) {
		struct buf b = { 0 };

		bodies[i].make(&b);
		printf("%-14s %9zu", bodies[i].name, b.len);
		for (size_t w = 0; w < nitems(json_stride_ways); w++) {
			json_stride_f *usual = json_stride;

			if (!json_stride_ways[w].usable)
				continue;
			json_stride = json_stride_ways[w].stride;
			printf(" %10.0f", best(scan, buf_as_text(&b)));
			json_stride = usual;
		}
		printf(" %10.0f\n", best(parse, buf_as_text(&b)));
		buf_free(&b);
	}
	return (0);
}
