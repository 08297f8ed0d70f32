/* SPDX-License-Identifier: Apache-2.0 */
/* The Prometheus page, from tables: LiteLLM's names for what a deployment did, our own for the gateway. */
#include "board/board_priv.h"

#include "base/clock.h"
#include "base/money.h"
#include "base/json.h"
#include "config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Who has each slot, in this configuration; NULL: nobody, it belongs to "other". */
struct page {
	struct buf	*out;
	struct board	*board;
	unsigned	 slots;
	const struct deployment *owner[BOARD_DEPLOYMENTS];
	const struct settings *settings;
};

/* Labels of deployments, then of callers.  model_id is in every set of a deployment: without it two of one model and base would be one series twice. */
enum label {
	REQUESTED_MODEL, MODEL_GROUP, FALLBACK_MODEL, LITELLM_MODEL_NAME, MODEL, MODEL_ID, API_BASE, API_PROVIDER,
	ASKED_MODEL, KEY_MODEL, ROUTE, END_USER, HASHED_API_KEY, API_KEY_ALIAS, TEAM, TEAM_ALIAS, USER, USER_EMAIL,
	NO_LABEL
};

static const struct {
	const char	*name;
	size_t		 text;			/* in struct deployment */
	enum series_label of_call;		/* from ASKED_MODEL on */
} labels[] = {
	[REQUESTED_MODEL] =    { "requested_model",    offsetof(struct deployment, group), 0 },
	[MODEL_GROUP] =	       { "model_group",	       offsetof(struct deployment, group), 0 },
	[FALLBACK_MODEL] =     { "fallback_model",     offsetof(struct deployment, group), 0 },
	[LITELLM_MODEL_NAME] = { "litellm_model_name", offsetof(struct deployment, litellm_model), 0 },
	[MODEL] =	       { "model",	       offsetof(struct deployment, model), 0 },
	[MODEL_ID] =	       { "model_id",	       offsetof(struct deployment, id), 0 },
	[API_BASE] =	       { "api_base",	       offsetof(struct deployment, api_base), 0 },
	[API_PROVIDER] =       { "api_provider",       0 /* its vendor's prefix */, 0 },
	[ASKED_MODEL] =	       { "requested_model",    0, SERIES_MODEL },
	[KEY_MODEL] =	       { "model",	       0, SERIES_MODEL },
	[ROUTE] =	       { "route",	       0, SERIES_ROUTE },
	[END_USER] =	       { "end_user",	       0, SERIES_END_USER },
	[HASHED_API_KEY] =     { "hashed_api_key",     0, SERIES_KEY },
	[API_KEY_ALIAS] =      { "api_key_alias",      0, SERIES_KEY_ALIAS },
	[TEAM] =	       { "team",	       0, SERIES_TEAM },
	[TEAM_ALIAS] =	       { "team_alias",	       0, SERIES_TEAM_ALIAS },
	[USER] =	       { "user",	       0, SERIES_USER },
	[USER_EMAIL] =	       { "user_email",	       0, SERIES_USER_EMAIL },
};

typedef const enum label label_set[16];
static label_set of_model      = { REQUESTED_MODEL, MODEL_GROUP, MODEL, MODEL_ID, API_PROVIDER, NO_LABEL };
static label_set of_deployment = { REQUESTED_MODEL, LITELLM_MODEL_NAME, MODEL_ID, API_BASE, API_PROVIDER, NO_LABEL };
static label_set of_state      = { LITELLM_MODEL_NAME, MODEL_ID, API_BASE, API_PROVIDER, NO_LABEL };
static label_set of_overhead   = { MODEL_GROUP, LITELLM_MODEL_NAME, MODEL_ID, API_BASE, API_PROVIDER, NO_LABEL };
static label_set of_fallback   = { FALLBACK_MODEL, MODEL_ID, NO_LABEL };
static label_set of_proxy      = { END_USER, HASHED_API_KEY, API_KEY_ALIAS, ASKED_MODEL, TEAM, TEAM_ALIAS, USER, USER_EMAIL, ROUTE, MODEL_ID,
	API_PROVIDER, NO_LABEL };
static label_set of_usage      = { END_USER, HASHED_API_KEY, API_KEY_ALIAS, MODEL, TEAM, TEAM_ALIAS, USER, USER_EMAIL, ASKED_MODEL, MODEL_ID,
	API_PROVIDER, NO_LABEL };
static label_set of_key_limit  = { HASHED_API_KEY, API_KEY_ALIAS, KEY_MODEL, NO_LABEL };

#define ONE(c)	(1U << (c))

/* Rows of one name stand together: they share HELP and TYPE. */
static const struct {
	const char	*name, *help;
	const enum label *labels;
	const char	*extra;			/* further labels, or NULL */
	unsigned	 counters;		/* their sum */
} of_deployments[] = {
	{ "litellm_deployment_total_requests_total", "Attempts sent to the deployment.", of_deployment, NULL, ONE(DEP_REQUESTS) },
	{ "litellm_deployment_success_responses_total", "Attempts it answered.", of_deployment, NULL, ONE(DEP_SUCCESS) },
	{ "litellm_deployment_failure_responses_total", "Attempts that failed.", of_deployment,
	    "exception_status=\"429\",exception_class=\"RateLimitError\"", ONE(DEP_FAILURE_RATE_LIMIT) },
	{ "litellm_deployment_failure_responses_total", NULL, of_deployment,
	    "exception_status=\"408\",exception_class=\"Timeout\"", ONE(DEP_FAILURE_TIMEOUT) },
	{ "litellm_deployment_failure_responses_total", NULL, of_deployment,
	    "exception_status=\"401\",exception_class=\"AuthenticationError\"", ONE(DEP_FAILURE_AUTH) },
	{ "litellm_deployment_failure_responses_total", NULL, of_deployment,
	    "exception_status=\"other\",exception_class=\"APIError\"", ONE(DEP_FAILURE_OTHER) },
	{ "litellm_deployment_successful_fallbacks_total", "Requests that fell back to this model and were answered.", of_fallback, NULL,
	    ONE(DEP_FALLBACK_GOOD) },
	{ "litellm_deployment_failed_fallbacks_total", "Requests that fell back to this model in vain.", of_fallback, NULL, ONE(DEP_FALLBACK_BAD) },
};

static const struct {
	const char	*name, *help;
	const enum label *labels;
	enum histogram	 histogram;
} of_times[] = {
	{ "litellm_request_total_latency_metric", "Seconds from request to last byte.", of_model, HIST_TOTAL },
	{ "litellm_llm_api_latency_metric", "Seconds the vendor took.", of_model, HIST_UPSTREAM },
	{ "litellm_llm_api_time_to_first_token_metric", "Seconds to the first token of a stream.", of_model, HIST_FIRST_TOKEN },
	{ "litellm_overhead_latency_metric", "Seconds the gateway itself took.", of_overhead, HIST_OVERHEAD },
	{ "litellm_deployment_latency_per_output_token", "Seconds the vendor took for each token it wrote.", of_overhead, HIST_PER_TOKEN },
};

/* What callers used. */
static const struct {
	const char	*name, *help;
	unsigned	 counters;		/* their sum */
} of_callers[] = {
	{ "litellm_requests_metric_total", "Calls that a deployment answered.", ONE(SERIES_ANSWERED) },
	{ "litellm_spend_metric_total", "Dollars.", ONE(SERIES_SPEND) },
	{ "litellm_total_tokens_metric_total", "Tokens in and out.", ONE(SERIES_TOKENS_IN) | ONE(SERIES_TOKENS_OUT) },
	{ "litellm_input_tokens_metric_total", "Prompt tokens, cached ones too.", ONE(SERIES_TOKENS_IN) },
	{ "litellm_output_tokens_metric_total", "Completion tokens, reasoning too.", ONE(SERIES_TOKENS_OUT) },
	{ "litellm_input_cached_tokens_metric_total", "Prompt tokens read from the vendor's cache.", ONE(SERIES_TOKENS_CACHED) },
	{ "litellm_input_cache_creation_tokens_metric_total", "Prompt tokens written to the vendor's cache.", ONE(SERIES_TOKENS_WRITTEN) },
	{ "litellm_output_reasoning_tokens_metric_total", "Reasoning tokens.", ONE(SERIES_TOKENS_REASONING) },
};

static const struct {
	const char	*name, *help;
	enum series_gauge which;
} of_limits[] = {
	{ "litellm_remaining_api_key_requests_for_model", "Requests a key's limit for a model leaves in this window, as of its last call.", SERIES_REQUESTS_LEFT },
	{ "litellm_remaining_api_key_tokens_for_model", "The same of tokens.", SERIES_TOKENS_LEFT },
};

static const struct {
	const char	*name, *help, *labels;
	enum counter	 counter;
} of_gateway[] = {
	{ "sluice_requests_total", "Requests by surface.", "surface=\"chat\"", COUNT_REQUESTS_CHAT },
	{ "sluice_requests_total", NULL, "surface=\"messages\"", COUNT_REQUESTS_MESSAGES },
	{ "sluice_requests_total", NULL, "surface=\"responses\"", COUNT_REQUESTS_RESPONSES },
	{ "sluice_requests_total", NULL, "surface=\"completions\"", COUNT_REQUESTS_COMPLETIONS },
	{ "sluice_requests_total", NULL, "surface=\"embeddings\"", COUNT_REQUESTS_EMBEDDINGS },
	{ "sluice_requests_total", NULL, "surface=\"other\"", COUNT_REQUESTS_OTHER },
	{ "sluice_refused_total", "Requests the gateway itself answered with a 4xx.", NULL, COUNT_REFUSED },
	{ "sluice_clients_left_total", "Clients that left before their answer was complete.", NULL, COUNT_LEFT },
	{ "sluice_streams_cut_total", "Streams that broke after they began.", NULL, COUNT_CUT },
	{ "sluice_bad_records_total", "Malformed FastCGI record streams.", NULL, COUNT_BAD_RECORDS },
	{ "sluice_fallbacks_total", "Requests that went on to another group.", NULL, COUNT_FALLBACKS },
	{ "sluice_retries_total", "Further attempts within a group.", NULL, COUNT_RETRIES },
	{ "sluice_memcached_failures_total", "Questions to memcached that were not answered in time.", NULL, COUNT_MEMCACHED_FAILURES },
	{ "sluice_limits_uncounted_total", "Requests whose rate limits found no room to be counted.", NULL, COUNT_UNCOUNTED },
	{ "sluice_prompts_dropped_total", "Prompts and answers that were to be stored, and are not: the disk was slow or full.", NULL, COUNT_PROMPTS_DROPPED },
};

/* LiteLLM's exception for a status. */
static const struct {
	int		 status;
	const char	*class;
} exceptions[] = {
	{ 400, "BadRequestError" }, { 401, "AuthenticationError" }, { 403, "PermissionDeniedError" }, { 404, "NotFoundError" }, { 408, "Timeout" },
	{ 422, "UnprocessableEntityError" }, { 429, "RateLimitError" }, { 500, "InternalServerError" }, { 502, "BadGatewayError" },
	{ 503, "ServiceUnavailableError" }, { 504, "Timeout" }, { 529, "ServiceUnavailableError" },
};

/* the pieces of a line */

static void
print_head(struct buf *out, const char *name, const char *help, const char *type)
{
	if (help != NULL)
		buf_print(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* As the inside of a JSON string, which escapes the same and mends what is not UTF-8 (that would spoil the whole page for its reader); but of control characters
 * the page knows only the newline. */
static void
print_escaped(struct buf *out, struct text value)
{
	size_t end;

	for (size_t from = 0; from < value.len; from = end + 1) {
		for (end = from; end < value.len && ((unsigned char)value.at[end] >= 0x20 || value.at[end] == '\n'); end++)
			;
		buf_escape(out, text_sub(value, from, end));
		if (end < value.len)
			buf_byte(out, ' ');
	}
}

static struct text
label_value(const struct deployment *d, enum label label)
{
	if (d == NULL)
		return (TEXT("other"));
	if (label == API_PROVIDER)
		return (text_of(d->vendor != NULL ? d->vendor->prefix : ""));
	return (*(const struct text *)((const char *)d + labels[label].text));
}

/* Do the operator's rules (prometheus_metrics_config) want that metric; *rule: the one that says with which labels, or NULL. */
static bool
is_wanted(const struct page *p, const char *name, const struct metrics_rule **rule)
{
	struct text plain = text_of(name);

	*rule = NULL;
	if (p->settings->n_metrics_rules == 0)
		return (true);
	if (text_ends(plain, TEXT("_total")))
		plain.len -= strlen("_total");
	for (size_t i = 0; i < p->settings->n_metrics_rules; i++)
		for (size_t k = 0; k < p->settings->metrics_rules[i].n_metrics; k++)
			if (text_eq(p->settings->metrics_rules[i].metrics[k], plain) || text_is(p->settings->metrics_rules[i].metrics[k], name)) {
				*rule = &p->settings->metrics_rules[i];
				return (true);
			}
	return (false);
}

static bool
has_label(const struct metrics_rule *rule, const char *name)
{
	if (rule == NULL || rule->n_labels == 0)
		return (true);
	for (size_t i = 0; i < rule->n_labels; i++)
		if (text_is(rule->labels[i], name))
			return (true);
	return (false);
}

/* The labels, and a comma behind each; of `seen`, where there is one, and of the deployment in that slot.  An empty one is as good as none. */
static void
print_labels(struct buf *out, const struct page *p, const enum label *set, const struct metrics_rule *rule, unsigned slot, const struct series_seen *seen)
{
	for (unsigned i = 0; set[i] != NO_LABEL; i++) {
		struct text value = set[i] >= ASKED_MODEL ? seen->label[labels[set[i]].of_call] : label_value(p->owner[slot], set[i]);

		if (!has_label(rule, labels[set[i]].name) || (value.len == 0 && set[i] >= ASKED_MODEL))
			continue;
		buf_text(out, text_of(labels[set[i]].name));
		buf_lit(out, "=\"");
		print_escaped(out, value);
		buf_lit(out, "\",");
	}
}

/* `with`: labels as print_labels() leaves them; `extra` comes last, without a comma. */
static void
print_line(struct page *p, const char *name, const char *suffix, struct text with, const char *extra)
{
	buf_text(p->out, text_of(name));
	buf_text(p->out, text_of(suffix));
	if (extra == NULL && with.len > 0)
		with.len--;
	if (with.len == 0 && extra == NULL) {
		buf_byte(p->out, ' ');
		return;
	}
	buf_byte(p->out, '{');
	buf_text(p->out, with);
	buf_text(p->out, text_of(extra));
	buf_lit(p->out, "} ");
}

/* What must be told apart of deployments is, whatever the rules say of labels. */
static void
print_series(struct page *p, const char *name, const char *suffix, const enum label *set, unsigned slot, const char *extra)
{
	struct buf with = { 0 };

	print_labels(&with, p, set, NULL, slot, NULL);
	print_line(p, name, suffix, buf_as_text(&with), extra);
	buf_free(&with);
}

/* Slots to print: those with an owner, and BOARD_OTHER, whose value is that of all without. */
static bool
is_row(const struct page *p, unsigned slot)
{
	return (slot == BOARD_OTHER || p->owner[slot] != NULL);
}

static bool
counts_for(const struct page *p, unsigned row, unsigned slot)
{
	return (row == BOARD_OTHER ? p->owner[slot] == NULL : row == slot);
}

typedef uint64_t read_f(const struct board *, unsigned slot, unsigned which);

static uint64_t
row_sum(const struct page *p, unsigned row, read_f *read, unsigned which)
{
	unsigned end = row == BOARD_OTHER ? p->slots : row + 1;
	uint64_t sum = 0;

	for (unsigned slot = row; slot < end; slot++)
		if (counts_for(p, row, slot))
			sum += read(p->board, slot, which);
	return (sum);
}

/* the families */

static uint64_t
read_counters(const struct board *b, unsigned slot, unsigned counters)
{
	uint64_t sum = 0;

	for (unsigned c = 0; c < DEP_COUNTERS; c++)
		if (counters & ONE(c))
			sum += board_counted_deployment(b, slot, c);
	return (sum);
}

static uint64_t
read_in_flight(const struct board *b, unsigned slot, unsigned unused)
{
	return (board_in_flight_sum(b, slot));
}

static void
print_rows(struct page *p, const char *name, const enum label *set, const char *extra, read_f *read, unsigned which)
{
	for (unsigned row = 0; row < p->slots; row++) {
		uint64_t sum = is_row(p, row) ? row_sum(p, row, read, which) : 0;

		if (sum == 0 && p->owner[row] == NULL)
			continue;
		print_series(p, name, "", set, row, extra);
		buf_print(p->out, "%" PRIu64 "\n", sum);
	}
}

static void
print_deployments(struct page *p)
{
	const struct metrics_rule *rule;

	for (unsigned i = 0; i < nitems(of_deployments); i++) {
		if (!is_wanted(p, of_deployments[i].name, &rule))
			continue;
		print_head(p->out, of_deployments[i].name, of_deployments[i].help, "counter");
		print_rows(p, of_deployments[i].name, of_deployments[i].labels, of_deployments[i].extra, read_counters, of_deployments[i].counters);
	}
	print_head(p->out, "sluice_deployment_in_flight", "Calls that are out now.", "gauge");
	print_rows(p, "sluice_deployment_in_flight", of_deployment, NULL, read_in_flight, 0);
}

static const char *
exception_of(int status)
{
	for (unsigned i = 0; i < nitems(exceptions); i++)
		if (exceptions[i].status == status)
			return (exceptions[i].class);
	return ("APIError");
}

/* Rows of callers: places whose labels are the same are one row. */
struct caller_row {
	size_t		 at, len;		/* of its labels, in struct rows */
	uint64_t	 counted[SERIES_COUNTERS];
	uint64_t	 answers[BOARD_STATUSES];
	int64_t		 left[SERIES_GAUGES];
	uint32_t	 second;		/* of the gauges */
};
struct rows {
	struct buf	 labels;
	struct caller_row *list;
	unsigned	 n, *index, room;	/* index: by hash, row + 1; room is a power of two */
};

static struct caller_row *
row_of(struct rows *r, size_t at)
{
	struct text with = { r->labels.at + at, r->labels.len - at };
	unsigned i = (unsigned)mix(text_hash(with)) & (r->room - 1);

	for (; r->index[i] != 0; i = (i + 1) & (r->room - 1)) {
		struct caller_row *row = &r->list[r->index[i] - 1];

		if (row->len == with.len && memcmp(r->labels.at + row->at, with.at, with.len) == 0) {
			r->labels.len = at;
			return (row);
		}
	}
	r->list[r->n] = (struct caller_row){ .at = at, .len = with.len, .left = { -1, -1 } };
	r->index[i] = ++r->n;
	return (&r->list[r->n - 1]);
}

static void
add_seen(struct caller_row *row, const struct series_seen *seen)
{
	for (unsigned i = 0; i < SERIES_COUNTERS; i++)
		row->counted[i] += seen->counted[i];
	for (unsigned i = 0; i < BOARD_STATUSES; i++)
		row->answers[i] += seen->answers[i];
	for (unsigned i = 0; i < SERIES_GAUGES; i++)
		if (seen->left[i] >= 0 && seen->second >= row->second)
			row->left[i] = seen->left[i];
	row->second = seen->second > row->second ? seen->second : row->second;
}

static void
rows_read(struct rows *r, const struct page *p, const enum label *set, const struct metrics_rule *rule)
{
	struct series_seen seen;
	unsigned places = series_places(p->board);

	*r = (struct rows){ .room = 1024 };
	while (r->room < 2 * places)
		r->room *= 2;
	r->index = must_zalloc(r->room * sizeof(*r->index));
	r->list = must_alloc((places + 1) * sizeof(*r->list));
	for (unsigned i = 0; i < places; i++)
		if (series_read(&seen, p->board, i)) {
			size_t at = r->labels.len;

			print_labels(&r->labels, p, set, rule, seen.deployment < BOARD_DEPLOYMENTS ? seen.deployment : BOARD_OTHER, &seen);
			add_seen(row_of(r, at), &seen);
		}
}

static void
rows_free(struct rows *r)
{
	buf_free(&r->labels);
	free(r->index);
	free(r->list);
}

static struct text
row_labels(const struct rows *r, unsigned i)
{
	return ((struct text){ r->labels.at + r->list[i].at, r->list[i].len });
}

static void
print_status(struct page *p, const char *name, const struct rows *r, unsigned row, unsigned which, bool failures)
{
	uint64_t sum = r->list[row].answers[which];
	char status[16] = "other", extra[96];

	if (sum == 0)
		return;
	if (board_statuses[which] != 0)
		snprintf(status, sizeof(status), "%d", board_statuses[which]);
	if (failures)
		snprintf(extra, sizeof(extra), "exception_status=\"%s\",exception_class=\"%s\"", status, exception_of(board_statuses[which]));
	else
		snprintf(extra, sizeof(extra), "status_code=\"%s\"", status);
	print_line(p, name, "", row_labels(r, row), extra);
	buf_print(p->out, "%" PRIu64 "\n", sum);
}

/* What callers got; `failures`: what was no 200. */
static void
print_answers(struct page *p, const char *name, const char *help, const enum label *set, bool failures)
{
	const struct metrics_rule *rule;
	struct rows rows;

	if (!is_wanted(p, name, &rule))
		return;
	rows_read(&rows, p, set, rule);
	print_head(p->out, name, help, "counter");
	for (unsigned row = 0; row < rows.n; row++)
		for (unsigned which = 0; which < BOARD_STATUSES; which++)
			if (!failures || board_statuses[which] != 200)
				print_status(p, name, &rows, row, which, failures);
	rows_free(&rows);
}

static void
print_use(struct page *p, unsigned which, const struct rows *r, unsigned row)
{
	const struct caller_row *c = &r->list[row];
	uint64_t sum = 0;

	for (unsigned i = 0; i < SERIES_COUNTERS; i++)
		if (of_callers[which].counters & ONE(i))
			sum += c->counted[i];
	if (sum == 0)
		return;
	print_line(p, of_callers[which].name, "", row_labels(r, row), NULL);
	if (of_callers[which].counters == ONE(SERIES_SPEND))
		money_print(p->out, (int64_t)sum);
	else
		buf_print(p->out, "%" PRIu64, sum);
	buf_byte(p->out, '\n');
}

/* Families with the same labels read them once. */
static void
print_callers(struct page *p)
{
	const struct metrics_rule *rule, *last = NULL;
	struct rows rows = { .n = 0 };
	bool read = false;

	for (unsigned i = 0; i < nitems(of_callers); i++) {
		if (!is_wanted(p, of_callers[i].name, &rule))
			continue;
		if (!read || rule != last) {
			rows_free(&rows);
			rows_read(&rows, p, of_usage, rule);
		}
		read = true;
		last = rule;
		print_head(p->out, of_callers[i].name, of_callers[i].help, "counter");
		for (unsigned row = 0; row < rows.n; row++)
			print_use(p, i, &rows, row);
	}
	rows_free(&rows);
}

static void
print_limits(struct page *p)
{
	const struct metrics_rule *rule;
	struct rows rows;

	rows_read(&rows, p, of_key_limit, NULL);
	for (unsigned i = 0; i < nitems(of_limits); i++) {
		if (!is_wanted(p, of_limits[i].name, &rule))
			continue;
		print_head(p->out, of_limits[i].name, of_limits[i].help, "gauge");
		for (unsigned row = 0; row < rows.n; row++)
			if (rows.list[row].left[of_limits[i].which] >= 0) {
				print_line(p, of_limits[i].name, "", row_labels(&rows, row), NULL);
				buf_print(p->out, "%lld\n", (long long)rows.list[row].left[of_limits[i].which]);
			}
	}
	rows_free(&rows);
}

static void
row_times(const struct page *p, unsigned row, enum histogram h, uint64_t buckets[HIST_BUCKETS], double *sum_s)
{
	unsigned end = row == BOARD_OTHER ? p->slots : row + 1;

	memset(buckets, 0, HIST_BUCKETS * sizeof(*buckets));
	*sum_s = 0;
	for (unsigned slot = row; slot < end; slot++) {
		uint64_t its[HIST_BUCKETS];
		double its_s;

		if (!counts_for(p, row, slot))
			continue;
		board_timed(p->board, slot, h, its, &its_s);
		for (unsigned i = 0; i < HIST_BUCKETS; i++)
			buckets[i] += its[i];
		*sum_s += its_s;
	}
}

static void
print_histogram(struct page *p, unsigned which, unsigned row, char le[HIST_BUCKETS][24])
{
	const char *name = of_times[which].name;
	const enum label *set = of_times[which].labels;
	uint64_t buckets[HIST_BUCKETS];
	double sum_s;

	row_times(p, row, of_times[which].histogram, buckets, &sum_s);
	if (buckets[HIST_BUCKETS - 1] == 0)
		return;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		print_series(p, name, "_bucket", set, row, le[i]);
		buf_print(p->out, "%" PRIu64 "\n", buckets[i]);
	}
	print_series(p, name, "_sum", set, row, NULL);
	buf_print(p->out, "%.6f\n", sum_s);
	print_series(p, name, "_count", set, row, NULL);
	buf_print(p->out, "%" PRIu64 "\n", buckets[HIST_BUCKETS - 1]);
}

static void
write_bounds(char le[HIST_BUCKETS][24], enum histogram h)
{
	for (unsigned i = 0; i < HIST_BUCKETS - 1; i++)
		snprintf(le[i], sizeof(le[i]), "le=\"%g\"", hist_bounds[h][i]);
	strcpy(le[HIST_BUCKETS - 1], "le=\"+Inf\"");
}

static void
print_times(struct page *p)
{
	const struct metrics_rule *rule;
	char le[HIST_BUCKETS][24];

	for (unsigned i = 0; i < nitems(of_times); i++) {
		if (!is_wanted(p, of_times[i].name, &rule))
			continue;
		print_head(p->out, of_times[i].name, of_times[i].help, "histogram");
		write_bounds(le, of_times[i].histogram);
		for (unsigned row = 0; row < p->slots; row++)
			if (is_row(p, row))
				print_histogram(p, i, row, le);
	}
}

/* What is not yet known has no line. */
static void
print_states(struct page *p)
{
	const struct metrics_rule *rule;
	struct outcome o;

	if (!is_wanted(p, "litellm_deployment_state", &rule))
		return;
	print_head(p->out, "litellm_deployment_state", "By its last outcome: 0 healthy, 1 failing.", "gauge");
	for (unsigned row = 0; row < p->slots; row++)
		if (p->owner[row] != NULL && board_outcome_read(p->board, row, &o)) {
			print_series(p, "litellm_deployment_state", "", of_state, row, NULL);
			buf_print(p->out, "%d\n", o.error != 0);
		}
}

static void
print_gateway(struct page *p)
{
	for (unsigned i = 0; i < nitems(of_gateway); i++) {
		print_head(p->out, of_gateway[i].name, of_gateway[i].help, "counter");
		buf_print(p->out, of_gateway[i].labels != NULL ? "%s{%s} " : "%s%s ", of_gateway[i].name, of_gateway[i].labels != NULL ? of_gateway[i].labels : "");
		buf_print(p->out, "%" PRIu64 "\n", board_counted(p->board, of_gateway[i].counter));
	}
}

static unsigned
narrow_alive(const struct board_file *f)
{
	unsigned used = word_get32(&f->header.narrow_used), n = 0;

	for (unsigned i = 0; i < used; i++)
		n += (word_get(&f->narrow[i]) & NARROW_TAKEN) != 0;
	return (n);
}

static unsigned
wide_alive(const struct board_file *f)
{
	unsigned used = word_get32(&f->header.wide_used), n = 0;

	for (unsigned i = 0; i < used; i++)
		n += word_get32(&f->wide[i].taken) != 0;
	return (n);
}

static void
print_workers(struct page *p)
{
	const struct board_file *f = p->board->file;
	unsigned used = word_get32(&f->header.wide_used);
	int64_t now_us = clock_us();

	print_head(p->out, "sluice_workers", "Processes alive: event loops (wide), one request at a time (narrow).", "gauge");
	buf_print(p->out, "sluice_workers{kind=\"wide\"} %u\nsluice_workers{kind=\"narrow\"} %u\n", wide_alive(f), narrow_alive(f));
	print_head(p->out, "sluice_worker_open_exchanges", "Requests a worker has open.", "gauge");
	for (unsigned i = 0; i < used; i++)
		if (word_get32(&f->wide[i].taken) != 0)
			buf_print(p->out, "sluice_worker_open_exchanges{worker=\"%u\"} %u\n", i, word_get32(&f->wide[i].open));
	print_head(p->out, "sluice_worker_uptime_seconds", "Seconds since the worker began.", "gauge");
	for (unsigned i = 0; i < used; i++)
		if (word_get32(&f->wide[i].taken) != 0)
			buf_print(p->out, "sluice_worker_uptime_seconds{worker=\"%u\"} %.3f\n", i,
			    (double)(now_us - atomic_load_explicit(&f->wide[i].since_us, memory_order_relaxed)) / 1e6);
	print_head(p->out, "sluice_uptime_seconds", "Seconds since the counters began.", "gauge");
	buf_print(p->out, "sluice_uptime_seconds %.3f\n", (double)(now_us - f->header.made_us) / 1e6);
	print_head(p->out, "sluice_build_info", "The version that answers.", "gauge");
	buf_lit(p->out, "sluice_build_info{version=\"" SLUICE_VERSION "\"} 1\n");
}

static void
find_owners(struct page *p, const struct config *config)
{
	for (size_t i = 0; i < config->n_deployments; i++) {
		unsigned slot = board_deployment(p->board, config->deployments[i]->id);

		if (slot != BOARD_OTHER && p->owner[slot] == NULL)
			p->owner[slot] = config->deployments[i];
	}
	p->slots = board_deployments(p->board);
}

static void
print_in_flight(struct page *p)
{
	const struct metrics_rule *rule;

	if (!is_wanted(p, "litellm_in_flight_requests", &rule))
		return;
	print_head(p->out, "litellm_in_flight_requests", "Requests open now, on all workers.", "gauge");
	buf_print(p->out, "litellm_in_flight_requests %u\n", board_all_open(p->board));
}

bool
metrics_wants(const struct settings *s, const char *name)
{
	const struct metrics_rule *rule;

	return (is_wanted(&(struct page){ .settings = s }, name, &rule));
}

void
metrics_label(struct buf *out, const char *name, struct text value)
{
	buf_text(out, text_of(name));
	buf_lit(out, "=\"");
	print_escaped(out, value);
	buf_byte(out, '"');
}

void
metrics_print(struct buf *out, struct board *b, const struct config *config)
{
	struct page page = { .out = out, .board = b, .settings = &config->settings };

	board_sweep(b);				/* the dead have nothing open */
	find_owners(&page, config);
	print_answers(&page, "litellm_proxy_total_requests_metric_total", "Requests answered, by caller, model and status.", of_proxy, false);
	print_answers(&page, "litellm_proxy_failed_requests_metric_total", "Requests that ended in an error.", of_proxy, true);
	print_in_flight(&page);
	print_callers(&page);
	print_limits(&page);
	print_deployments(&page);
	print_times(&page);
	print_states(&page);
	print_gateway(&page);
	print_workers(&page);
}
