/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record reader and the params cutter on any bytes.
 *
 * The input is read twice, whole and in pieces whose sizes come from its own first bytes: the events must be the same, and params that
 * are cut out must lie within what was given.
 */
#include "web/web_priv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What was heard, with bytes of params and stdin put together over cuts. */
static void
read_stream(struct buf *heard, struct buf *params, struct text in, const uint8_t *steps)
{
	struct record_reader r = { 0 };

	for (size_t at = 0, n; at < in.len; at += n) {
		struct record got = { 0 };
		struct text piece;

		n = steps != NULL ? (size_t)steps[at % 4] + 1 : in.len;
		piece = text_sub(in, at, at + n);
		while ((got = record_next(&r, &piece)).kind != RECORD_MORE) {
			if (got.kind == RECORD_PARAMS)
				buf_text(params, got.bytes);
			if (got.kind == RECORD_STDIN || got.kind == RECORD_PARAMS || got.kind == RECORD_VALUES)
				buf_text(heard, got.bytes);
			if (got.kind != RECORD_STDIN && got.kind != RECORD_PARAMS)
				buf_print(heard, "<%d %d %d %d>", got.kind, got.id, got.type, got.status);
			if (got.kind == RECORD_ABORT)
				record_finish(&r);
			if (got.kind == RECORD_BAD)
				return;
		}
		if (piece.len > 0)
			abort();
	}
}

static void
cut_params(struct text raw)
{
	static struct param table[PARAMS_COUNT];
	struct request r;

	if (params_parse(&r, raw, table, nitems(table)) != NULL)
		return;
	for (size_t i = 0; i < r.n_params; i++)
		if (r.params[i].name.at < raw.at || r.params[i].value.at + r.params[i].value.len > raw.at + raw.len)
			abort();
	if (request_header(&r, "x-api-key").len > 0 && request_header_count(&r, "x-api-key") == 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 }, pieces = { 0 }, params = { 0 }, again = { 0 };
	struct text in = { (const char *)data + 4, size - 4 };

	if (size < 4)
		return (0);
	read_stream(&whole, &params, in, NULL);
	read_stream(&pieces, &again, in, data);
	if (!text_eq(buf_as_text(&whole), buf_as_text(&pieces)) || !text_eq(buf_as_text(&params), buf_as_text(&again)))
		abort();
	cut_params(buf_as_text(&params));
	cut_params(in);
	buf_free(&whole);
	buf_free(&pieces);
	buf_free(&params);
	buf_free(&again);
	return (0);
}
