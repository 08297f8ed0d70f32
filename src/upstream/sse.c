/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events: lines to fields to events, however the bytes are cut (WHATWG HTML, 9.2.6). */
#include "upstream/upstream.h"

/* One call of sse_feed(): what is known of the event under way, as slices of the bytes at hand or of the sse's own buffers. */
struct reading {
	struct sse	*s;
	sse_f		*event;
	void		*self;
	const char	*from;		/* its first field line; NULL: not yet, or in earlier bytes */
	struct text	 name, data;
};

void
sse_init(struct sse *s, size_t limit)
{
	*s = (struct sse){ .limit = limit };
}

void
sse_free(struct sse *s)
{
	buf_free(&s->line);
	buf_free(&s->data);
	sse_init(s, s->limit);
}

static enum sse_result
too_big(struct sse *s)
{
	sse_free(s);
	return (SSE_TOO_BIG);
}

/* Moves the data to the sse's buffer, if it is not there. */
static void
keep_data(struct reading *r)
{
	if (r->s->data.len == 0)
		buf_text(&r->s->data, r->data);
	r->data = buf_as_text(&r->s->data);
}

static void
keep_name(struct reading *r)
{
	struct sse *s = r->s;

	if (r->name.at != s->name) {
		s->name_len = (unsigned char)(r->name.len < sizeof(s->name) ? r->name.len : sizeof(s->name));
		memcpy(s->name, r->name.at, s->name_len);
	}
	r->name = (struct text){ s->name, s->name_len };
}

/* `passing`: the value's bytes will not stay, so it has to be kept now. */
static void
take_field(struct reading *r, struct text line, bool passing)
{
	struct text field, value;

	text_cut(line, ':', &field, &value);
	if (value.len > 0 && value.at[0] == ' ')
		value = text_sub(value, 1, value.len);
	if (text_is(field, "event")) {
		r->name = text_sub(value, 0, sizeof(r->s->name));
		if (passing)
			keep_name(r);
	} else if (text_is(field, "data")) {
		if (r->s->has_data) {
			keep_data(r);
			buf_byte(&r->s->data, '\n');
			buf_text(&r->s->data, value);
			r->data = buf_as_text(&r->s->data);
		} else {
			r->data = value;
			if (passing)
				keep_data(r);
		}
		r->s->has_data = true;
	}
}

/* The sse is ready for the next event before this one is said, so that the hearer may free it. */
static bool
say_event(struct reading *r, const char *end)
{
	struct text name = r->name, data = r->data, wire = { "", 0 };
	struct buf kept = r->s->data;
	bool has_data = r->s->has_data, go = true;

	if (r->from != NULL && end != NULL)
		wire = (struct text){ r->from, (size_t)(end - r->from) };
	r->s->data = (struct buf){ 0 };
	r->s->has_data = r->s->split = false;
	r->s->name_len = 0;
	r->from = NULL;
	r->name = r->data = TEXT("");
	if (has_data)
		go = r->event(r->self, name, data, wire);
	buf_free(&kept);
	return (go);
}

/* One line without its end; `end` is behind its end, `from` its first byte, or NULL if that came in earlier bytes. */
static enum sse_result
take_line(struct reading *r, struct text line, const char *from, const char *end)
{
	struct sse *s = r->s;

	if (line.len + r->data.len > s->limit)
		return (too_big(s));
	if (!s->began && text_starts(line, TEXT("\xef\xbb\xbf"))) {
		line = text_sub(line, 3, line.len);
		from = from != NULL ? from + 3 : NULL;
	}
	s->began = true;
	if (line.len == 0)
		return (say_event(r, end) ? SSE_OK : SSE_STOPPED);
	if (line.at[0] == ':')
		return (SSE_OK);
	if (from == NULL)
		s->split = true;
	else if (r->from == NULL && !s->split)
		r->from = from;
	take_field(r, line, from == NULL);
	return (SSE_OK);
}

/* The rest of a line that began in earlier bytes. */
static enum sse_result
finish_line(struct reading *r, struct text rest, const char *end)
{
	struct buf line = r->s->line;
	enum sse_result result;

	r->s->line = (struct buf){ 0 };
	buf_text(&line, rest);
	result = take_line(r, buf_as_text(&line), NULL, end);
	buf_free(&line);
	return (result);
}

/* The bytes at hand go: what points to them has to be kept. */
static enum sse_result
keep_rest(struct reading *r, struct text rest)
{
	struct sse *s = r->s;

	if (s->line.len + rest.len + r->data.len > s->limit)
		return (too_big(s));
	buf_text(&s->line, rest);
	s->split |= r->from != NULL;
	if (s->has_data)
		keep_data(r);
	keep_name(r);
	return (SSE_OK);
}

static struct reading
begin(struct sse *s, sse_f *event, void *self)
{
	return ((struct reading){ .s = s, .event = event, .self = self, .name = { s->name, s->name_len }, .data = buf_as_text(&s->data) });
}

enum sse_result
sse_feed(struct sse *s, const char *bytes, size_t n, sse_f *event, void *self)
{
	const char *p = bytes, *end = bytes + n, *lf = bytes;	/* lf: the next one, or end; at p or before: not looked for */
	struct reading r = begin(s, event, self);
	enum sse_result result;

	if (n == 0)
		return (SSE_OK);
	if (s->after_cr && *p == '\n')
		p++;
	s->after_cr = false;
	while (p < end) {
		const char *stop, *next;

		if (lf <= p && (lf = memchr(p, '\n', (size_t)(end - p))) == NULL)
			lf = end;				/* looked for once, not again for each line that ends in CR */
		stop = memchr(p, '\r', (size_t)(lf - p));
		if (stop == NULL)
			stop = lf;
		if (stop == end)
			break;
		next = stop + 1;
		if (*stop == '\r') {
			s->after_cr = next == end;
			next += next < end && *next == '\n';
		}
		if (s->line.len > 0)
			result = finish_line(&r, (struct text){ p, (size_t)(stop - p) }, next);
		else
			result = take_line(&r, (struct text){ p, (size_t)(stop - p) }, p, next);
		if (result != SSE_OK)
			return (result);
		p = next;
	}
	return (keep_rest(&r, (struct text){ p, (size_t)(end - p) }));
}

enum sse_result
sse_end(struct sse *s, sse_f *event, void *self)
{
	struct reading r = begin(s, event, self);
	enum sse_result result = SSE_OK;

	if (s->line.len > 0)
		result = finish_line(&r, TEXT(""), NULL);
	if (result == SSE_OK && !say_event(&r, NULL))
		result = SSE_STOPPED;
	if (result == SSE_OK)
		sse_free(s);
	return (result);
}
