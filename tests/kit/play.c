/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts and their options, and the framing, timing and breaking of what the vendor shapes say. */
#include "build.h"

#include <stdio.h>
#include <stdlib.h>

#define PIECES_TOLD_APART	4096		/* later pieces of a long stream are one move made many times */
#define PIECES_OF_A_BODY	8		/* what `after` counts in an answer that is no stream */
#define SHARED_MOST		256
#define NEVER			INT64_MAX

static const struct {
	const char	*name, *preset;
} scripts[] = {
	{ "fixed", "" },
	{ "azure", "azure=1" },
	{ "big", "chunks=1,size=1000000" },
	{ "comments", "comments=1" },
	{ "count", "say=count" },
	{ "cr", "line=cr" },
	{ "crlf", "line=crlf" },
	{ "cut", "fault=cut,after=3" },
	{ "echo", "say=echo" },
	{ "empty", "wire=empty" },
	{ "endless-header", "wire=endless" },
	{ "error200", "fault=error,after=0" },
	{ "fail-then", "status=500,times=1" },
	{ "garbage", "wire=garbage" },
	{ "gzip", "gzip=1" },
	{ "html", "wire=html" },
	{ "json-for-stream", "as=json" },
	{ "nodone", "done=no" },
	{ "nofinish", "finish=none" },
	{ "nothing", "fault=cut,after=-1" },
	{ "nulls", "nulls=1" },
	{ "reasoning", "reasoning=3" },
	{ "refuse", "status=500" },
	{ "silent", "fault=silent,after=-1" },
	{ "slow", "first=300,gap=50,chunks=10" },
	{ "split", "split=1,text=Gr%C3%BC%C3%9Fe aus %E6%9D%B1%E4%BA%AC %F0%9F%9A%80 und 10 %E2%82%AC." },
	{ "surrogate", "say=surrogate" },
	{ "tools", "say=tools" },
	{ "usage", "usage=always" },
	{ "wrong-length", "by=10,framing=length" },
};

/* The options: numbers with what they may be, words with those allowed ("" any text). */
#define NUMBER(name, least, most)	{ #name, offsetof(struct script, name), least, most, NULL }
#define WORD(name, words)		{ #name, offsetof(struct script, name), 0, 0, words }
static const struct option {
	const char	*name;
	size_t		 at;
	int64_t		 least, most;
	const char	*words;
} options[] = {
	NUMBER(after, -1, 1000000),		/* events before the fault; -1: not even the head; `head` is 0 */
	WORD(args, ""),				/* of tool calls, as JSON */
	WORD(as, "sse json"),			/* what a stream is answered with */
	NUMBER(azure, 0, 1),			/* Azure's first and last chunk */
	NUMBER(bom, 0, 1),
	NUMBER(by, -1000, 1000000),		/* Content-Length is wrong by */
	NUMBER(bytes, 0, 64000000),		/* of text */
	WORD(call, ""),				/* the tool's name */
	NUMBER(choice, 0, 1),			/* the error event also has choices */
	NUMBER(chunks, 0, 10000000),		/* of text, numbered */
	WORD(code, ""),
	NUMBER(comments, 0, 1),			/* before each event; Messages: and a ping */
	WORD(done, "yes no bare"),		/* [DONE] or message_stop; bare: without its blank line */
	NUMBER(each, 0, 1),			/* event is a write of its own */
	NUMBER(early, 0, 1),			/* the head goes before `first` is over */
	WORD(event, "failed error"),		/* how Responses say that a stream failed */
	NUMBER(expires, 0, 1000000),		/* seconds until an Entra token does */
	WORD(fault, "none cut silent error"),
	WORD(field, "reasoning_content reasoning both"),
	WORD(finish, ""),			/* reason; none: no chunk has one */
	NUMBER(first, 0, 600000),		/* ms before the answer */
	NUMBER(floats, 0, 1),			/* embeddings are never base64 */
	WORD(framing, "own chunked length close"),
	NUMBER(gap, 0, 600000),			/* ms between events */
	NUMBER(gzip, 0, 1),
	NUMBER(headers, 0, 1),			/* rate limits and the like */
	NUMBER(in, 0, 1000000000),		/* tokens */
	WORD(index, "dense none one same"),	/* of tool calls */
	NUMBER(interleave, 0, 1),		/* the pieces of parallel calls */
	WORD(kind, ""),				/* error type */
	WORD(line, "lf crlf cr"),
	WORD(make, "own openai anthropic azure vllm vllm-old fastapi detail string html text empty"),
	WORD(message, ""),
	WORD(mode, "fin rst chunk"),		/* how a cut is made */
	NUMBER(n, 1, 64),			/* parallel tool calls */
	NUMBER(noargs, 0, 1),
	NUMBER(nospace, 0, 1),			/* after data: */
	NUMBER(nulls, 0, 1),			/* explicit nulls in deltas */
	NUMBER(out, 0, 1000000000),		/* tokens; 0: as many as pieces */
	NUMBER(pause, 0, 60000),		/* ms between the parts `split` makes */
	NUMBER(reasoning, 0, 100000),		/* pieces of it */
	{ "retry-after", offsetof(struct script, retry_after), 0, 1000000, NULL },
	WORD(say, "text echo tools count surrogate"),
	NUMBER(seed, 0, 1000000000),
	NUMBER(size, 0, 64000000),		/* of a piece */
	NUMBER(stamp, 0, 1),			/* numbered chunks tell when they were sent: @ and clock_us() in 16 digits */
	NUMBER(split, 0, 1000000),		/* parts of 1 to N bytes, each a write; 1: every byte */
	NUMBER(status, 100, 599),
	NUMBER(tags, 0, 1),			/* reasoning as <think> in the text */
	WORD(text, ""),
	NUMBER(times, 0, 1000000),		/* only the first N requests of a model fail; 0: all */
	NUMBER(twodata, 0, 1),			/* an event in two data: lines */
	WORD(type, ""),				/* Content-Type */
	WORD(usage, "asked always cached each finish none"),
	NUMBER(whole, 0, 1),			/* a tool call in one delta */
	WORD(wire, "http html garbage endless empty"),
};

static bool
is_word_of(const char *words, struct text word)
{
	struct text rest = text_of(words), one;

	for (bool more = true; more; ) {
		more = text_cut(rest, ' ', &one, &rest);
		if (text_eq(one, word))
			return (true);
	}
	return (words[0] == '\0');
}

static int
hex(char c)
{
	static const char digits[] = "0123456789ABCDEFabcdef";
	const char *at = memchr(digits, c, 22);

	return (at == NULL ? -1 : at - digits < 16 ? (int)(at - digits) : (int)(at - digits) - 6);
}

struct text
percent_decode(struct arena *arena, struct text t)
{
	char *out = arena_bytes(arena, t.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] == '%' && i + 2 < t.len && hex(t.at[i + 1]) >= 0 && hex(t.at[i + 2]) >= 0) {
			out[n++] = (char)(hex(t.at[i + 1]) << 4 | hex(t.at[i + 2]));
			i += 2;
		} else
			out[n++] = t.at[i];
	}
	return ((struct text){ out, n });
}

static bool
set_option(struct script *s, struct text name, struct text value, struct arena *arena, struct buf *why)
{
	for (size_t i = 0; i < nitems(options); i++) {
		const struct option *o = &options[i];
		void *at = (char *)s + o->at;

		if (!text_is(name, o->name))
			continue;
		if (o->words != NULL) {
			*(struct text *)at = percent_decode(arena, value);
			if (is_word_of(o->words, *(struct text *)at))
				return (true);
		} else if (text_is(name, "after") && text_is(value, "head")) {
			*(int64_t *)at = 0;
			return (true);
		} else if (text_to_i64(value, at) && *(int64_t *)at >= o->least && *(int64_t *)at <= o->most)
			return (true);
		buf_print(why, "option " TEXT_FMT " can not be " TEXT_FMT, TEXT_ARG(name), TEXT_ARG(value));
		return (false);
	}
	buf_print(why, "no such option: " TEXT_FMT, TEXT_ARG(name));
	return (false);
}

static bool
set_options(struct script *s, struct text list, struct arena *arena, struct buf *why)
{
	struct text one, name, value;

	for (bool more = list.len > 0; more; ) {
		more = text_cut(list, ',', &one, &list);
		if (!text_cut(one, '=', &name, &value))
			value = TEXT("1");
		if (one.len > 0 && !set_option(s, name, value, arena, why))
			return (false);
	}
	return (true);
}

bool
script_read(struct script *s, struct text spec, struct arena *arena, struct buf *why)
{
	static const char common[] = "done=yes,event=failed,expires=3600,fault=none,field=reasoning_content,framing=own,in=12,index=dense,line=lf,make=own,mode=fin,n=1,say=text,"
	    "status=200,usage=asked,wire=http,as=sse,call=,args={\"city\":\"Paris\"},message=the scripted upstream says no,text=Hello from the scripted upstream.";
	struct text name, rest;
	const char *preset = NULL;
	struct quoted message;

	memset(s, 0, sizeof(*s));
	if (!text_cut(spec, ',', &name, &rest))
		rest = TEXT("");
	for (size_t i = 0; i < nitems(scripts); i++)
		if (text_is(name, scripts[i].name))
			preset = scripts[i].preset;
	if (preset == NULL) {
		buf_print(why, "no such script: " TEXT_FMT, TEXT_ARG(name));
		return (false);
	}
	if (!set_options(s, text_of(common), arena, why) || !set_options(s, text_of(preset), arena, why) || !set_options(s, rest, arena, why))
		return (false);
	s->each |= s->stamp;			/* a move has one stamp */
	message = json_escape(arena, s->message);
	s->message = (struct text){ message.at, message.len };
	return (true);
}

/* moves */

static void
add_move(struct play *p, const struct move *m)
{
	if (p->n == p->room) {
		p->room = p->room > 0 ? p->room * 2 : 4;
		p->moves = must_realloc(p->moves, p->room * sizeof(*p->moves));
	}
	p->moves[p->n++] = *m;
}

/* What was added since the last move is sent: with that move, or as one of its own. */
static void
close_move(struct build *b, int64_t wait_ms, bool own)
{
	struct play *p = b->play;
	struct move *last = p->n > 0 ? &p->moves[p->n - 1] : NULL;
	struct move m = { (uint32_t)p->bytes.len, (uint32_t)wait_ms, 1, b->events };

	if (last != NULL && last->times == 1 && wait_ms == 0 && !own) {
		last->upto = m.upto;
		last->event = m.event;
	} else
		add_move(p, &m);
}

static uint32_t
crc32_of(struct text t)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < t.len; i++) {
		crc ^= (unsigned char)t.at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) ? 0xedb88320u : 0);
	}
	return (~crc);
}

/* A gzip member of stored blocks: members may follow one another, so every event is one. */
static struct text
gzip_stored(struct arena *arena, struct text t)
{
	struct buf out = { 0 };
	uint32_t tail[2] = { crc32_of(t), (uint32_t)t.len };
	struct text copy;

	buf_add(&out, "\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
	for (size_t at = 0; at < t.len; at += 60000) {
		uint16_t len = (uint16_t)(t.len - at < 60000 ? t.len - at : 60000), not = (uint16_t)~len;

		buf_byte(&out, at + len == t.len);
		buf_add(&out, &len, 2);
		buf_add(&out, &not, 2);
		buf_add(&out, t.at + at, len);
	}
	buf_add(&out, tail, 8);
	copy = arena_copy(arena, buf_as_text(&out));
	buf_free(&out);
	return (copy);
}

static bool
is_chunked(const struct build *b)
{
	if (text_is(b->s->framing, "own"))
		return (b->sse);
	return (text_is(b->s->framing, "chunked"));
}

static void
add_framed(struct build *b, struct text data)
{
	struct buf *out = &b->play->bytes;

	if (data.len == 0)			/* an empty chunk would be the last */
		return;
	if (b->s->gzip)
		data = gzip_stored(b->arena, data);
	if (!is_chunked(b)) {
		buf_text(out, data);
		return;
	}
	buf_print(out, "%zx\r\n", data.len);
	buf_text(out, data);
	buf_lit(out, "\r\n");
}

/* An event's text; a bare one has no line end and no blank line. */
static void
format_event(const struct build *b, struct buf *out, const char *name, struct text data, bool bare)
{
	const struct script *s = b->s;
	const char *eol = text_is(s->line, "crlf") ? "\r\n" : text_is(s->line, "cr") ? "\r" : "\n";
	const char *space = s->nospace ? "" : " ";

	if (s->bom && b->events == 0)
		buf_lit(out, "\xef\xbb\xbf");
	if (s->comments)
		buf_print(out, ": OPENROUTER PROCESSING%s%s", eol, eol);
	if (name != NULL)
		buf_print(out, "event:%s%s%s", space, name, eol);
	if (s->twodata && data.at[0] == '{') {
		buf_print(out, "data:%s%c%s", space, data.at[0], eol);
		data = text_sub(data, 1, data.len);
	}
	buf_print(out, "data:%s", space);
	buf_text(out, data);
	if (!bare)
		buf_print(out, "%s%s", eol, eol);
}

static void
write_event(struct build *b, const char *name, struct text data, bool bare)
{
	struct buf out = { 0 };

	format_event(b, &out, name, data, bare);
	b->events++;
	add_framed(b, buf_as_text(&out));
	close_move(b, b->events == 1 ? b->s->first : b->s->gap, b->s->each);
	buf_free(&out);
}

/* The script's fault, in place of `next`: nothing is said after it. */
static void
strike(struct build *b, struct text next)
{
	const struct script *s = b->s;
	const struct shape *shape = shape_of(b->ask->dialect);
	struct buf out = { 0 };
	const char *event;

	if (text_is(s->fault, "silent"))
		b->play->end = PLAY_HANG;
	else if (text_is(s->fault, "cut")) {
		b->play->end = text_is(s->mode, "rst") ? PLAY_RESET : PLAY_CLOSE;
		if (text_is(s->mode, "chunk") && next.len > 0) {
			add_framed(b, next);
			b->play->bytes.len -= next.len / 2 + 2;
			close_move(b, s->gap, s->each);
		}
	} else {
		shape->error(b, &out, &event);
		write_event(b, event, buf_as_text(&out), false);
		buf_free(&out);
	}
	b->over = true;
	b->play->struck = b->play->end != PLAY_KEEP;
	if (b->promised <= b->play->bytes.len)
		b->promised = b->play->bytes.len + 1000;
}

static bool
strikes_now(const struct build *b)
{
	return (!text_is(b->s->fault, "none") && (int64_t)b->events == b->s->after);
}

void
build_event(struct build *b, const char *name, struct text data)
{
	struct buf next = { 0 };

	if (b->over)
		return;
	if (strikes_now(b)) {
		format_event(b, &next, name, data, false);
		strike(b, buf_as_text(&next));
		buf_free(&next);
	} else
		write_event(b, name, data, false);
}

void
build_done(struct build *b)
{
	if (!text_is(b->s->done, "no") && !b->over)
		write_event(b, NULL, TEXT("[DONE]"), text_is(b->s->done, "bare"));
}

const struct shape *
shape_of(enum dialect dialect)
{
	static const struct shape *const shapes[] = {
		[CHAT] = &shape_chat, [MESSAGES] = &shape_messages, [RESPONSES] = &shape_responses, [COMPLETIONS] = &shape_completions,
		[EMBEDDINGS] = &shape_embeddings,
	};

	return (shapes[dialect]);
}

/* what is said */

int64_t
build_out_tokens(const struct build *b)
{
	return (b->s->out > 0 ? b->s->out : b->pieces > 0 ? b->pieces : 1);
}

struct text
build_tool_name(const struct build *b, unsigned i)
{
	const struct json *tool = json_get(b->ask->body, "tools"), *name;

	if (b->s->call.len > 0)
		return (b->s->call);
	tool = tool != NULL ? tool->first : NULL;
	while (i-- > 0 && tool != NULL && tool->next != NULL)
		tool = tool->next;
	name = json_get(json_get(tool, "function") != NULL ? json_get(tool, "function") : tool, "name");
	if (!json_is(name, JSON_STRING))
		return (TEXT("get_weather"));
	return ((struct text){ json_quoted(name).at, json_quoted(name).len });
}

const char *
error_type_of(int status)
{
	return (status >= 500 ? "server_error" : status == 429 ? "rate_limit_error" : "invalid_request_error");
}

/* The text of a content: a string, or the text parts of an array; escapes stay as they came. */
static void
content_text(struct buf *out, const struct json *content)
{
	struct quoted q = json_quoted(content);

	buf_add(out, q.at, q.len);
	if (!json_is(content, JSON_ARRAY))
		return;
	for (const struct json *part = content->first; part != NULL; part = part->next)
		content_text(out, json_get(part, "text"));
}

/* What was said so far: messages, or the items of a response's input; NULL: none, or one string. */
static const struct json *
turns_of(const struct ask *ask)
{
	const struct json *turns = json_get(ask->body, ask->dialect == RESPONSES ? "input" : "messages");

	return (json_is(turns, JSON_ARRAY) ? turns->first : NULL);
}

static void
last_words(struct buf *out, const struct ask *ask)
{
	const struct json *found = NULL;

	if (ask->dialect == RESPONSES || ask->dialect == COMPLETIONS)
		found = json_get(ask->body, ask->dialect == RESPONSES ? "input" : "prompt");
	for (const struct json *turn = turns_of(ask); turn != NULL; turn = turn->next)
		if (quoted_is(json_quoted(json_get(turn, "role")), "user"))
			found = json_get(turn, "content");
	content_text(out, found);
}

static bool
is_of_type(const struct json *o, const char *type)
{
	return (quoted_is(json_quoted(json_get(o, "type")), type));
}

/* The output of a turn that is one of a tool, or has some. */
static bool
turn_output(struct buf *out, const struct json *turn)
{
	const struct json *content = json_get(turn, "content");
	bool found = quoted_is(json_quoted(json_get(turn, "role")), "tool");

	if (is_of_type(turn, "function_call_output") || is_of_type(turn, "custom_tool_call_output")) {
		content_text(out, json_get(turn, "output"));
		return (true);
	}
	if (found)
		content_text(out, content);
	if (!json_is(content, JSON_ARRAY))
		return (found);
	for (const struct json *part = content->first; part != NULL; part = part->next)
		if (is_of_type(part, "tool_result")) {
			content_text(out, json_get(part, "content"));
			found = true;
		}
	return (found);
}

/* What the tools said since the model spoke last: false, nothing. */
static bool
tool_output(struct buf *out, const struct ask *ask)
{
	size_t before = out->len;
	bool found = false;

	for (const struct json *turn = turns_of(ask); turn != NULL; turn = turn->next) {
		if (quoted_is(json_quoted(json_get(turn, "role")), "assistant")) {
			out->len = before;
			found = false;
		}
		found |= turn_output(out, turn);
	}
	return (found);
}

/* All text of the answer that is not numbered pieces, as the inside of a JSON string. */
static struct text
own_words(struct build *b)
{
	struct buf out = { 0 };
	struct text t;

	if (text_is(b->s->say, "echo"))
		last_words(&out, b->ask);
	else if (text_is(b->s->say, "count"))
		buf_print(&out, "%lld", (long long)b->ask->asked + 1);
	else if (text_is(b->s->say, "surrogate"))
		buf_lit(&out, "smile \\ud83d\\ude00 end");
	else if (text_is(b->s->say, "tools")) {
		buf_lit(&out, "The tool said: ");
		b->tools = !tool_output(&out, b->ask);
		if (b->tools)
			out.len = 0;
	} else {
		struct quoted q = json_escape(b->arena, b->s->text);

		buf_add(&out, q.at, q.len);
	}
	t = arena_copy(b->arena, buf_as_text(&out));
	buf_free(&out);
	return (t);
}

/* Piece i of the text; false: there is none. `words` is what is left of own_words(). */
static bool
next_piece(struct build *b, int64_t i, struct text *words, struct buf *out)
{
	const struct script *s = b->s;
	int64_t size = s->size > 0 ? s->size : s->bytes > 0 ? s->bytes : 7, left = s->bytes - i * size;
	size_t at;

	out->len = 0;
	if (s->chunks > 0) {
		if (i < s->chunks)
			buf_print(out, s->stamp ? "%06lld @0000000000000000 " : "%06lld ", (long long)i);
		while (i < s->chunks && (int64_t)out->len < size)
			buf_byte(out, 'x');
		return (i < s->chunks);
	}
	if (s->bytes > 0) {
		while (left > 0 && (int64_t)out->len < (left < size ? left : size))
			buf_byte(out, (char)('a' + out->len % 26));
		return (left > 0);
	}
	for (at = 0; at < words->len && words->at[at] != ' '; )
		at++;
	if (text_is(s->say, "surrogate") && i == 1)
		at = sizeof("\\ud83d") - 2;
	at = at < words->len ? at + 1 : at;
	buf_text(out, text_sub(*words, 0, at));
	*words = text_sub(*words, at, words->len);
	return (at > 0);
}

static void
say_reasoning(struct build *b, const struct shape *shape)
{
	for (int64_t i = 0; i < b->s->reasoning; i++) {
		char piece[64];

		snprintf(piece, sizeof(piece), "%s%s%lld%s", b->s->tags && i == 0 ? "<think>" : "", "thought ", (long long)i,
		    i + 1 < b->s->reasoning ? ", " : b->s->tags ? "</think>" : "");
		(b->s->tags ? shape->text : shape->reasoning)(b, text_of(piece));
	}
}

static void
say_text(struct build *b, const struct shape *shape)
{
	struct text words = own_words(b);
	struct buf piece = { 0 };

	while ((b->pieces < PIECES_TOLD_APART || b->gathered_text != NULL) && next_piece(b, b->pieces, &words, &piece)) {
		b->pieces++;
		shape->text(b, buf_as_text(&piece));
	}
	if (b->pieces < b->s->chunks && !b->over) {
		close_move(b, 0, true);
		shape->text(b, buf_as_text(&piece));
		b->play->moves[b->play->n - 1].times = (uint32_t)(b->s->chunks - b->pieces);
		b->pieces = b->s->chunks;
	}
	buf_free(&piece);
}

static void
say_stream(struct build *b, const struct shape *shape)
{
	shape->open(b);
	say_reasoning(b, shape);
	say_text(b, shape);
	if (b->tools)
		shape->tools(b);
	shape->finish(b);
	if (!b->over && !text_is(b->s->fault, "none"))
		strike(b, TEXT("data: [DONE]\n\n"));
}

/* A shape whose text and reasoning are gathered, for whole answers. */
static void
gather_text(struct build *b, struct text piece)
{
	buf_text(b->gathered_text, piece);
}

static void
gather_reasoning(struct build *b, struct text piece)
{
	buf_text(b->gathered_reasoning, piece);
}

static void
say_body(struct build *b, struct text body)
{
	size_t pieces = text_is(b->s->fault, "none") && b->s->gap == 0 && !b->s->each ? 1 : PIECES_OF_A_BODY;

	b->promised = body.len;
	for (size_t i = 0; i < pieces && !b->over; i++) {
		struct text piece = text_sub(body, body.len * i / pieces, body.len * (i + 1) / pieces);

		if (strikes_now(b)) {
			strike(b, piece);
			return;
		}
		b->events++;
		add_framed(b, piece);
		close_move(b, i == 0 ? b->s->first : b->s->gap, b->s->each);
	}
}

static void
say_whole(struct build *b, const struct shape *shape)
{
	static const struct shape gather = { .text = gather_text, .reasoning = gather_reasoning };
	struct buf text = { 0 }, reasoning = { 0 }, out = { 0 };
	const char *event;

	b->gathered_text = &text;
	b->gathered_reasoning = &reasoning;
	say_reasoning(b, &gather);
	say_text(b, &gather);
	if (text_is(b->s->fault, "error")) {
		shape->error(b, &out, &event);
		add_framed(b, buf_as_text(&out));
		close_move(b, b->s->first, true);
	} else {
		shape->whole(b, &out, buf_as_text(&reasoning), buf_as_text(&text));
		say_body(b, buf_as_text(&out));
	}
	buf_free(&out);
	buf_free(&text);
	buf_free(&reasoning);
}

/* refusals */

/* Of the makes that are no dialect of ours: @ stands for the message, # for the status, $ for the code or else the status. */
static const struct {
	const char	*make, *body, *type;
} makes[] = {
	{ "azure", "{\"error\":{\"code\":\"$\",\"message\":\"@\"}}", "application/json" },
	{ "vllm", "{\"error\":{\"message\":\"@\",\"type\":\"BadRequestError\",\"param\":null,\"code\":#}}", "application/json" },
	{ "vllm-old", "{\"object\":\"error\",\"message\":\"@\",\"type\":\"BadRequestError\",\"param\":null,\"code\":#}", "application/json" },
	{ "fastapi", "{\"detail\":[{\"loc\":[\"body\",\"messages\"],\"msg\":\"@\",\"type\":\"value_error.missing\"}]}", "application/json" },
	{ "detail", "{\"detail\":\"@\"}", "application/json" },
	{ "string", "{\"error\":\"@\"}", "application/json" },
	{ "html", "<html><head><title>@</title></head><body>nginx</body></html>\n", "text/html" },
	{ "text", "@\n", "text/plain" },
	{ "empty", "", "text/plain" },
};

static void
fill_in(struct buf *out, const char *body, const struct script *s)
{
	for (; *body != '\0'; body++)
		if (*body == '@')
			buf_text(out, s->message);
		else if (*body == '$' && s->code.len > 0)
			buf_text(out, s->code);
		else if (*body == '#' || *body == '$')
			buf_print(out, "%lld", (long long)s->status);
		else
			buf_byte(out, *body);
}

/* Returns its Content-Type. */
static struct text
say_refusal(struct build *b, const struct shape *shape)
{
	struct text make = b->s->make, type = TEXT("application/json");
	struct buf out = { 0 };

	if (text_is(make, "openai"))
		shape = &shape_chat;
	else if (text_is(make, "anthropic"))
		shape = &shape_messages;
	for (size_t i = 0; i < nitems(makes); i++)
		if (text_is(make, makes[i].make)) {
			fill_in(&out, makes[i].body, b->s);
			type = text_of(makes[i].type);
			shape = NULL;
		}
	if (shape != NULL)
		shape->refusal(b->s, &out);
	say_body(b, buf_as_text(&out));
	buf_free(&out);
	return (type);
}

/* the frame around it */

static void
write_head(struct build *b, struct buf *out, struct text type, const struct shape *shape)
{
	const struct script *s = b->s;

	buf_print(out, "HTTP/1.1 %lld Scripted\r\nContent-Type: " TEXT_FMT "\r\n%s: req_kit\r\n", (long long)s->status,
	    TEXT_ARG(s->type.len > 0 ? s->type : type), shape->id_header);
	if (s->retry_after > 0)
		buf_print(out, "Retry-After: %lld\r\n", (long long)s->retry_after);
	if (s->headers && b->ask->dialect != MESSAGES)
		buf_lit(out, "x-ratelimit-limit-requests: 100\r\nX-RateLimit-Remaining-Requests: 99\r\nx-ratelimit-reset-requests: 12ms\r\n"
		    "openai-processing-ms: 7\r\nopenai-version: 2020-10-01\r\nset-cookie: upstream=1\r\n");
	if (s->headers && b->ask->dialect == MESSAGES)
		buf_lit(out, "anthropic-ratelimit-requests-limit: 100\r\nanthropic-ratelimit-requests-remaining: 99\r\n"
		    "anthropic-ratelimit-requests-reset: 2030-01-01T00:00:00Z\r\nset-cookie: upstream=1\r\n");
	if (s->gzip)
		buf_lit(out, "Content-Encoding: gzip\r\n");
	if (is_chunked(b))
		buf_lit(out, "Transfer-Encoding: chunked\r\n\r\n");
	else if (text_is(s->framing, "close"))
		buf_lit(out, "Connection: close\r\n\r\n");
	else
		buf_print(out, "Content-Length: %lld\r\n\r\n", (long long)(b->play->struck ? b->promised : b->play->bytes.len) + s->by);
}

/* The head goes in front: with the first move, or earlier, or alone. */
static void
put_head(struct build *b, const struct buf *head)
{
	struct play *p = b->play;
	struct move alone = { 0, p->n > 0 && !b->s->early ? (uint32_t)b->s->first : 0, 1, 0 };
	struct buf all = { 0 };

	if (p->n == 0 || b->s->early || b->s->each) {
		add_move(p, &alone);
		memmove(p->moves + 1, p->moves, (p->n - 1) * sizeof(*p->moves));
		p->moves[0] = alone;
		if (p->n > 1 && !b->s->early)
			p->moves[1].wait_ms = 0;
	}
	for (unsigned i = 0; i < p->n; i++)
		p->moves[i].upto += (uint32_t)head->len;
	buf_add(&all, head->at, head->len);
	buf_add(&all, p->bytes.at, p->bytes.len);
	buf_free(&p->bytes);
	p->bytes = all;
}

static void
end_frame(struct build *b)
{
	bool whole = !b->over || text_is(b->s->fault, "error");

	if (whole && is_chunked(b)) {
		buf_lit(&b->play->bytes, "0\r\n\r\n");
		close_move(b, 0, false);
	}
	if (whole && (text_is(b->s->framing, "close") || b->s->by != 0))
		b->play->end = PLAY_CLOSE;
}

/* Every part a write of its own, cut anywhere, the head too. */
static void
split_moves(struct play *p, int64_t most, int64_t seed, int64_t pause_ms)
{
	struct move *old = p->moves;
	unsigned n = p->n;
	uint64_t random = (uint64_t)seed * 2654435761u + 88172645463325252u;
	uint32_t at = 0;

	p->moves = NULL;
	p->n = p->room = 0;
	for (unsigned i = 0; i < n; i++) {
		for (uint32_t wait = old[i].wait_ms; at < old[i].upto; wait = (uint32_t)pause_ms) {
			uint32_t step;

			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			step = 1 + (uint32_t)(random % (uint64_t)most);
			at = old[i].upto - at < step ? old[i].upto : at + step;
			add_move(p, &(struct move){ at, wait, at == old[i].upto ? old[i].times : 1, old[i].event });
		}
	}
	free(old);
}

static void
say_http(struct build *b, const struct shape *shape)
{
	struct text type = b->sse ? TEXT("text/event-stream; charset=utf-8") : TEXT("application/json");
	struct buf head = { 0 };

	if (b->s->status != 200)
		type = say_refusal(b, shape);
	else if (text_is(b->s->wire, "html")) {
		type = TEXT("text/html");
		say_body(b, TEXT("<html><body>Please log in to the corporate proxy.</body></html>\n"));
	} else if (text_is(b->s->wire, "http"))
		(b->sse ? say_stream : say_whole)(b, shape);
	end_frame(b);
	write_head(b, &head, type, shape);
	put_head(b, &head);
	buf_free(&head);
}

static void
say_garbage(struct build *b, const struct shape *shape)
{
	buf_lit(&b->play->bytes, "\x16\x03\x01 this is not HTTP \r\n\r\n\xff\xfe");
	close_move(b, b->s->first, true);
	b->play->end = PLAY_CLOSE;
}

static void
say_endless_header(struct build *b, const struct shape *shape)
{
	buf_lit(&b->play->bytes, "HTTP/1.1 200 OK\r\n");
	close_move(b, b->s->first, true);
	for (int i = 0; i < 1000; i++)
		buf_print(&b->play->bytes, "X-Filler-%04d: abcdefghijklmnopqrstuvwxyz0123456789\r\n", i);
	close_move(b, b->s->gap, true);
	b->play->moves[1].times = 1000;
	b->play->end = PLAY_HANG;
}

/* Cut or silent before the head. */
static void
say_nothing(struct build *b, const struct shape *shape)
{
	close_move(b, b->s->first, true);
	strike(b, TEXT(""));
}

static struct play *
play_new(int status)
{
	struct play *p = must_zalloc(sizeof(*p));

	p->refs = 1;
	p->status = status;
	return (p);
}

static struct play *
play_script(const struct script *s, const struct ask *ask)
{
	const struct shape *shape = shape_of(ask->dialect);
	struct build b = { .play = play_new((int)s->status), .s = s, .ask = ask, .arena = arena_new() };

	b.play->stamped = s->stamp;
	b.sse = ask->stream && text_is(s->as, "sse") && s->status == 200 && !text_is(s->wire, "html");
	if (s->after == -1 && (text_is(s->fault, "cut") || text_is(s->fault, "silent")))
		say_nothing(&b, shape);
	else if (text_is(s->wire, "garbage"))
		say_garbage(&b, shape);
	else if (text_is(s->wire, "endless"))
		say_endless_header(&b, shape);
	else
		say_http(&b, shape);
	if (s->split > 0)
		split_moves(b.play, s->split, s->seed, s->pause);
	buf_free(&b.items);
	buf_free(&b.item);
	arena_free(b.arena);
	return (b.play);
}

/* shared plays */

static struct play *shared;
static unsigned n_shared;

void
play_drop(struct play *p)
{
	if (p == NULL || --p->refs > 0)
		return;
	buf_free(&p->bytes);
	buf_free(&p->key);
	free(p->moves);
	free(p);
}

void
play_forget_shared(void)
{
	while (shared != NULL) {
		struct play *p = shared;

		shared = p->next;
		play_drop(p);
	}
	n_shared = 0;
}

static struct play *
find_shared(struct text key)
{
	for (struct play **at = &shared; *at != NULL; at = &(*at)->next) {
		struct play *p = *at;

		if (!text_eq(buf_as_text(&p->key), key))
			continue;
		*at = p->next;			/* most of the time the next request is like this one */
		p->next = shared;
		shared = p;
		p->refs++;
		return (p);
	}
	return (NULL);
}

static void
share(struct play *p, struct buf *key)
{
	if (n_shared++ >= SHARED_MOST)
		play_forget_shared();
	p->key = *key;
	*key = (struct buf){ 0 };
	p->next = shared;
	shared = p;
	p->refs++;
}

static void
forgive(struct script *s)
{
	s->status = 200;
	s->fault = TEXT("none");
	s->wire = TEXT("http");
}

struct play *
play_of(struct text spec, const struct ask *ask)
{
	static struct buf key, why;
	struct arena *arena;
	struct script s;
	struct play *p;
	bool shares = ask->id.len == 0 && (ask->body == NULL || ask->dialect == CHAT || ask->dialect == MESSAGES);
	bool counts = memmem(spec.at, spec.len, "times=", 6) != NULL || text_starts(spec, TEXT("fail-then"));

	key.len = why.len = 0;
	buf_print(&key, "%d%d%d%d%d%d%lld ", ask->dialect, ask->stream, ask->wants_usage, ask->count, ask->compact, ask->azure,
	    counts ? (long long)ask->asked : 0);
	buf_add(&key, ask->model.at, ask->model.len);
	buf_byte(&key, ' ');
	buf_text(&key, spec);
	if (shares && (p = find_shared(buf_as_text(&key))) != NULL)
		return (p);
	arena = arena_new();
	if (!script_read(&s, spec, arena, &why)) {
		buf_byte(&why, '\0');
		p = play_refusal(ask->dialect, 400, why.at);
	} else {
		if (s.times > 0 && ask->asked >= s.times)
			forgive(&s);
		s.azure |= ask->azure;
		p = play_script(&s, ask);
		if (shares && (text_is(s.say, "text") || text_is(s.say, "surrogate")))
			share(p, &key);
	}
	arena_free(arena);
	return (p);
}

struct play *
play_whole(int status, struct text headers, struct text body)
{
	struct play *p = play_new(status);

	buf_print(&p->bytes, "HTTP/1.1 %d Scripted\r\n" TEXT_FMT "Content-Length: %zu\r\n\r\n", status, TEXT_ARG(headers), body.len);
	buf_text(&p->bytes, body);
	add_move(p, &(struct move){ (uint32_t)p->bytes.len, 0, 1, 1 });
	return (p);
}

struct play *
play_plain(int status, const char *type, struct text body)
{
	char headers[128];

	snprintf(headers, sizeof(headers), "Content-Type: %s\r\n", type);
	return (play_whole(status, text_of(headers), body));
}

struct play *
play_refusal(enum dialect dialect, int status, const char *message)
{
	struct script s = { .status = status };
	struct arena *arena = arena_new();
	struct quoted q = json_escape(arena, text_of(message));
	struct buf out = { 0 };
	struct play *p;

	s.message = (struct text){ q.at, q.len };
	shape_of(dialect)->refusal(&s, &out);
	p = play_plain(status, "application/json", buf_as_text(&out));
	buf_free(&out);
	arena_free(arena);
	return (p);
}
