/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at chunks and bodies of OpenAI-like servers: which members, which finish reason, which spelling of usage. */
#include "provider/openai_priv.h"

#include <openssl/evp.h>

static bool
is_named(struct quoted name, const char *word, size_t len)
{
	return (name.len == len && memcmp(name.at, word, len) == 0);
}
#define IS(name, literal)	is_named((name), literal, sizeof(literal) - 1)

static void
note_member(struct chunk *c, const struct json_spot *spot)
{
	struct quoted name = json_spot_name(c->data, spot);

	switch (name.len) {
	case 2:
		if (IS(name, "id"))
			c->id = spot;
		break;
	case 4:
		if (IS(name, "type"))
			c->type = spot;
		else if (IS(name, "data"))
			c->list = spot;
		break;
	case 5:
		if (IS(name, "model"))
			c->model = spot;
		else if (IS(name, "usage"))
			c->usage = spot;
		else if (IS(name, "error"))
			c->error = spot;
		break;
	case 6:
		if (IS(name, "object"))
			c->object = spot;
		else if (IS(name, "x_groq"))
			c->x_groq = spot;
		break;
	case 7:
		if (IS(name, "choices"))
			c->choices = spot;
		break;
	case 9:
		if (IS(name, "base_resp"))
			c->base_resp = spot;
	}
}

bool
chunk_read(struct chunk *c, struct arena *arena, struct text data, struct json_fault *fault)
{
	enum json_type type;

	c->data = data;
	c->top = c->room;
	c->n = 0;
	c->choices = c->list = c->error = c->id = c->model = c->object = c->type = c->usage = c->x_groq = c->base_resp = NULL;
	if (!json_scan(data, &type, c->room, nitems(c->room), &c->n, fault))
		return (false);
	if (type != JSON_OBJECT || c->n > CHUNK_LIMIT) {
		*fault = (struct json_fault){ .what = type != JSON_OBJECT ? "not an object" : "too many members" };
		return (false);
	}
	if (c->n > nitems(c->room)) {
		c->top = arena_alloc(arena, c->n * sizeof(*c->top));
		(void)json_scan(data, &type, c->top, c->n, &c->n, fault);
	}
	for (size_t i = 0; i < c->n; i++)
		note_member(c, &c->top[i]);
	return (true);
}

static bool
is_truthy(struct text raw)
{
	struct json_walk walk;
	struct json_item item;
	double number;

	switch (raw.at[0]) {
	case '{':
	case '[':
		walk = json_walk(raw);
		return (json_next(&walk, &item));
	case '"':
		return (raw.len > 2);
	case 't':
		return (true);
	case 'n':
	case 'f':
		return (false);
	default:
		return (json_to_double(raw, &number) && number != 0);
	}
}

static bool
word_is(const struct chunk *c, const struct json_spot *spot, const char *word)
{
	return (spot != NULL && spot->type == JSON_STRING && quoted_is(json_inside(json_spot_value(c->data, spot)), word));
}

/* MiniMax says 200 and base_resp:{"status_code":1004,…}. */
static bool
base_failed(const struct chunk *c)
{
	struct json_item item;
	int64_t code;

	return (c->base_resp != NULL && c->base_resp->type == JSON_OBJECT &&
	    json_find(json_spot_value(c->data, c->base_resp), "status_code", &item) && json_to_i64(item.raw, &code) && code != 0);
}

struct text
chunk_error(const struct chunk *c, struct text event_name)
{
	struct json_item item;

	if (c->error != NULL && is_truthy(json_spot_value(c->data, c->error)))
		return (c->data);
	if (word_is(c, c->type, "error") || word_is(c, c->object, "error") || text_is(event_name, "error") || base_failed(c))
		return (c->data);
	if (c->x_groq != NULL && c->x_groq->type == JSON_OBJECT && json_find(json_spot_value(c->data, c->x_groq), "error", &item) && is_truthy(item.raw))
		return (json_spot_value(c->data, c->x_groq));
	return (TEXT(""));
}

struct error *
not_an_answer(struct arena *arena, struct text data, const struct json_fault *fault)
{
	struct error *e = error_new(arena, E_UPSTREAM_FAILED, "The upstream's answer is not a JSON object.");
	struct buf line = { 0 };

	json_fault_print(&line, data, fault);
	e->detail = arena_copy(arena, buf_as_text(&line));
	buf_free(&line);
	return (e);
}

bool
is_done_word(struct text data)
{
	return (data.len >= 6 && text_starts(text_trim(data), TEXT("[DONE]")));
}

void
choice_read(struct choice_spots *c, struct text choice)
{
	struct json_walk walk = json_walk(choice);
	struct json_item item;
	int64_t index;

	c->index = 0;
	c->delta.type = c->text.type = c->finish_reason.type = c->usage.type = c->stop.type = JSON_NONE;
	while (json_next(&walk, &item)) {
		if (IS(item.name, "delta") || (IS(item.name, "message") && c->delta.type != JSON_OBJECT))
			c->delta = item;	/* Perplexity sends a cumulative message beside each delta */
		else if (IS(item.name, "text"))
			c->text = item;
		else if (IS(item.name, "finish_reason"))
			c->finish_reason = item;
		else if (IS(item.name, "index") && json_to_i64(item.raw, &index) && index >= 0 && index < MAX_CHOICES)
			c->index = (unsigned)index;
		else if (IS(item.name, "usage"))
			c->usage = item;
		else if (item.type == JSON_STRING && (IS(item.name, "stop_reason") || IS(item.name, "matched_stop")))
			c->stop = item;
	}
	if (c->delta.type == JSON_OBJECT)
		c->text.type = JSON_NONE;
}

static const struct {
	const char	*word;
	enum finish_word is;
	enum finish	 finish;
} finish_words[] = {
	{ "stop", FINISH_WORD_KNOWN, FINISH_STOP },
	{ "tool_calls", FINISH_WORD_KNOWN, FINISH_TOOLS },
	{ "length", FINISH_WORD_KNOWN, FINISH_LENGTH },
	{ "content_filter", FINISH_WORD_KNOWN, FINISH_FILTER },
	{ "function_call", FINISH_WORD_KNOWN, FINISH_TOOLS },
	{ "eos", FINISH_WORD_VENDOR, FINISH_STOP },
	{ "eos_token", FINISH_WORD_VENDOR, FINISH_STOP },
	{ "stop_sequence", FINISH_WORD_VENDOR, FINISH_STOP },
	{ "end_turn", FINISH_WORD_VENDOR, FINISH_STOP },
	{ "tool_use", FINISH_WORD_VENDOR, FINISH_TOOLS },
	{ "model_length", FINISH_WORD_VENDOR, FINISH_LENGTH },
	{ "max_tokens", FINISH_WORD_VENDOR, FINISH_LENGTH },
	{ "model_context_window_exceeded", FINISH_WORD_VENDOR, FINISH_LENGTH },
	{ "sensitive", FINISH_WORD_VENDOR, FINISH_FILTER },
	{ "safety", FINISH_WORD_VENDOR, FINISH_FILTER },
	{ "error", FINISH_WORD_FAILED, FINISH_NONE },
	{ "insufficient_system_resource", FINISH_WORD_FAILED, FINISH_NONE },
	{ "network_error", FINISH_WORD_FAILED, FINISH_NONE },
	{ "abort", FINISH_WORD_FAILED, FINISH_NONE },
};

enum finish_word
finish_read(enum finish *finish, struct quoted word)
{
	if (word.len == 0)
		return (FINISH_WORD_NONE);
	for (size_t i = 0; i < nitems(finish_words); i++) {
		if (quoted_is(word, finish_words[i].word)) {
			*finish = finish_words[i].finish;
			return (finish_words[i].is);
		}
	}
	*finish = FINISH_STOP;			/* a word yet unknown: the answer has ended, and nothing says badly */
	return (FINISH_WORD_KNOWN);
}

struct quoted
finish_chat(enum finish finish)
{
	switch (finish) {
	case FINISH_LENGTH:	return (QUOTED("length"));
	case FINISH_TOOLS:	return (QUOTED("tool_calls"));
	case FINISH_FILTER:	return (QUOTED("content_filter"));
	default:		return (QUOTED("stop"));
	}
}

/* Usage. */

#define MOST_TOKENS	INT64_C(1000000000000)
#define MOST_SEARCHES	10000

enum usage_field { USE_PROMPT, USE_CACHED, USE_WRITTEN, USE_COMPLETION, USE_REASONING, USE_TOTAL, USE_WRITTEN_1H, USE_AUDIO_IN, USE_IMAGE_IN,
	USE_AUDIO_OUT, USE_IMAGE_OUT, USE_SEARCHES, USE_FIELDS };

static const struct usage_name {
	const char	*name;
	enum usage_field field;
} usage_names[] = {
	{ "prompt_tokens", USE_PROMPT },
	{ "completion_tokens", USE_COMPLETION },
	{ "total_tokens", USE_TOTAL },
	{ "reasoning_tokens", USE_REASONING },
	{ "prompt_cache_hit_tokens", USE_CACHED },		/* DeepSeek */
	{ "num_cached_tokens", USE_CACHED },			/* Mistral */
	{ "cache_read_input_tokens", USE_CACHED },		/* a LiteLLM behind us */
	{ "cache_creation_input_tokens", USE_WRITTEN },
	{ "num_search_queries", USE_SEARCHES },			/* Perplexity */
}, response_names[] = {
	{ "input_tokens", USE_PROMPT },
	{ "output_tokens", USE_COMPLETION },
	{ "total_tokens", USE_TOTAL },
}, in_names[] = {
	{ "cached_tokens", USE_CACHED },
	{ "cache_write_tokens", USE_WRITTEN },
	{ "cache_creation_tokens", USE_WRITTEN },
	{ "ephemeral_1h_input_tokens", USE_WRITTEN_1H },	/* within cache_creation_token_details, of a LiteLLM */
	{ "audio_tokens", USE_AUDIO_IN },
	{ "image_tokens", USE_IMAGE_IN },
	{ "reasoning_tokens", USE_REASONING },
}, out_names[] = {
	{ "reasoning_tokens", USE_REASONING },
	{ "audio_tokens", USE_AUDIO_OUT },
	{ "image_tokens", USE_IMAGE_OUT },
};

static const struct {
	const char	*name;
	const struct usage_name *names;
	size_t		 n;
} detail_objects[] = {
	{ "prompt_tokens_details", in_names, nitems(in_names) },
	{ "completion_tokens_details", out_names, nitems(out_names) },
	{ "input_tokens_details", in_names, nitems(in_names) },
	{ "output_tokens_details", out_names, nitems(out_names) },
	{ "prompt_token_details", in_names, nitems(in_names) },
	{ "cache_creation_token_details", in_names, nitems(in_names) },
};

static void
read_fields(int64_t values[USE_FIELDS], struct text object, const struct usage_name *names, size_t n)
{
	struct json_walk walk = json_walk(object);
	struct json_item item;
	int64_t v;

	while (json_next(&walk, &item)) {
		if (item.type == JSON_OBJECT)
			for (size_t i = 0; i < nitems(detail_objects); i++)
				if (is_named(item.name, detail_objects[i].name, strlen(detail_objects[i].name)))
					read_fields(values, item.raw, detail_objects[i].names, detail_objects[i].n);
		if (item.type != JSON_NUMBER || !json_to_i64(item.raw, &v) || v < 0 || v > MOST_TOKENS)
			continue;
		for (size_t i = 0; i < n; i++)
			if (is_named(item.name, names[i].name, strlen(names[i].name)))
				values[names[i].field] = v;
	}
}

bool
usage_read(struct usage *usage, struct text object)
{
	int64_t v[USE_FIELDS];

	memset(v, -1, sizeof(v));
	read_fields(v, object, usage_names, nitems(usage_names));
	if (v[USE_PROMPT] < 0 && v[USE_COMPLETION] < 0)
		read_fields(v, object, response_names, nitems(response_names));
	if (v[USE_PROMPT] < 0 && v[USE_COMPLETION] < 0)
		return (false);
	/* xAI leaves reasoning out of completion_tokens; its own total tells. */
	if (v[USE_REASONING] > 0 && v[USE_PROMPT] >= 0 && v[USE_COMPLETION] >= 0 &&
	    v[USE_TOTAL] == v[USE_PROMPT] + v[USE_COMPLETION] + v[USE_REASONING])
		v[USE_COMPLETION] += v[USE_REASONING];
	if (v[USE_PROMPT] >= 0 && v[USE_CACHED] > v[USE_PROMPT])
		v[USE_CACHED] = v[USE_PROMPT];
	if (v[USE_PROMPT] >= 0 && v[USE_WRITTEN] > v[USE_PROMPT] - (v[USE_CACHED] > 0 ? v[USE_CACHED] : 0))
		v[USE_WRITTEN] = v[USE_PROMPT] - (v[USE_CACHED] > 0 ? v[USE_CACHED] : 0);
	*usage = (struct usage){ .prompt = v[USE_PROMPT], .cached = v[USE_CACHED], .written = v[USE_WRITTEN],
		.completion = v[USE_COMPLETION], .reasoning = v[USE_REASONING], .written_1h = v[USE_WRITTEN_1H], .audio_in = v[USE_AUDIO_IN],
		.image_in = v[USE_IMAGE_IN], .audio_out = v[USE_AUDIO_OUT], .image_out = v[USE_IMAGE_OUT],
		.searches = (int32_t)(v[USE_SEARCHES] < MOST_SEARCHES ? v[USE_SEARCHES] : MOST_SEARCHES), .tier = -1 };
	return (true);
}

int32_t
chunk_tier(const struct chunk *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->top[i].type == JSON_STRING && IS(json_spot_name(c->data, &c->top[i]), "service_tier")) {
			struct quoted word = json_inside(json_spot_value(c->data, &c->top[i]));
			return (tier_named((struct text){ word.at, word.len }));
		}
	return (-1);
}

#define NAME_LIMIT	64
#define NAME_KEPT	55

struct quoted
tool_name_fit(struct arena *arena, struct quoted name)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	char *fit;

	if (name.len <= NAME_LIMIT)
		return (name);
	EVP_Digest(name.at, name.len, digest, &n, EVP_sha256(), NULL);
	fit = arena_bytes(arena, NAME_LIMIT);
	memcpy(fit, name.at, NAME_KEPT);
	fit[NAME_KEPT] = '_';
	for (unsigned i = 0; i < 4; i++) {
		fit[NAME_KEPT + 1 + 2 * i] = hex[digest[i] >> 4];
		fit[NAME_KEPT + 2 + 2 * i] = hex[digest[i] & 15];
	}
	for (size_t i = 0; i < NAME_KEPT; i++)		/* a cut escape would break the JSON; names of tools hold none but by mischief */
		if (fit[i] == '\\')
			fit[i] = '_';
	return ((struct quoted){ fit, NAME_LIMIT });
}
