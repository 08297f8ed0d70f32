/* SPDX-License-Identifier: Apache-2.0 */
/* What LiteLLM tells anybody who asks: published prices, vendors, lists of what is public (here: nothing), and how the dashboard begins. */
#include "exchange/exchange.h"

static enum step_result
say(struct exchange *x, struct text body)
{
	answer_whole(x, 200, "application/json", body);
	return (STEP_DONE);
}

static void
put_count(struct json_out *o, const char *name, int64_t n)
{
	if (n <= 0)
		return;
	json_name(o, name);
	json_int(o, n);
}

static void
put_price(struct json_out *o, const char *name, int64_t pico)
{
	if (pico < 0)
		return;
	json_name(o, name);
	price_print(o->to, pico);
	o->comma = true;
}

static void
put_model(struct json_out *o, const struct facts *f)
{
	char name[64];

	json_name_quoted(o, (struct quoted){ f->name.at, f->name.len });	/* ours: nothing in it needs an escape */
	json_open(o, '{');
	json_name(o, "litellm_provider");
	json_string(o, f->vendor);
	json_name(o, "mode");
	json_string(o, f->mode);
	put_count(o, "max_input_tokens", f->max_input);
	put_count(o, "max_output_tokens", f->max_output);
	put_count(o, "max_tokens", f->max_output > 0 ? f->max_output : f->max_input);
	put_price(o, "input_cost_per_token", f->input);
	put_price(o, "output_cost_per_token", f->output);
	put_price(o, "cache_read_input_token_cost", f->cache_read);
	put_price(o, "cache_creation_input_token_cost", f->cache_write);
	for (unsigned bit = 0; facts_flag(bit) != NULL; bit++)
		if (f->can >> bit & 1) {
			strcpy(name, "supports_");
			strncat(name, facts_flag(bit), sizeof(name) - sizeof("supports_"));
			json_name(o, name);
			json_bool(o, true);
		}
	json_close(o, '}');
}

/* The table that is shipped never changes while a worker runs: it is written once, for whoever asks. */
enum step_result
local_cost_map(struct exchange *x)
{
	static struct buf map;
	struct json_out o = { .to = &map };
	struct facts f;

	if (map.len == 0) {
		json_open(&o, '{');
		for (size_t i = 0; facts_nth(&f, i); i++)
			put_model(&o, &f);
		json_close(&o, '}');
	}
	return (say(x, buf_as_text(&map)));
}

enum step_result
local_providers(struct exchange *x)
{
	const struct vendor *v;
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	enum step_result end;

	json_open(&o, '[');
	for (size_t i = 0; (v = vendor_nth(x->config, i)) != NULL; i++)
		json_string(&o, text_of(v->prefix));
	json_close(&o, ']');
	end = say(x, buf_as_text(&b));
	buf_free(&b);
	return (end);
}

/* Nothing is published: what a key may call it sees in /v1/models. */
enum step_result
local_nothing_public(struct exchange *x)
{
	return (say(x, TEXT("[]")));
}

enum step_result
local_ui_config(struct exchange *x)
{
	return (say(x, TEXT("{\"server_root_path\":\"/\",\"proxy_base_url\":null,\"auto_redirect_to_sso\":false,\"admin_ui_disabled\":true,"
	    "\"sso_configured\":false}")));
}

enum step_result
local_test(struct exchange *x)
{
	return (say(x, TEXT("{\"route\":\"/test\"}")));
}
