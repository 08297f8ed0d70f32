/* SPDX-License-Identifier: Apache-2.0 */
/* The Prometheus page, from tables: LiteLLM's names for what a deployment did, our own for the gateway. */
#include "board/board_priv.h"

#include "base/clock.h"
#include "base/json.h"
#include "config/config.h"

#include <inttypes.h>
#include <stdio.h>

/* Who has each slot, in this configuration; NULL: nobody, it belongs to "other". */
struct page {
	struct buf	*out;
	struct board	*board;
	unsigned	 slots;
	const struct deployment *owner[BOARD_DEPLOYMENTS];
};

/* A deployment's labels.  model_id is in every set: without it two deployments of one model and base would be one series twice. */
enum label { REQUESTED_MODEL, MODEL_GROUP, FALLBACK_MODEL, LITELLM_MODEL_NAME, MODEL, MODEL_ID, API_BASE, API_PROVIDER, NO_LABEL };

static const struct {
	const char	*name;
	size_t		 text;			/* in struct deployment */
} labels[] = {
	[REQUESTED_MODEL] =    { "requested_model",    offsetof(struct deployment, group) },
	[MODEL_GROUP] =	       { "model_group",	       offsetof(struct deployment, group) },
	[FALLBACK_MODEL] =     { "fallback_model",     offsetof(struct deployment, group) },
	[LITELLM_MODEL_NAME] = { "litellm_model_name", offsetof(struct deployment, litellm_model) },
	[MODEL] =	       { "model",	       offsetof(struct deployment, model) },
	[MODEL_ID] =	       { "model_id",	       offsetof(struct deployment, id) },
	[API_BASE] =	       { "api_base",	       offsetof(struct deployment, api_base) },
	[API_PROVIDER] =       { "api_provider",       0 /* its vendor's prefix */ },
};

typedef const enum label label_set[6];
static label_set of_request    = { REQUESTED_MODEL, MODEL_ID, NO_LABEL };
static label_set of_model      = { REQUESTED_MODEL, MODEL, MODEL_ID, NO_LABEL };
static label_set of_deployment = { REQUESTED_MODEL, LITELLM_MODEL_NAME, MODEL_ID, API_BASE, API_PROVIDER, NO_LABEL };
static label_set of_state      = { LITELLM_MODEL_NAME, MODEL_ID, API_BASE, API_PROVIDER, NO_LABEL };
static label_set of_overhead   = { MODEL_GROUP, LITELLM_MODEL_NAME, MODEL_ID, API_BASE, API_PROVIDER, NO_LABEL };
static label_set of_fallback   = { FALLBACK_MODEL, MODEL_ID, NO_LABEL };

#define ONE(c)	(1U << (c))

/* Rows of one name stand together: they share HELP and TYPE. */
static const struct {
	const char	*name, *help;
	const enum label *labels;
	const char	*extra;			/* further labels, or NULL */
	unsigned	 counters;		/* their sum */
} of_deployments[] = {
	{ "litellm_requests_metric_total", "Calls that a deployment answered.", of_model, NULL, ONE(DEP_SUCCESS) },
	{ "litellm_total_tokens_metric_total", "Tokens in and out.", of_model, NULL, ONE(DEP_TOKENS_IN) | ONE(DEP_TOKENS_OUT) },
	{ "litellm_input_tokens_metric_total", "Prompt tokens, cached ones too.", of_model, NULL, ONE(DEP_TOKENS_IN) },
	{ "litellm_output_tokens_metric_total", "Completion tokens, reasoning too.", of_model, NULL, ONE(DEP_TOKENS_OUT) },
	{ "litellm_input_cached_tokens_metric_total", "Prompt tokens read from the vendor's cache.", of_model, NULL, ONE(DEP_TOKENS_CACHED) },
	{ "litellm_input_cache_creation_tokens_metric_total", "Prompt tokens written to the vendor's cache.", of_model, NULL,
	    ONE(DEP_TOKENS_WRITTEN) },
	{ "litellm_output_reasoning_tokens_metric_total", "Reasoning tokens.", of_model, NULL, ONE(DEP_TOKENS_REASONING) },
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

/* Name and labels; `extra` comes last, without a comma. */
static void
print_series(struct page *p, const char *name, const char *suffix, const enum label *set, unsigned slot, const char *extra)
{
	buf_text(p->out, text_of(name));
	buf_text(p->out, text_of(suffix));
	for (unsigned i = 0; set[i] != NO_LABEL; i++) {
		buf_byte(p->out, i > 0 ? ',' : '{');
		buf_text(p->out, text_of(labels[set[i]].name));
		buf_lit(p->out, "=\"");
		print_escaped(p->out, label_value(p->owner[slot], set[i]));
		buf_byte(p->out, '"');
	}
	if (extra != NULL) {
		buf_byte(p->out, ',');
		buf_text(p->out, text_of(extra));
	}
	buf_lit(p->out, "} ");
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
	for (unsigned i = 0; i < nitems(of_deployments); i++) {
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

static void
print_status(struct page *p, const char *name, unsigned row, unsigned which, bool failures)
{
	uint64_t sum = row_sum(p, row, board_answered, which);
	char status[16] = "other", extra[96];

	if (sum == 0 && (board_statuses[which] != 200 || p->owner[row] == NULL))
		return;
	if (board_statuses[which] != 0)
		snprintf(status, sizeof(status), "%d", board_statuses[which]);
	if (failures)
		snprintf(extra, sizeof(extra), "exception_status=\"%s\",exception_class=\"%s\"", status, exception_of(board_statuses[which]));
	else
		snprintf(extra, sizeof(extra), "status_code=\"%s\"", status);
	print_series(p, name, "", of_request, row, extra);
	buf_print(p->out, "%" PRIu64 "\n", sum);
}

static void
print_answers(struct page *p, const char *name, const char *help, bool failures)
{
	print_head(p->out, name, help, "counter");
	for (unsigned row = 0; row < p->slots; row++)
		for (unsigned which = 0; is_row(p, row) && which < BOARD_STATUSES; which++)
			if (!failures || board_statuses[which] != 200)
				print_status(p, name, row, which, failures);
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
	char le[HIST_BUCKETS][24];

	for (unsigned i = 0; i < nitems(of_times); i++) {
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
	struct outcome o;

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

void
metrics_print(struct buf *out, struct board *b, const struct config *config)
{
	struct page page = { .out = out, .board = b };

	board_sweep(b);				/* the dead have nothing open */
	find_owners(&page, config);
	print_answers(&page, "litellm_proxy_total_requests_metric_total", "Requests answered, by model and status.", false);
	print_answers(&page, "litellm_proxy_failed_requests_metric_total", "Requests that ended in an error.", true);
	print_head(out, "litellm_in_flight_requests", "Requests open now, on all workers.", "gauge");
	buf_print(out, "litellm_in_flight_requests %u\n", board_all_open(b));
	print_deployments(&page);
	print_times(&page);
	print_states(&page);
	print_gateway(&page);
	print_workers(&page);
}
