/* SPDX-License-Identifier: Apache-2.0 */
/* The Prometheus page, from one table of families: LiteLLM's names where it has one, our own for the rest of the gateway. */
#include "board/metrics_priv.h"

#include "base/clock.h"
#include "base/money.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS	256			/* of a slice, each of which prints a row, reads a place, or adds one to its row */

static label_set of_proxy      = { END_USER, HASHED_API_KEY, API_KEY_ALIAS, REQUESTED_MODEL, TEAM, TEAM_ALIAS, USER, USER_EMAIL, ROUTE, MODEL_ID,
	API_PROVIDER, NO_LABEL };
static label_set of_usage      = { END_USER, HASHED_API_KEY, API_KEY_ALIAS, MODEL, TEAM, TEAM_ALIAS, USER, USER_EMAIL, REQUESTED_MODEL, MODEL_ID,
	API_PROVIDER, NO_LABEL };
static label_set of_key_limit  = { HASHED_API_KEY, API_KEY_ALIAS, KEY_MODEL, NO_LABEL };
static label_set of_attempts   = { REQUESTED_MODEL, LITELLM_MODEL_NAME, MODEL_ID, API_BASE, API_PROVIDER, HASHED_API_KEY, API_KEY_ALIAS, TEAM, TEAM_ALIAS,
	NO_LABEL };
static label_set of_fallback   = { REQUESTED_MODEL, FALLBACK_MODEL, MODEL_ID, HASHED_API_KEY, API_KEY_ALIAS, TEAM, TEAM_ALIAS, NO_LABEL };
/* A histogram is 18 lines for each of its rows: of teams, and of keys and people only if that is asked for. */
static label_set of_times      = { REQUESTED_MODEL, MODEL_GROUP, MODEL, LITELLM_MODEL_NAME, MODEL_ID, API_BASE, API_PROVIDER, TEAM, TEAM_ALIAS,
	IF_NAMED, HASHED_API_KEY, API_KEY_ALIAS, USER, END_USER, NO_LABEL };
static label_set of_deployment = { GROUP_MODEL, LITELLM_MODEL_NAME, MODEL_ID, API_BASE, API_PROVIDER, NO_LABEL };
static label_set of_state      = { LITELLM_MODEL_NAME, MODEL_ID, API_BASE, API_PROVIDER, NO_LABEL };
static label_set of_vendor     = { MODEL_GROUP, LITELLM_MODEL_NAME, MODEL_ID, API_BASE, API_PROVIDER, NO_LABEL };

struct family;
typedef void add_f(struct metrics *, const struct family *, const struct series *);
typedef void print_f(struct buf *, struct metrics *, const struct family *);

static add_f	add_answers, add_counted, add_left, add_times;
static print_f	print_answers, print_failures, print_sum, print_dollars, print_left, print_times;
static print_f	print_in_flight, print_full, print_state, print_vendor, print_all_open, print_counter, print_workers, print_open, print_up, print_uptime,
	print_build;

#define ONE(c)		(1U << (c))
#define FAILED(status, class)	"exception_status=\"" status "\",exception_class=\"" class "\""

/* Rows of one name stand together, and only the first has a help: they share HELP and TYPE. */
static const struct family {
	const char	*name, *help, *type;
	enum { ONCE, DEPLOYMENTS, CALLERS } of;	/* whose rows */
	print_f		*print;
	unsigned	 which;			/* of what it prints; of counters a set, whose sum it is */
	const char	*extra;			/* further labels, or NULL */
	const enum label *labels;
	add_f		*add;			/* of callers */
} families[] = {
	{ "litellm_proxy_total_requests_metric_total", "Requests answered, by caller, model and status.", "counter", CALLERS, print_answers, 0, NULL,
	    of_proxy, add_answers },
	{ "litellm_proxy_failed_requests_metric_total", "Requests that ended in an error.", "counter", CALLERS, print_failures, 0, NULL, of_proxy, add_answers },
	{ "litellm_in_flight_requests", "Requests open now, on all workers.", "gauge", ONCE, print_all_open, 0, NULL, NULL, NULL },

	{ "litellm_requests_metric_total", "Calls that a deployment answered.", "counter", CALLERS, print_sum, ONE(SERIES_ANSWERED), NULL, of_usage,
	    add_counted },
	{ "litellm_spend_metric_total", "Dollars.", "counter", CALLERS, print_dollars, ONE(SERIES_SPEND), NULL, of_usage, add_counted },
	{ "litellm_total_tokens_metric_total", "Tokens in and out.", "counter", CALLERS, print_sum, ONE(SERIES_TOKENS_IN) | ONE(SERIES_TOKENS_OUT), NULL,
	    of_usage, add_counted },
	{ "litellm_input_tokens_metric_total", "Prompt tokens, cached ones too.", "counter", CALLERS, print_sum, ONE(SERIES_TOKENS_IN), NULL,
	    of_usage, add_counted },
	{ "litellm_output_tokens_metric_total", "Completion tokens, reasoning too.", "counter", CALLERS, print_sum, ONE(SERIES_TOKENS_OUT), NULL,
	    of_usage, add_counted },
	{ "litellm_input_cached_tokens_metric_total", "Prompt tokens read from the vendor's cache.", "counter", CALLERS, print_sum,
	    ONE(SERIES_TOKENS_CACHED), NULL, of_usage, add_counted },
	{ "litellm_input_cache_creation_tokens_metric_total", "Prompt tokens written to the vendor's cache.", "counter", CALLERS, print_sum,
	    ONE(SERIES_TOKENS_WRITTEN), NULL, of_usage, add_counted },
	{ "litellm_output_reasoning_tokens_metric_total", "Reasoning tokens.", "counter", CALLERS, print_sum, ONE(SERIES_TOKENS_REASONING), NULL,
	    of_usage, add_counted },

	{ "litellm_remaining_api_key_requests_for_model", "Requests a key's limit for a model leaves in this window, as of its last call.", "gauge", CALLERS,
	    print_left, SERIES_REQUESTS_LEFT, NULL, of_key_limit, add_left },
	{ "litellm_remaining_api_key_tokens_for_model", "The same of tokens.", "gauge", CALLERS, print_left, SERIES_TOKENS_LEFT, NULL, of_key_limit, add_left },

	{ "litellm_deployment_total_requests_total", "Attempts sent to the deployment.", "counter", CALLERS, print_sum, ONE(SERIES_TRIED), NULL,
	    of_attempts, add_counted },
	{ "litellm_deployment_success_responses_total", "Attempts it answered.", "counter", CALLERS, print_sum, ONE(SERIES_GOOD), NULL, of_attempts,
	    add_counted },
	{ "litellm_deployment_failure_responses_total", "Attempts that failed.", "counter", CALLERS, print_sum, ONE(SERIES_FAILED_RATE_LIMIT),
	    FAILED("429", "RateLimitError"), of_attempts, add_counted },
	{ "litellm_deployment_failure_responses_total", NULL, "counter", CALLERS, print_sum, ONE(SERIES_FAILED_TIMEOUT), FAILED("408", "Timeout"),
	    of_attempts, add_counted },
	{ "litellm_deployment_failure_responses_total", NULL, "counter", CALLERS, print_sum, ONE(SERIES_FAILED_AUTH), FAILED("401", "AuthenticationError"),
	    of_attempts, add_counted },
	{ "litellm_deployment_failure_responses_total", NULL, "counter", CALLERS, print_sum, ONE(SERIES_FAILED_OTHER), FAILED("other", "APIError"),
	    of_attempts, add_counted },
	{ "litellm_deployment_successful_fallbacks_total", "Requests that fell back to this model and were answered.", "counter", CALLERS, print_sum,
	    ONE(SERIES_FALLBACK_GOOD), NULL, of_fallback, add_counted },
	{ "litellm_deployment_failed_fallbacks_total", "Requests that fell back to this model in vain.", "counter", CALLERS, print_sum,
	    ONE(SERIES_FALLBACK_BAD), NULL, of_fallback, add_counted },

	{ "litellm_request_total_latency_metric", "Seconds from request to last byte.", "histogram", CALLERS, print_times, SERIES_TOTAL, NULL,
	    of_times, add_times },
	{ "litellm_llm_api_latency_metric", "Seconds the vendor took.", "histogram", CALLERS, print_times, SERIES_UPSTREAM, NULL, of_times, add_times },
	{ "litellm_llm_api_time_to_first_token_metric", "Seconds to the first token of a stream.", "histogram", CALLERS, print_times, SERIES_FIRST_TOKEN, NULL,
	    of_times, add_times },
	{ "litellm_overhead_latency_metric", "Seconds the gateway itself took.", "histogram", CALLERS, print_times, SERIES_OVERHEAD, NULL, of_times, add_times },
	{ "litellm_deployment_latency_per_output_token", "Seconds the vendor took for each token it wrote.", "histogram", CALLERS, print_times,
	    SERIES_PER_TOKEN, NULL, of_times, add_times },

	{ "sluice_deployment_in_flight", "Calls that are out now.", "gauge", DEPLOYMENTS, print_in_flight, 0, NULL, of_deployment, NULL },
	{ "sluice_deployment_passed_over_total", "Times a deployment was chosen and had no room: another was asked, or nobody.", "counter", DEPLOYMENTS,
	    print_full, DEP_FULL_RATES, "reason=\"rates\"", of_deployment, NULL },
	{ "sluice_deployment_passed_over_total", NULL, "counter", DEPLOYMENTS, print_full, DEP_FULL_MONEY, "reason=\"budget\"", of_deployment, NULL },
	{ "litellm_deployment_state", "By its last outcome: 0 healthy, 1 failing.", "gauge", DEPLOYMENTS, print_state, 0, NULL, of_state, NULL },
	{ "litellm_remaining_requests_metric", "Requests the vendor's own limit leaves, as its last answer said.", "gauge", DEPLOYMENTS, print_vendor,
	    VENDOR_REQUESTS, NULL, of_vendor, NULL },
	{ "litellm_remaining_tokens_metric", "The same of tokens.", "gauge", DEPLOYMENTS, print_vendor, VENDOR_TOKENS, NULL, of_vendor, NULL },

	{ "sluice_requests_total", "Requests by surface.", "counter", ONCE, print_counter, COUNT_REQUESTS_CHAT, "surface=\"chat\"", NULL, NULL },
	{ "sluice_requests_total", NULL, "counter", ONCE, print_counter, COUNT_REQUESTS_MESSAGES, "surface=\"messages\"", NULL, NULL },
	{ "sluice_requests_total", NULL, "counter", ONCE, print_counter, COUNT_REQUESTS_RESPONSES, "surface=\"responses\"", NULL, NULL },
	{ "sluice_requests_total", NULL, "counter", ONCE, print_counter, COUNT_REQUESTS_COMPLETIONS, "surface=\"completions\"", NULL, NULL },
	{ "sluice_requests_total", NULL, "counter", ONCE, print_counter, COUNT_REQUESTS_EMBEDDINGS, "surface=\"embeddings\"", NULL, NULL },
	{ "sluice_requests_total", NULL, "counter", ONCE, print_counter, COUNT_REQUESTS_OTHER, "surface=\"other\"", NULL, NULL },
	{ "sluice_refused_total", "Requests the gateway itself answered with a 4xx.", "counter", ONCE, print_counter, COUNT_REFUSED, NULL, NULL, NULL },
	{ "sluice_clients_left_total", "Clients that left before their answer was complete.", "counter", ONCE,
	    print_counter, COUNT_LEFT, NULL, NULL, NULL },
	{ "sluice_streams_cut_total", "Streams that broke after they began.", "counter", ONCE, print_counter, COUNT_CUT, NULL, NULL, NULL },
	{ "sluice_bad_records_total", "Malformed FastCGI record streams.", "counter", ONCE, print_counter, COUNT_BAD_RECORDS, NULL, NULL, NULL },
	{ "sluice_fallbacks_total", "Requests that went on to another group.", "counter", ONCE, print_counter, COUNT_FALLBACKS, NULL, NULL, NULL },
	{ "sluice_retries_total", "Further attempts within a group.", "counter", ONCE, print_counter, COUNT_RETRIES, NULL, NULL, NULL },
	{ "sluice_memcached_failures_total", "Questions to memcached that were not answered in time.", "counter", ONCE,
	    print_counter, COUNT_MEMCACHED_FAILURES, NULL, NULL, NULL },
	{ "sluice_limits_uncounted_total", "Requests whose rate limits found no room to be counted.", "counter", ONCE,
	    print_counter, COUNT_UNCOUNTED, NULL, NULL, NULL },
	{ "sluice_prompts_dropped_total", "Prompts and answers that were to be stored, and are not: the disk was slow or full.", "counter", ONCE,
	    print_counter, COUNT_PROMPTS_DROPPED, NULL, NULL, NULL },

	{ "sluice_workers", "Processes alive: event loops (wide), one request at a time (narrow).", "gauge", ONCE, print_workers, 0, NULL, NULL, NULL },
	{ "sluice_worker_open_exchanges", "Requests a worker has open.", "gauge", ONCE, print_open, 0, NULL, NULL, NULL },
	{ "sluice_worker_uptime_seconds", "Seconds since the worker began.", "gauge", ONCE, print_up, 0, NULL, NULL, NULL },
	{ "sluice_uptime_seconds", "Seconds since the counters began.", "gauge", ONCE, print_uptime, 0, NULL, NULL, NULL },
	{ "sluice_build_info", "The version that answers.", "gauge", ONCE, print_build, 0, NULL, NULL, NULL },
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

/* lines */

/* `with`: labels, a comma behind each; `extra` comes last, without one. */
static void
print_line(struct buf *out, const char *name, const char *suffix, struct text with, const char *extra)
{
	buf_text(out, text_of(name));
	buf_text(out, text_of(suffix));
	if (extra == NULL && with.len > 0)
		with.len--;
	if (with.len == 0 && extra == NULL) {
		buf_byte(out, ' ');
		return;
	}
	buf_byte(out, '{');
	buf_text(out, with);
	buf_text(out, text_of(extra));
	buf_lit(out, "} ");
}

static void
print_value(struct buf *out, uint64_t value)
{
	buf_int(out, (int64_t)value);
	buf_byte(out, '\n');
}

/* of callers */

static void
add_counted(struct metrics *m, const struct family *f, const struct series *s)
{
	for (unsigned i = 0; i < SERIES_COUNTERS; i++)
		if (f->which & ONE(i))
			m->sums.n[0] += word_get(&s->counted[i]);
}

static void
add_answers(struct metrics *m, const struct family *f, const struct series *s)
{
	(void)f;
	for (unsigned i = 0; i < BOARD_STATUSES; i++)
		m->sums.n[i] += word_get(&s->answers[i]);
}

static void
add_times(struct metrics *m, const struct family *f, const struct series *s)
{
	for (unsigned i = 0; i < SERIES_BUCKETS; i++)
		m->sums.n[i] += word_get(&s->timed[f->which].buckets[i]);
	m->sums.us += word_get(&s->timed[f->which].us);
}

static void
add_left(struct metrics *m, const struct family *f, const struct series *s)
{
	int64_t left = (int64_t)word_get(&s->left[f->which]) - 1;
	uint32_t second = word_get32(&s->second);

	if (left < 0 || second < m->sums.second)
		return;
	m->sums.left = left;
	m->sums.second = second;
}

static void
print_sum(struct buf *out, struct metrics *m, const struct family *f)
{
	if (m->sums.n[0] == 0)
		return;
	print_line(out, f->name, "", row_labels(&m->rows, m->row), f->extra);
	print_value(out, m->sums.n[0]);
}

static void
print_dollars(struct buf *out, struct metrics *m, const struct family *f)
{
	if (m->sums.n[0] == 0)
		return;
	print_line(out, f->name, "", row_labels(&m->rows, m->row), NULL);
	money_print(out, (int64_t)m->sums.n[0]);
	buf_byte(out, '\n');
}

static void
print_left(struct buf *out, struct metrics *m, const struct family *f)
{
	if (m->sums.left < 0)
		return;
	print_line(out, f->name, "", row_labels(&m->rows, m->row), NULL);
	print_value(out, (uint64_t)m->sums.left);
}

static const char *
exception_of(int status)
{
	for (unsigned i = 0; i < nitems(exceptions); i++)
		if (exceptions[i].status == status)
			return (exceptions[i].class);
	return ("APIError");
}

static void
print_status(struct buf *out, struct metrics *m, const struct family *f, unsigned which, bool failure)
{
	char status[16] = "other", extra[96];

	if (m->sums.n[which] == 0)
		return;
	if (board_statuses[which] != 0)
		snprintf(status, sizeof(status), "%d", board_statuses[which]);
	if (failure)
		snprintf(extra, sizeof(extra), FAILED("%s", "%s"), status, exception_of(board_statuses[which]));
	else
		snprintf(extra, sizeof(extra), "status_code=\"%s\"", status);
	print_line(out, f->name, "", row_labels(&m->rows, m->row), extra);
	print_value(out, m->sums.n[which]);
}

static void
print_answers(struct buf *out, struct metrics *m, const struct family *f)
{
	for (unsigned which = 0; which < BOARD_STATUSES; which++)
		print_status(out, m, f, which, false);
}

static void
print_failures(struct buf *out, struct metrics *m, const struct family *f)
{
	for (unsigned which = 0; which < BOARD_STATUSES; which++)
		if (board_statuses[which] != 200)
			print_status(out, m, f, which, true);
}

static void
print_times(struct buf *out, struct metrics *m, const struct family *f)
{
	struct text with = row_labels(&m->rows, m->row);
	uint64_t so_far = 0;

	for (unsigned i = 0; i < SERIES_BUCKETS; i++)
		so_far += m->sums.n[i];
	if (so_far == 0)
		return;
	so_far = 0;
	for (unsigned i = 0; i < SERIES_BUCKETS; i++) {
		print_line(out, f->name, "_bucket", with, m->le[i]);
		print_value(out, so_far += m->sums.n[i]);
	}
	print_line(out, f->name, "_sum", with, NULL);
	buf_print(out, "%.6f\n", (double)m->sums.us / 1e6);
	print_line(out, f->name, "_count", with, NULL);
	print_value(out, so_far);
}

static void
write_bounds(struct metrics *m, enum series_time which)
{
	for (unsigned i = 0; i < SERIES_BUCKETS - 1; i++)
		snprintf(m->le[i], sizeof(m->le[i]), "le=\"%g\"", series_bounds[which][i]);
	strcpy(m->le[SERIES_BUCKETS - 1], "le=\"+Inf\"");
}

/* of deployments: those with an owner, and BOARD_OTHER, whose value is that of all without */

static void
print_deployment(struct buf *out, struct metrics *m, const struct family *f)
{
	struct buf with = { 0 };

	metrics_labels(&with, m, f->labels, NULL, m->row, NULL);
	print_line(out, f->name, "", buf_as_text(&with), f->extra);
	buf_free(&with);
}

typedef uint64_t count_f(const struct board *, unsigned slot, unsigned which);

static void
print_count(struct buf *out, struct metrics *m, const struct family *f, count_f *count)
{
	uint64_t sum = 0;

	if (m->row != BOARD_OTHER)
		sum = count(m->board, m->row, f->which);
	for (unsigned slot = 0; m->row == BOARD_OTHER && slot < m->slots; slot++)
		if (m->owner[slot] == NULL)
			sum += count(m->board, slot, f->which);
	if (sum == 0 && m->owner[m->row] == NULL)
		return;
	print_deployment(out, m, f);
	print_value(out, sum);
}

static uint64_t
count_in_flight(const struct board *b, unsigned slot, unsigned unused)
{
	(void)unused;
	return (board_in_flight_sum(b, slot));
}

static uint64_t
count_full(const struct board *b, unsigned slot, unsigned which)
{
	return (board_counted_deployment(b, slot, which));
}

static void
print_in_flight(struct buf *out, struct metrics *m, const struct family *f)
{
	print_count(out, m, f, count_in_flight);
}

static void
print_full(struct buf *out, struct metrics *m, const struct family *f)
{
	print_count(out, m, f, count_full);
}

/* What is not yet known has no line. */
static void
print_state(struct buf *out, struct metrics *m, const struct family *f)
{
	struct outcome o;

	if (m->owner[m->row] == NULL || !board_outcome_read(m->board, m->row, &o))
		return;
	print_deployment(out, m, f);
	print_value(out, o.error != 0);
}

static void
print_vendor(struct buf *out, struct metrics *m, const struct family *f)
{
	int64_t left = m->owner[m->row] != NULL ? board_vendor_left_read(m->board, m->row, f->which) : -1;

	if (left < 0)
		return;
	print_deployment(out, m, f);
	print_value(out, (uint64_t)left);
}

/* of the gateway */

static void
print_all_open(struct buf *out, struct metrics *m, const struct family *f)
{
	print_line(out, f->name, "", TEXT(""), NULL);
	print_value(out, board_all_open(m->board));
}

static void
print_counter(struct buf *out, struct metrics *m, const struct family *f)
{
	print_line(out, f->name, "", TEXT(""), f->extra);
	print_value(out, board_counted(m->board, f->which));
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
print_workers(struct buf *out, struct metrics *m, const struct family *f)
{
	buf_print(out, "%s{kind=\"wide\"} %u\n%s{kind=\"narrow\"} %u\n", f->name, wide_alive(m->board->file), f->name, narrow_alive(m->board->file));
}

static void
print_open(struct buf *out, struct metrics *m, const struct family *f)
{
	const struct board_file *file = m->board->file;

	for (unsigned i = 0; i < word_get32(&file->header.wide_used); i++)
		if (word_get32(&file->wide[i].taken) != 0)
			buf_print(out, "%s{worker=\"%u\"} %u\n", f->name, i, word_get32(&file->wide[i].open));
}

static double
seconds_since(int64_t us)
{
	return ((double)(clock_us() - us) / 1e6);
}

static void
print_up(struct buf *out, struct metrics *m, const struct family *f)
{
	const struct board_file *file = m->board->file;

	for (unsigned i = 0; i < word_get32(&file->header.wide_used); i++)
		if (word_get32(&file->wide[i].taken) != 0)
			buf_print(out, "%s{worker=\"%u\"} %.3f\n", f->name, i,
			    seconds_since(atomic_load_explicit(&file->wide[i].since_us, memory_order_relaxed)));
}

static void
print_uptime(struct buf *out, struct metrics *m, const struct family *f)
{
	buf_print(out, "%s %.3f\n", f->name, seconds_since(m->board->file->header.made_us));
}

static void
print_build(struct buf *out, struct metrics *m, const struct family *f)
{
	(void)m;
	buf_print(out, "%s{version=\"" SLUICE_VERSION "\"} 1\n", f->name);
}

/* the page */

/*
 * Do the operator's rules (prometheus_metrics_config) want that metric; *rule: the one that says with which labels, or NULL.  What is ours is always
 * told.
 */
static bool
is_wanted(const struct settings *s, const char *name, const struct metrics_rule **rule)
{
	struct text plain = text_of(name);

	*rule = NULL;
	if (s->n_metrics_rules == 0 || text_starts(plain, TEXT("sluice_")))
		return (true);
	if (text_ends(plain, TEXT("_total")))
		plain.len -= strlen("_total");
	for (size_t i = 0; i < s->n_metrics_rules; i++)
		for (size_t k = 0; k < s->metrics_rules[i].n_metrics; k++)
			if (text_eq(s->metrics_rules[i].metrics[k], plain) || text_is(s->metrics_rules[i].metrics[k], name)) {
				*rule = &s->metrics_rules[i];
				return (true);
			}
	return (false);
}

bool
metrics_wants(const struct settings *s, const char *name)
{
	const struct metrics_rule *rule;

	return (is_wanted(s, name, &rule));
}

static void
row_begin(struct metrics *m, unsigned row)
{
	m->row = row;
	m->place = 0;
	m->sums = (struct sums){ .left = -1 };
}

/* Families of the same labels read their rows once.  False: nobody wants it. */
static bool
family_begin(struct buf *out, struct metrics *m, const struct family *f)
{
	const struct metrics_rule *rule;

	if (!is_wanted(m->settings, f->name, &rule))
		return (false);
	if (f->of == CALLERS && (m->rows.labels != f->labels || m->rows.rule != rule))
		rows_begin(&m->rows, m->board, f->labels, rule);
	if (f->add == add_times)
		write_bounds(m, f->which);
	if (f->help != NULL)
		buf_print(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, f->type);
	row_begin(m, 0);
	return (true);
}

/* A step of a family; false: it has no more. */
static bool
step_callers(struct buf *out, struct metrics *m, const struct family *f)
{
	const struct series *s;

	if (rows_more(m))
		return (true);
	if (m->row >= m->rows.n)
		return (false);
	if ((s = row_next(m, m->row, &m->place)) != NULL) {
		f->add(m, f, s);
		return (true);
	}
	f->print(out, m, f);
	row_begin(m, m->row + 1);
	return (true);
}

static bool
step(struct buf *out, struct metrics *m, const struct family *f)
{
	if (f->of == CALLERS)
		return (step_callers(out, m, f));
	if (m->row >= (f->of == ONCE ? 1 : m->slots))
		return (false);
	if (f->of == ONCE || m->row == BOARD_OTHER || m->owner[m->row] != NULL)
		f->print(out, m, f);
	row_begin(m, m->row + 1);
	return (true);
}

bool
metrics_more(struct buf *out, struct metrics *m)
{
	size_t most = out->len + METRICS_SLICE;

	series_reads(m->board, true);
	for (unsigned i = 0; i < STEPS && out->len < most && m->family < nitems(families); i++) {
		const struct family *f = &families[m->family];

		m->begun = m->begun ? step(out, m, f) : family_begin(out, m, f);
		if (!m->begun)
			m->family++;
	}
	return (m->family < nitems(families));
}

static void
find_owners(struct metrics *m, const struct config *config)
{
	for (size_t i = 0; i < config->n_deployments; i++) {
		unsigned slot = board_deployment(m->board, config->deployments[i]->id);

		if (slot != BOARD_OTHER && m->owner[slot] == NULL)
			m->owner[slot] = config->deployments[i];
	}
	m->slots = board_deployments(m->board);
}

struct metrics *
metrics_begin(struct board *b, const struct config *config)
{
	struct metrics *m = must_zalloc(sizeof(*m));

	m->board = b;
	m->settings = &config->settings;
	board_sweep(b);				/* the dead have nothing open */
	find_owners(m, config);
	return (m);
}

void
metrics_end(struct metrics *m)
{
	if (m == NULL)
		return;
	series_reads(m->board, false);
	rows_free(&m->rows);
	free(m);
}
