/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the cases of this folder: fronts and providers joined as the gateway joins them, without network, loop or clock (README.md has the format). */
#include "front/front.h"
#include "provider/provider.h"
#include "upstream/upstream.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define CREATED		1790000000
#define OUR_ID		"0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"

/* A case file. */

struct kase {
	char		 path[512];
	const struct front *front;
	enum wire	 wire;			/* of the call */
	const struct provider *provider;	/* who speaks it */
	struct buf	 file;
	struct arena	*arena;
	struct text	 options, client, request, answer, wanted, seen;
	bool		 has_request, has_answer, has_wanted, has_seen;
	int		 answer_status, wanted_status;
	struct text	 answer_type;
	int64_t		 retry_after_ms;
	bool		 loose, translate, crlf, cr, no_last_blank, drop_params, counting, compacting, stored;
	struct text	 goes_on_from, mark;
	struct vendor	 vendor;
	struct deployment deployment;
	struct default_param defaults[8];
	struct text	 drop[8];
};

static unsigned failures, runs;

static void
fail(const struct kase *k, const char *what, struct text wanted, struct text got)
{
	failures++;
	printf("FAIL %s: %s\n--- wanted\n" TEXT_FMT "\n--- got\n" TEXT_FMT "\n---\n", k->path, what, TEXT_ARG(wanted), TEXT_ARG(got));
}

static _Noreturn void
bad_case(const struct kase *k, const char *why, struct text what)
{
	printf("%s: %s: " TEXT_FMT "\n", k->path, why, TEXT_ARG(what));
	exit(99);
}

static struct text
next_word(struct text *line)
{
	struct text word;

	*line = text_trim(*line);
	text_cut(*line, ' ', &word, line);
	return (word);
}

static int
next_number(const struct kase *k, struct text *line)
{
	struct text word = next_word(line);
	int64_t n;

	if (!text_to_i64(word, &n))
		bad_case(k, "not a number", word);
	return ((int)n);
}

static struct text
trim_end(struct text t)
{
	while (t.len > 0 && t.at[t.len - 1] == '\n')
		t.len--;
	return (t);
}

static bool
is_stream(struct text type)
{
	return (text_is(type, "text/event-stream"));
}

static void
take_section(struct kase *k, struct text title, struct text body)
{
	static const struct text request = { "upstream must receive", 21 }, answer = { "upstream answers ", 17 };
	static const struct text wanted = { "client must get", 15 };
	struct text word;

	if (text_is(title, "options"))
		k->options = body;
	else if (text_is(title, "client"))
		k->client = trim_end(body);
	else if (text_is(title, "seen")) {
		k->seen = body;
		k->has_seen = true;
	} else if (text_eq(title, request)) {
		k->request = trim_end(body);
		k->has_request = true;
	} else if (text_starts(title, answer)) {
		title = text_sub(title, answer.len, title.len);
		k->answer_status = next_number(k, &title);
		k->answer_type = next_word(&title);
		k->answer = is_stream(k->answer_type) ? body : trim_end(body);
		k->has_answer = true;
		if (text_starts(word = next_word(&title), TEXT("retry-after-ms=")))
			text_to_i64(text_sub(word, 15, word.len), &k->retry_after_ms);
	} else if (text_starts(title, wanted)) {
		title = text_sub(title, wanted.len, title.len);
		k->wanted_status = title.len > 0 ? next_number(k, &title) : 200;
		k->wanted = body;
		k->has_wanted = true;
	} else
		bad_case(k, "no such section", title);
}

static unsigned
quirk_bit(const struct kase *k, struct text name)
{
	static const struct {
		const char	*name;
		unsigned	 bit;
	} quirks[] = {
		{ "MAX_TOKENS_OLD", QUIRK_MAX_TOKENS_OLD }, { "KEY_OPTIONAL", QUIRK_KEY_OPTIONAL }, { "DEVELOPER_OK", QUIRK_DEVELOPER_OK },
		{ "MAX_TOKENS_NEW", QUIRK_MAX_TOKENS_NEW }, { "FLATTEN_CONTENT", QUIRK_FLATTEN_CONTENT },
		{ "CONTINUOUS_USAGE", QUIRK_CONTINUOUS_USAGE }, { "NO_STORE", QUIRK_NO_STORE }, { "NO_STREAM_OPTIONS", QUIRK_NO_STREAM_OPTIONS },
		{ "NO_MAX_TOKENS", QUIRK_NO_MAX_TOKENS },
	};

	for (size_t i = 0; i < nitems(quirks); i++)
		if (text_is(name, quirks[i].name))
			return (quirks[i].bit);
	bad_case(k, "no such quirk", name);
}

static void
take_option(struct kase *k, struct text line)
{
	struct deployment *d = &k->deployment;
	struct text word = next_word(&line), name;
	struct {
		const char	*name;
		bool		*flag;
	} flags[] = {
		{ "loose", &k->loose }, { "translate", &k->translate }, { "crlf", &k->crlf }, { "cr", &k->cr }, { "counting", &k->counting },
		{ "no_last_blank", &k->no_last_blank }, { "drop_params", &k->drop_params }, { "compacting", &k->compacting }, { "stored", &k->stored },
	};

	for (size_t i = 0; i < nitems(flags); i++) {
		if (text_is(word, flags[i].name)) {
			*flags[i].flag = true;
			return;
		}
	}
	if (text_is(word, "model"))
		d->model = text_trim(line);
	else if (text_is(word, "host")) {
		d->host = text_trim(line);
		d->url = arena_print(k->arena, "https://" TEXT_FMT "/v1", TEXT_ARG(d->host));
	} else if (text_is(word, "vendor"))
		k->vendor.prefix = arena_copy(k->arena, text_trim(line)).at;
	else if (text_is(word, "goes_on_from"))
		k->goes_on_from = text_trim(line);
	else if (text_is(word, "mark")) {
		d->mark = (uint64_t)next_number(k, &line);
		k->mark = mark_print(k->arena, d->mark);
	} else if (text_is(word, "max_output_tokens"))
		d->max_output_tokens = next_number(k, &line);
	else if (text_is(word, "quirks"))
		while ((name = next_word(&line)).len > 0)
			k->vendor.quirks |= quirk_bit(k, name);
	else if (text_is(word, "default") && d->n_defaults < nitems(k->defaults)) {
		name = next_word(&line);
		k->defaults[d->n_defaults++] = (struct default_param){ name, text_trim(line) };
	} else if (text_is(word, "drop") && d->n_drop < nitems(k->drop))
		k->drop[d->n_drop++] = text_trim(line);
	else
		bad_case(k, "no such option", word);
}

static void
take_options(struct kase *k)
{
	struct text line, rest = k->options;

	k->vendor.prefix = k->wire == WIRE_ANTHROPIC ? "anthropic" : "openai";
	k->vendor.wire = k->wire == WIRE_ANTHROPIC ? WIRE_ANTHROPIC : WIRE_OPENAI;
	k->deployment = (struct deployment){ .vendor = &k->vendor, .wire = k->vendor.wire, .model = TEXT("up"), .key = TEXT("sk-upstream"),
		.defaults = k->defaults, .drop = k->drop, .id = TEXT("d"), .mode = TEXT("chat") };
	while (rest.len > 0) {
		text_cut(rest, '\n', &line, &rest);
		if (text_trim(line).len > 0)
			take_option(k, text_trim(line));
	}
}

static void
read_case(struct kase *k)
{
	struct text line, rest, title = { NULL, 0 };
	const char *from = NULL;
	FILE *f = fopen(k->path, "rb");
	char block[8192];
	size_t n;

	if (f == NULL)
		bad_case(k, "cannot open", TEXT(""));
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(&k->file, block, n);
	fclose(f);
	rest = buf_as_text(&k->file);
	while (rest.len > 0) {
		const char *at = rest.at;

		text_cut(rest, '\n', &line, &rest);
		if (!text_starts(line, TEXT("== ")))
			continue;
		if (title.at != NULL)
			take_section(k, title, (struct text){ from, (size_t)(at - from) });
		title = text_trim(text_sub(line, 3, line.len));
		from = rest.at;
	}
	if (title.at != NULL)
		take_section(k, title, (struct text){ from, (size_t)(rest.at - from) });
	take_options(k);
}

/* One way through a case. */

enum cutting { WHOLE, EACH_BYTE, RANDOM };

struct outcome {
	struct buf	 request, client;
	int		 status;
	struct seen	 seen;
};

struct drive {
	const struct kase *k;
	struct arena	*arena;
	struct buf	 body;			/* the client's, as the web room holds it */
	struct glance	 glance;
	struct ask	 ask;
	struct told	 told;
	struct relay	 relay;
	struct reader	*reader;
	struct writer	*writer;
	struct seen	 seen;
	struct outcome	*out;
	bool		 over;
};

static void
refuse(struct drive *d, const struct error *e)
{
	buf_free(&d->out->client);
	d->out->status = d->k->front->error_body(&d->out->client, e, TEXT(OUR_ID));
	d->over = true;
}

/* An error while the answer comes: a status before content, an event after it. */
static void
break_off(struct drive *d, const struct error *e, bool content)
{
	if (d->relay.id.sealed.len > 0)
		d->told.id = (struct text){ d->relay.id.sealed.at, d->relay.id.sealed.len };
	if (content)
		d->k->front->error_event(&d->out->client, e, &(struct failing){ .request_id = TEXT(OUR_ID), .told = &d->told,
		    .writer = d->writer, .seen = d->writer != NULL ? &d->seen : &d->relay.seen });
	else
		refuse(d, e);
	d->over = true;
}

/* A stream that commits gives the request's memory back: whoever still looks there shall see that. */
static void
forget_request(struct drive *d)
{
	if (d->glance.stream && (d->seen.content || d->relay.seen.content) && d->body.len > 0) {
		memset(d->body.at, '~', d->body.len);
		buf_free(&d->body);
	}
}

static void
hear(void *self, const struct event *e)
{
	struct drive *d = self;

	if (d->over)
		return;
	if (e->kind == EVENT_ERROR && !d->seen.content)
		refuse(d, e->error);
	else
		d->k->front->write(d->writer, e);
	if (e->kind == EVENT_ERROR || e->kind == EVENT_END)
		d->over = true;
}

static void
apply(struct buf *to, struct text t, const struct edits *e)
{
	for (size_t i = 0; i + 1 < e->n; i++)
		if (e->list[i].to > e->list[i + 1].from) {
			printf("edits overlap or are out of order\n");
			abort();
		}
	json_apply(to, t, e->list, e->n);
}

static bool
relayed_event(void *self, struct text name, struct text data, struct text wire)
{
	struct drive *d = self;
	struct edits edits = { 0 };
	struct buf edited = { 0 };

	(void)wire;
	if (d->over)
		return (false);
	switch (d->k->provider->relay_event(&d->relay, name, data, &edits)) {
	case PASS_ON:
		apply(&edited, data, &edits);
		d->k->front->frame(&d->out->client, name, buf_as_text(&edited));
		buf_free(&edited);
		break;
	case PASS_DROP:
		break;
	case PASS_ERROR:
		break_off(d, d->relay.seen.error, d->relay.seen.content);
	}
	forget_request(d);
	return (!d->over && !d->relay.seen.done);
}

static bool
translated_event(void *self, struct text name, struct text data, struct text wire)
{
	struct drive *d = self;

	bool more = d->k->provider->read_event(d->reader, name, data, (struct hearer){ hear, d }) && !d->over;

	(void)wire;
	forget_request(d);
	return (more);
}

static void
feed(struct drive *d, struct text bytes, enum cutting cutting, sse_f *event)
{
	struct sse sse;
	size_t n;

	sse_init(&sse, 1 << 20);
	for (size_t at = 0; at < bytes.len; at += n) {
		n = cutting == WHOLE ? bytes.len : cutting == EACH_BYTE ? 1 : 1 + (size_t)rand() % 90;
		if (n > bytes.len - at)
			n = bytes.len - at;
		char *alone = must_alloc(n);		/* so that a sanitizer sees reads past a cut */

		memcpy(alone, bytes.at + at, n);
		enum sse_result r = sse_feed(&sse, alone, n, event, d);
		free(alone);
		if (r != SSE_OK)
			break;
	}
	sse_end(&sse, event, d);
	sse_free(&sse);
}

static struct buf
line_ends(const struct kase *k)
{
	struct text t = k->no_last_blank ? trim_end(k->answer) : k->answer;
	struct buf b = { 0 };

	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] == '\n' && (k->crlf || k->cr))
			buf_byte(&b, '\r');
		if (t.at[i] != '\n' || !k->cr)
			buf_byte(&b, t.at[i]);
	}
	return (b);
}

static void
stream(struct drive *d, bool relays, enum cutting cutting)
{
	struct buf bytes = line_ends(d->k);

	feed(d, buf_as_text(&bytes), cutting, relays ? relayed_event : translated_event);
	buf_free(&bytes);
	if (relays && !d->over) {
		if (d->relay.seen.finished)
			d->k->front->frame_end(&d->out->client, &d->told, &d->relay.seen);
		else
			break_off(d, error_new(d->arena, E_UPSTREAM_CUT, "The upstream ended its answer before it was complete."),
			    d->relay.seen.content);
	} else if (!relays && !d->over)
		d->k->provider->read_end(d->reader, (struct hearer){ hear, d });
}

static void
whole(struct drive *d, bool relays)
{
	struct edits edits = { 0 };
	struct error *e;

	if (!relays) {
		e = d->k->provider->read_answer(d->reader, d->k->answer, (struct hearer){ hear, d });
		if (e != NULL)
			refuse(d, e);
		return;
	}
	switch (d->k->provider->relay_answer(&d->relay, d->k->answer, &edits)) {
	case PASS_ON:
		apply(&d->out->client, d->k->answer, &edits);
		break;
	case PASS_DROP:
		break;
	case PASS_ERROR:
		refuse(d, d->relay.seen.error);
	}
}

/* As access/seal.h, but to be read by people. */
static struct quoted
seal_id(void *self, struct text vendor_id)
{
	struct drive *d = self;
	struct text sealed = arena_print(d->arena, "resp_sealed." TEXT_FMT, TEXT_ARG(vendor_id));

	return ((struct quoted){ sealed.at, sealed.len });
}

static void
answer(struct drive *d, bool relays, enum cutting cutting)
{
	const struct kase *k = d->k;
	bool events = is_stream(k->answer_type);

	if (k->answer_status >= 300) {
		refuse(d, k->provider->read_error(d->arena, k->answer_status, k->answer_type, k->answer, k->retry_after_ms));
		return;
	}
	if (d->glance.stream && !events)
		relays = false;			/* a whole answer though a stream was asked: the writer makes the stream */
	d->told = (struct told){ .model = arena_copy(d->arena, d->glance.model), .id = TEXT(OUR_ID), .created = CREATED, .usage_asked = d->glance.usage_asked,
		.old_functions = d->ask.old_functions, .asked = &d->glance, .ask = relays ? NULL : &d->ask };
	d->relay.arena = d->arena;
	d->relay.model = json_escape(d->arena, d->told.model);
	d->relay.hide_usage = !d->glance.usage_asked;
	d->relay.want = k->stored ? WANT_STORED : k->compacting ? WANT_COMPACT : WANT_ANSWER;
	d->relay.sealer = (struct sealer){ k->front->wire == WIRE_RESPONSES ? seal_id : NULL, d };
	d->relay.mark = k->mark;
	d->relay.base64 = d->glance.base64;
	if (!relays) {
		d->reader = k->provider->reader(d->arena, &d->seen, &d->ask);
		d->writer = (d->glance.stream ? k->front->stream : k->front->whole)(d->arena, &d->told, &d->out->client);
	}
	d->out->status = 200;
	if (events)
		stream(d, relays, cutting);
	else
		whole(d, relays);
	d->out->seen = relays ? d->relay.seen : d->seen;
}

static struct error *
request(struct drive *d, bool relays)
{
	const struct kase *k = d->k;
	struct edits edits = { 0 };

	if (!relays) {
		TRY(k->front->read_ask(&d->ask, d->arena, &d->glance));
		return (k->provider->write_request(&d->out->request, d->arena, &d->ask, &k->deployment, k->deployment.model, k->drop_params));
	}
	TRY(k->provider->relay_request(&edits, d->arena, &d->glance, &k->deployment, k->deployment.model, k->drop_params));
	apply(&d->out->request, d->glance.body, &edits);
	return (NULL);
}

static bool
relays(const struct kase *k)
{
	return (k->front->wire == k->wire && !k->translate);
}

/* Comparing. */

static bool same_json(const struct json *wanted, const struct json *got, struct arena *);

static bool
same_word(struct quoted wanted, struct quoted got, struct arena *arena)
{
	struct text a = json_unescape(arena, wanted), b = json_unescape(arena, got);

	if (a.len == b.len && text_has(a, TEXT("\xef\xbf\xbd")))		/* a lone half: only the spelling can tell */
		return (wanted.len == got.len && memcmp(wanted.at, got.at, got.len) == 0);
	if (a.len > 0 && a.at[a.len - 1] == '*' && b.len >= a.len)
		return (text_starts(b, text_sub(a, 0, a.len - 1)));
	return (text_eq(a, b));
}

static bool
same_children(const struct json *wanted, const struct json *got, struct arena *arena)
{
	const struct json *a = wanted->first, *b = got->first;

	for (; a != NULL && b != NULL; a = a->next, b = b->next)
		if (!same_word(a->name, b->name, arena) || !same_json(a, b, arena))
			return (false);
	return (a == NULL && b == NULL);
}

static bool
same_json(const struct json *wanted, const struct json *got, struct arena *arena)
{
	if (wanted->type == JSON_STRING && (got->type == JSON_NUMBER || got->type == JSON_OBJECT))
		return (text_is(wanted->raw, "\"*\""));
	if (wanted->type != got->type)
		return (false);
	switch (wanted->type) {
	case JSON_STRING:
		return (same_word(json_quoted(wanted), json_quoted(got), arena));
	case JSON_ARRAY:
	case JSON_OBJECT:
		return (same_children(wanted, got, arena));
	default:
		return (text_eq(wanted->raw, got->raw));
	}
}

static bool
same_text(struct text wanted, struct text got)
{
	struct arena *arena = arena_new();
	struct json_fault fault;
	struct json *a = json_parse(arena, wanted, &fault), *b = json_parse(arena, got, &fault);
	bool same = a != NULL && b != NULL ? same_json(a, b, arena) : text_eq(wanted, got);

	arena_free(arena);
	return (same);
}

static bool
same_lines(struct text wanted, struct text got)
{
	struct text a, b, data = TEXT("data: {");

	while (wanted.len > 0 && got.len > 0) {
		text_cut(wanted, '\n', &a, &wanted);
		text_cut(got, '\n', &b, &got);
		if (text_starts(a, data) && text_starts(b, data)) {
			if (!same_text(text_sub(a, 6, a.len), text_sub(b, 6, b.len)))
				return (false);
		} else if (!text_eq(a, b))
			return (false);
	}
	return (wanted.len == 0 && got.len == 0);
}

static void
compare_client(const struct kase *k, const struct outcome *o)
{
	struct text got = buf_as_text(&o->client), wanted = k->wanted;
	bool lines = text_starts(got, TEXT("data:")) || text_starts(got, TEXT("event:"));
	bool same;

	if (o->status != k->wanted_status) {
		printf("FAIL %s: status %d instead of %d\n" TEXT_FMT "\n", k->path, o->status, k->wanted_status, TEXT_ARG(got));
		failures++;
		return;
	}
	if (!lines)
		wanted = trim_end(wanted);
	if (relays(k) && !k->loose && o->status == 200)
		same = text_eq(wanted, got);
	else
		same = lines ? same_lines(wanted, got) : same_text(wanted, got);
	if (!same)
		fail(k, "client", wanted, got);
}

static void
seen_value(struct buf *b, const struct seen *s, struct text key)
{
	static const char *const finishes[] = { "none", "stop", "length", "tools", "filter" };
	const struct {
		const char	*key;
		int64_t		 value;
	} numbers[] = {
		{ "prompt", s->usage.prompt }, { "cached", s->usage.cached }, { "written", s->usage.written },
		{ "completion", s->usage.completion }, { "reasoning", s->usage.reasoning },
	};

	for (size_t i = 0; i < nitems(numbers); i++)
		if (text_is(key, numbers[i].key)) {
			if (!s->usage_said || numbers[i].value < 0)
				buf_lit(b, "unsaid");
			else
				buf_print(b, "%lld", (long long)numbers[i].value);
		}
	if (text_is(key, "produced"))
		buf_print(b, "%llu", (unsigned long long)s->produced);
	if (text_is(key, "finish"))
		buf_text(b, text_of(finishes[s->finish]));
	if (text_is(key, "content"))
		buf_text(b, s->content ? TEXT("yes") : TEXT("no"));
	if (text_is(key, "finished"))
		buf_text(b, s->finished ? TEXT("yes") : TEXT("no"));
	if (text_is(key, "done"))
		buf_text(b, s->done ? TEXT("yes") : TEXT("no"));
	if (text_is(key, "served_model"))
		buf_text(b, s->served_model);
	if (text_is(key, "vendor_id"))
		buf_text(b, s->vendor_id);
}

static void
compare_seen(const struct kase *k, const struct seen *s)
{
	struct text line, key, rest = k->seen;

	while (rest.len > 0) {
		struct buf got = { 0 };

		text_cut(rest, '\n', &line, &rest);
		key = next_word(&line);
		if (key.len == 0)
			continue;
		seen_value(&got, s, key);
		if (!text_eq(text_trim(line), buf_as_text(&got)))
			fail(k, arena_copy(k->arena, key).at, text_trim(line), buf_as_text(&got));
		buf_free(&got);
	}
}

static void
compare(const struct kase *k, const struct outcome *o)
{
	struct text got = buf_as_text(&o->request);

	if (k->has_request && !(relays(k) && !k->loose ? text_eq(k->request, got) : same_text(k->request, got)))
		fail(k, "request", k->request, got);
	if (k->has_wanted)
		compare_client(k, o);
	if (k->has_seen)
		compare_seen(k, &o->seen);
}

static void
run_one(const struct kase *k, enum cutting cutting)
{
	struct outcome out = { 0 };
	struct drive d = { .k = k, .arena = arena_new(), .out = &out };
	struct kase own = *k;
	struct error *e;

	runs++;
	d.glance.counting = k->counting;
	d.glance.compacting = k->compacting;
	d.glance.goes_on_from = k->goes_on_from;
	buf_text(&d.body, k->client);
	e = k->front->glance(&d.glance, d.arena, buf_as_text(&d.body));
	own.front = front_of_body(k->front, &d.glance);
	d.k = k = &own;
	if (e == NULL)
		e = request(&d, relays(k));
	if (e != NULL)
		refuse(&d, e);
	else if (k->has_answer)
		answer(&d, relays(k), cutting);
	compare(k, &out);
	arena_free(d.arena);
	buf_free(&d.body);
	buf_free(&out.request);
	buf_free(&out.client);
}

static void
run_case(const char *folder, const char *name, const struct front *front, enum wire wire, const char *only)
{
	struct kase k = { .front = front, .wire = wire, .provider = provider_of(wire) };
	unsigned before = failures;

	snprintf(k.path, sizeof(k.path), "%s/%s", folder, name);
	if (only != NULL && strstr(k.path, only) == NULL)
		return;
	k.arena = arena_new();
	read_case(&k);
	run_one(&k, WHOLE);
	if (failures == before && is_stream(k.answer_type)) {
		run_one(&k, EACH_BYTE);
		for (unsigned i = 0; i < 5; i++)
			run_one(&k, RANDOM);
	}
	buf_free(&k.file);
	arena_free(k.arena);
}

static int
is_case(const struct dirent *e)
{
	return (text_ends(text_of(e->d_name), TEXT(".case")));
}

static void
run_folder(const char *top, const char *name, const struct front *front, enum wire wire, const char *only)
{
	struct dirent **list;
	char folder[256];
	int n;

	snprintf(folder, sizeof(folder), "%s/tests/cases/%s", top, name);
	n = scandir(folder, &list, is_case, alphasort);
	for (int i = 0; i < n; i++) {
		run_case(folder, list[i]->d_name, front, wire, only);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

int
main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir"), *only = argc > 1 ? argv[1] : NULL;

	if (top == NULL)
		top = ".";
	run_folder(top, "chat-openai", &front_chat, WIRE_OPENAI, only);
	run_folder(top, "chat-anthropic", &front_chat, WIRE_ANTHROPIC, only);
	run_folder(top, "completions-completions", &front_completions, WIRE_COMPLETIONS, only);
	run_folder(top, "completions-openai", &front_completions, WIRE_OPENAI, only);
	run_folder(top, "completions-anthropic", &front_completions, WIRE_ANTHROPIC, only);
	run_folder(top, "embeddings-embeddings", &front_embeddings, WIRE_EMBEDDINGS, only);
	run_folder(top, "embeddings-anthropic", &front_embeddings, WIRE_ANTHROPIC, only);
	run_folder(top, "cursor-openai", &front_chat, WIRE_OPENAI, only);
	run_folder(top, "cursor-anthropic", &front_chat, WIRE_ANTHROPIC, only);
	run_folder(top, "messages-openai", &front_messages, WIRE_OPENAI, only);
	run_folder(top, "messages-anthropic", &front_messages, WIRE_ANTHROPIC, only);
	run_folder(top, "chat-responses", &front_chat, WIRE_RESPONSES, only);
	run_folder(top, "messages-responses", &front_messages, WIRE_RESPONSES, only);
	run_folder(top, "responses-responses", &front_responses, WIRE_RESPONSES, only);
	run_folder(top, "responses-openai", &front_responses, WIRE_OPENAI, only);
	run_folder(top, "responses-anthropic", &front_responses, WIRE_ANTHROPIC, only);
	printf("%u runs, %u failures\n", runs, failures);
	return (runs == 0 || failures > 0);
}
