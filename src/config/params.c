/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rest of litellm_params, and model_info: limits, headers, what is sent where the caller says nothing.
 */
#include "config/config_priv.h"

bool
fit_for_header(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] < 0x20 || t.at[i] == 0x7f)
			return (false);
	return (true);
}

bool
is_token(struct text name)
{
	static const char allowed[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    memchr(allowed, c, sizeof(allowed) - 1) != NULL))
			return (false);
	}
	return (name.len > 0 && name.len <= 128);
}

bool
header_line(struct load *l, const struct node *map, const struct pair *p, struct text *line)
{
	static const char *const framing[] = { "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade",
	    "keep-alive", "expect" };

	for (size_t i = 0; i < nitems(framing); i++)
		if (text_eq_nocase(p->key, text_of(framing[i]))) {
			problem_key(l, PROBLEM_ERROR, map, p, "header " TEXT_FMT " belongs to the connection and cannot be set",
			    TEXT_ARG(p->key));
			return (false);
		}
	if (!is_token(p->key)) {
		problem_key(l, PROBLEM_ERROR, map, p, "that is not a header's name");
		return (false);
	}
	if (!want_kind(l, p->value, NODE_SCALAR))
		return (false);
	if (!fit_for_header(p->value->text)) {
		problem_key(l, PROBLEM_ERROR, map, p, "header " TEXT_FMT " holds a line break or another control character",
		    TEXT_ARG(p->key));
		return (false);
	}
	*line = arena_print(l->arena, TEXT_FMT ": " TEXT_FMT, TEXT_ARG(p->key), TEXT_ARG(p->value->text));
	return (true);
}

static void
read_headers(struct making *m)
{
	struct node *maps[] = { param(m, "default_headers"), param(m, "extra_headers") };
	struct deployment *d = m->d;
	size_t room = 0;

	for (size_t i = 0; i < nitems(maps); i++)
		room += maps[i] != NULL ? maps[i]->n : 0;
	d->headers = room > 0 ? arena_alloc(m->load->arena, room * sizeof(*d->headers)) : NULL;
	for (size_t i = 0; i < nitems(maps); i++) {
		if (!want_kind(m->load, maps[i], NODE_MAP))
			continue;
		for (const struct pair *p = maps[i]->first; p != NULL; p = p->next)
			if (header_line(m->load, maps[i], p, &d->headers[d->n_headers]))
				d->n_headers++;
	}
}

static struct text
raw_of(struct load *l, struct text name, const struct node *n)
{
	struct buf b = { 0 };
	struct node number = *n;
	struct text raw;
	double v;

	/* "0.7" and 1e-6 are texts to YAML; where the API takes a number they are meant as one. */
	if (n->kind == NODE_SCALAR && litellm_is_number(name) && scalar_number(n->text, &v)) {
		number.plain = true;
		if (scalar_of(n->text, true) == SCALAR_STRING)
			number.text = arena_print(l->scratch, "%.17g", v);
	}
	node_json(&b, &number);
	raw = arena_copy(l->arena, buf_as_text(&b));
	buf_free(&b);
	return (raw);
}

static void
set_default(struct making *m, const struct node *map, const struct pair *p, bool replace)
{
	static const char *const fixed[] = { "model", "messages", "stream", "input", "prompt" };
	struct deployment *d = m->d;
	size_t at = 0;

	if (node_is_null(p->value))
		return;
	if (has_word(p->key, fixed, nitems(fixed))) {
		problem_key(m->load, PROBLEM_WARNING, map, p, TEXT_FMT " is the caller's to say; it is not sent as a default",
		    TEXT_ARG(p->key));
		return;
	}
	while (at < d->n_defaults && !text_eq(d->defaults[at].name, p->key))
		at++;
	if (at < d->n_defaults && !replace)
		return;
	d->defaults[at] = (struct default_param){ arena_copy(m->load->arena, p->key), raw_of(m->load, p->key, p->value) };
	if (at == d->n_defaults)
		d->n_defaults++;
}

static void
read_defaults(struct making *m)
{
	struct node *body = param(m, "extra_body");
	size_t room = body != NULL ? body->n : 0;

	for (size_t i = 0; i < m->n_chain; i++)
		room += m->chain[i]->n;
	m->d->defaults = arena_alloc(m->load->arena, (room + 1) * sizeof(struct default_param));
	for (size_t i = 0; i < m->n_chain; i++)
		for (const struct pair *p = m->chain[i]->first; p != NULL; p = p->next)
			if (!litellm_is_control(p->key))
				set_default(m, m->chain[i], p, false);
	if (want_kind(m->load, body, NODE_MAP))
		for (const struct pair *p = body->first; p != NULL; p = p->next)
			set_default(m, body, p, true);
	azure_defaults(m->d);
}

static void
read_drop(struct making *m)
{
	struct node *list = param(m, "additional_drop_params");
	struct deployment *d = m->d;
	struct text *all = NULL;
	size_t n = want_texts(m->load, list, &all);

	d->drop = all;
	for (size_t i = 0; i < n; i++) {
		if (memchr(all[i].at, '.', all[i].len) != NULL || memchr(all[i].at, '[', all[i].len) != NULL)
			problem(m->load, PROBLEM_WARNING, list,
			    "additional_drop_params: the path " TEXT_FMT " is not in force yet; plain names are", TEXT_ARG(all[i]));
		else
			d->drop[d->n_drop++] = all[i];
	}
	want_bool(m->load, param(m, "drop_params"), &d->drop_params);
	want_bool(m->load, param(m, "use_chat_completions_api"), &d->chat_only);
}

static void
read_weight(struct making *m)
{
	struct node *n = param(m, "weight");
	double w;

	if (!want_kind(m->load, n, NODE_SCALAR))
		return;
	if (scalar_number(n->text, &w) && w >= 0 && w <= 1e9)
		m->d->weight = (int64_t)(w * 1000 + 0.5);
	else
		problem(m->load, PROBLEM_ERROR, n, "weight must be a number from 0 to 1000000000");
}

static void
read_limits(struct making *m)
{
	struct load *l = m->load;
	struct deployment *d = m->d;
	struct node *rpm = param(m, "rpm"), *tpm = param(m, "tpm"), *order = param(m, "order");

	read_weight(m);
	want_int(l, rpm != NULL ? rpm : node_get(m->entry, "rpm"), 0, INT64_MAX / 1000, &d->rpm);
	want_int(l, tpm != NULL ? tpm : node_get(m->entry, "tpm"), 0, INT64_MAX / 1000, &d->tpm);
	want_int(l, order != NULL ? order : node_get(m->info, "order"), 0, 1000000, &d->order);
	want_int(l, param(m, "max_parallel_requests"), 0, 1000000, &d->parallel);
	want_int(l, param(m, "default_api_key_rpm_limit"), 0, INT64_MAX / 1000, &d->key_rpm);
	want_int(l, param(m, "default_api_key_tpm_limit"), 0, INT64_MAX / 1000, &d->key_tpm);
	l->config->settings.deployment_keys |= d->key_rpm >= 0 || d->key_tpm >= 0;
	want_int(l, param(m, "num_retries"), 0, 100, &d->num_retries);
	d->budget = budget_doc(l, param(m, "max_budget"), param(m, "budget_duration"));
	l->config->settings.deployment_money |= d->budget.len > 0;
	want_bool(l, param(m, "use_in_pass_through"), &d->pass_through);
	if (!want_ms(l, param(m, "timeout"), &d->timeout_ms))
		want_ms(l, param(m, "request_timeout"), &d->timeout_ms);
	want_ms(l, param(m, "stream_timeout"), &d->stream_timeout_ms);
}

static struct text
json_of(const struct making *m, const struct node *n)
{
	struct buf b = { 0 };
	struct text json;

	node_json(&b, n);
	json = arena_copy(m->load->arena, buf_as_text(&b));
	buf_free(&b);
	return (json);
}

void
params_read_mock(struct making *m)
{
	struct node *n = param(m, "mock_response");

	if (n == NULL)
		return;
	m->d->mock = true;
	if (n->kind == NODE_SCALAR)
		want_text(m->load, n, &m->d->mock_response);
	else if (n->kind == NODE_LIST)
		m->d->mock_response = json_of(m, n);
	else {
		m->d->mock_response = TEXT("This is a mock request");
		problem(m->load, PROBLEM_WARNING, n, "mock_response must be a text, or a list of numbers for embeddings; a fixed text is answered instead");
	}
}

/* model_info */

/* A base_model says more about what runs there than the name it is called by. */
static void
read_facts(struct making *m)
{
	struct deployment *d = m->d;
	struct text base = TEXT("");
	struct facts *f = arena_new_of(m->load->arena, struct facts);

	*f = (struct facts){ .mode = TEXT("chat"), .input = -1, .output = -1 };
	if (!want_text(m->load, node_get(m->info, "base_model"), &base))
		want_text(m->load, param(m, "base_model"), &base);
	if ((base.len > 0 && facts_find(f, base)) || facts_find(f, d->litellm_model) || facts_find(f, d->model))
		d->facts = f;
	d->max_output_tokens = f->max_output;
	d->max_input_tokens = f->max_input;
	if (!want_int(m->load, node_get(m->info, "max_output_tokens"), 0, INT64_MAX / 1000, &d->max_output_tokens))
		want_int(m->load, node_get(m->info, "max_tokens"), 0, INT64_MAX / 1000, &d->max_output_tokens);
	want_int(m->load, node_get(m->info, "max_input_tokens"), 0, INT64_MAX / 1000, &d->max_input_tokens);
	d->mode = f->mode;
	want_text(m->load, node_get(m->info, "mode"), &d->mode);
	tariff_read(m, base);
}

static void
read_info(struct making *m)
{
	m->d->model_info = m->info != NULL ? json_of(m, m->info) : TEXT("{}");
	read_facts(m);
	windows_read(m->load, node_get(m->info, "access_windows"), m->d);
	m->d->shown_info = shown_info(m->load, m->info, m->params);
	m->d->shown_params = shown_params(m->load, m->params, m->d);
}

void
params_read(struct making *m)
{
	read_limits(m);
	read_drop(m);
	certs_read(m);
	read_headers(m);
	read_defaults(m);
	read_info(m);
}
