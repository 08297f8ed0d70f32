/* SPDX-License-Identifier: Apache-2.0 */
/* The Prometheus page, read back by the rules of text format 0.0.4. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "board/board_priv.h"
#include "board/metrics.h"
#include "config/config.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLES	8192
#define MOST	160			/* callers that are told apart */
#define HISTOGRAM_MOST	(18 * 1024)	/* what may stand behind a slice that is nearly full */

struct sample {
	char	 name[96];
	char	 labels[768];		/* as printed, without braces */
	double	 value;
};

struct page {
	struct buf	 text;
	struct sample	 samples[SAMPLES];
	unsigned	 n, slices;
	char		 type[32], typed[96];	/* of the family under way */
};

static char dir[64];
static struct page page;

/* reading a page */

static const char *
read_name(const char *at, char *name, size_t room)
{
	size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:");

	assert_true(n > 0 && n < room && !isdigit((unsigned char)at[0]));
	memcpy(name, at, n);
	name[n] = '\0';
	return (at + n);
}

static const char *
read_label(const char *at)
{
	char name[64];

	at = read_name(at, name, sizeof(name));
	assert_true(at[0] == '=' && at[1] == '"');
	for (at += 2; *at != '"'; at++) {
		assert_true((unsigned char)*at >= 0x20);
		if (*at == '\\') {
			at++;
			assert_true(*at == '\\' || *at == '"' || *at == 'n');
		}
	}
	return (at + 1);
}

static const char *
read_labels(const char *at, struct sample *s)
{
	const char *from = at + 1;

	if (*at != '{')
		return (at);
	do
		at = read_label(at + 1);
	while (*at == ',');
	assert_true(*at == '}' && (size_t)(at - from) < sizeof(s->labels));
	memcpy(s->labels, from, (size_t)(at - from));
	return (at + 1);
}

static bool
in_family(const struct page *p, const char *name)
{
	size_t n = strlen(p->typed);
	const char *rest = name + n;

	if (strncmp(name, p->typed, n) != 0)
		return (false);
	if (strcmp(p->type, "histogram") == 0)
		return (strcmp(rest, "_bucket") == 0 || strcmp(rest, "_sum") == 0 || strcmp(rest, "_count") == 0);
	return (*rest == '\0' && (strcmp(p->type, "counter") != 0 || text_ends(text_of(name), TEXT("_total"))));
}

static void
read_sample(struct page *p, const char *line)
{
	struct sample *s = &p->samples[p->n++];
	char *end;

	assert_true(p->n < SAMPLES);
	memset(s, 0, sizeof(*s));
	line = read_labels(read_name(line, s->name, sizeof(s->name)), s);
	assert_int_equal(*line, ' ');
	s->value = strtod(line + 1, &end);
	assert_true(end > line + 1 && *end == '\0');
	assert_true(in_family(p, s->name));
	for (unsigned i = 0; i + 1 < p->n; i++)	/* no series twice */
		assert_true(strcmp(p->samples[i].name, s->name) != 0 || strcmp(p->samples[i].labels, s->labels) != 0);
}

static void
read_line(struct page *p, const char *line)
{
	char was[96];

	if (strncmp(line, "# TYPE ", 7) != 0) {
		if (strncmp(line, "# HELP ", 7) != 0)
			read_sample(p, line);
		return;
	}
	strcpy(was, p->typed);
	assert_int_equal(sscanf(line, "# TYPE %95s %31s", p->typed, p->type), 2);
	assert_true(strcmp(p->type, "counter") == 0 || strcmp(p->type, "gauge") == 0 || strcmp(p->type, "histogram") == 0);
	assert_string_not_equal(was, p->typed);
	for (unsigned i = 0; i < p->n; i++)		/* a family stands in one piece */
		assert_false(in_family(p, p->samples[i].name));
}

static void (*meanwhile)(struct board *);	/* after the first slice of a page */

static void
read_page(struct board *b, const struct config *config)
{
	struct metrics *m = metrics_begin(b, config);
	size_t had = 0;
	bool more;

	buf_free(&page.text);
	page.n = page.slices = 0;
	page.typed[0] = '\0';
	do {
		more = metrics_more(&page.text, m);
		assert_true(page.text.len - had < METRICS_SLICE + HISTOGRAM_MOST);
		had = page.text.len;
		if (page.slices++ == 0 && meanwhile != NULL)
			meanwhile(b);
	} while (more);
	metrics_end(m);
	assert_true(page.text.len > 0 && page.text.at[page.text.len - 1] == '\n');
	buf_byte(&page.text, '\0');
	for (char *line = strtok(page.text.at, "\n"); line != NULL; line = strtok(NULL, "\n"))
		read_line(&page, line);
}

/* The value of a series; the labels are given whole, or as a part that only one has. */
static double
value_of(const char *name, const char *labels)
{
	const struct sample *found = NULL;

	for (unsigned i = 0; i < page.n; i++)
		if (strcmp(page.samples[i].name, name) == 0 && strstr(page.samples[i].labels, labels) != NULL) {
			if (found != NULL)
				fail_msg("%s{…%s…} is not one", name, labels);
			found = &page.samples[i];
		}
	return (found != NULL ? found->value : -1);
}

/* a configuration */

static const struct vendor openai = { .prefix = "openai" };
static struct deployment first = { .id = { "d1", 2 }, .group = { "gpt", 3 }, .litellm_model = { "openai/gpt-4o", 13 }, .model = { "gpt-4o", 6 },
	.api_base = { "https://api.example/v1", 22 }, .vendor = &openai };
static struct deployment second = { .id = { "d2", 2 }, .group = { "gpt", 3 }, .litellm_model = { "openai/gpt-4o", 13 }, .model = { "gpt-4o", 6 },
	.api_base = { "https://api.example/v1", 22 }, .vendor = &openai };
static struct deployment hostile = { .id = { "quo\"te", 6 }, .group = { "back\\slash\nline", 15 }, .litellm_model = { "tab\there", 8 },
	.model = { "latin\xe4\xff", 7 }, .api_base = { "", 0 }, .vendor = NULL };
static struct deployment *deployments[] = { &first, &second, &hostile };
static struct config config = { .deployments = deployments, .n_deployments = 3 };

static struct board *
open_board(enum seat_kind kind)
{
	struct buf why = { 0 };
	struct board *b = board_open(dir, "m", kind, &why);

	assert_non_null(b);
	assert_true(series_room(b, MOST, &why));
	buf_free(&why);
	return (b);
}

/* A call of "gpt", by a key of that user. */
static void
call_of(struct board *b, const char *user, unsigned deployment, int status, uint64_t tokens, unsigned most)
{
	char alias[32];
	struct series_call c = { .deployment = deployment, .status = board_status(status), .left = { -1, 100 - (int64_t)tokens },
		.counted = { [SERIES_ANSWERED] = deployment != BOARD_OTHER && status == 200, [SERIES_SPEND] = tokens, [SERIES_TOKENS_IN] = tokens, [SERIES_TOKENS_OUT] = tokens / 9 } };

	for (unsigned i = 0; i < SERIES_LABELS; i++)
		c.label[i] = TEXT("");
	snprintf(alias, sizeof(alias), "%s's", user);
	c.label[SERIES_MODEL] = TEXT("gpt");
	c.label[SERIES_ROUTE] = TEXT("/v1/chat/completions");
	c.label[SERIES_KEY] = c.label[SERIES_USER] = text_of(user);
	if (user[0] != '\0')
		c.label[SERIES_KEY_ALIAS] = text_of(alias);
	series_count(b, &c, most);
}

static void
call(struct board *b, const char *user, unsigned deployment, int status, uint64_t tokens)
{
	call_of(b, user, deployment, status, tokens, MOST);
}

/* What became of attempts of a key of team t1. */
static void
attempts(struct board *b, unsigned deployment, enum series_counter which, uint64_t n)
{
	struct series_call c = { .deployment = deployment, .status = BOARD_STATUSES, .left = { -1, -1 } };

	for (unsigned i = 0; i < SERIES_LABELS; i++)
		c.label[i] = TEXT("");
	c.label[SERIES_KEY] = TEXT("eve");
	c.label[SERIES_TEAM] = TEXT("t1");
	c.label[SERIES_MODEL] = TEXT("gpt");
	c.counted[which] = n;
	series_count(b, &c, MOST);
}

/* A call of that team, timed in all ways. */
static void
timed(struct board *b, unsigned deployment, const char *key, const char *team, int64_t us)
{
	struct series_call c = { .deployment = deployment, .status = BOARD_STATUSES, .left = { -1, -1 } };

	for (unsigned i = 0; i < SERIES_LABELS; i++)
		c.label[i] = TEXT("");
	c.label[SERIES_KEY] = text_of(key);
	c.label[SERIES_TEAM] = text_of(team);
	c.label[SERIES_MODEL] = TEXT("gpt");
	for (unsigned i = 0; i < SERIES_TIMES; i++) {
		c.timed[i] = true;
		c.us[i] = us;
	}
	series_count(b, &c, MOST);
}

static int
make_dir(void **state)
{
	strcpy(dir, "/tmp/metrics_test.XXXXXX");
	return (mkdtemp(dir) == NULL);
}

static int
remove_dir(void **state)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/m.board", dir);
	unlink(path);
	buf_free(&page.text);
	return (rmdir(dir));
}

static void
an_idle_gateway_has_a_page(void **state)
{
	struct board *b = open_board(SEAT_WIDE);

	read_page(b, &config);
	assert_true(value_of("sluice_build_info", "version=\"" SLUICE_VERSION "\"") == 1);
	assert_true(value_of("sluice_workers", "wide") == 1);
	assert_true(value_of("sluice_workers", "narrow") == 0);
	assert_true(value_of("litellm_in_flight_requests", "") == 0);
	assert_true(value_of("sluice_deployment_passed_over_total", "model_id=\"d1\",api_base=\"https://api.example/v1\",api_provider=\"openai\",reason=\"budget\"") == 0);
	assert_true(value_of("litellm_request_total_latency_metric_count", "model_id=\"d1\"") == -1);
	assert_true(value_of("litellm_deployment_state", "model_id=\"d1\"") == -1);
	assert_true(value_of("sluice_uptime_seconds", "") >= 0);
	board_close(b);
}

static void
what_was_counted_is_shown(void **state)
{
	struct board *b = open_board(SEAT_WIDE), *other = open_board(SEAT_NARROW);
	unsigned d1 = board_deployment(b, TEXT("d1"));

	board_open_exchanges(b, 2);
	board_open_exchanges(other, 1);
	board_in_flight(b, d1, 1);
	board_count_deployment(b, d1, DEP_FULL_RATES, 2);
	board_vendor_left(b, d1, (const int64_t[]){ 59, -1 });
	attempts(b, d1, SERIES_TRIED, 9);
	attempts(other, d1, SERIES_TRIED, 1);
	attempts(b, d1, SERIES_FAILED_TIMEOUT, 3);
	attempts(b, d1, SERIES_FALLBACK_GOOD, 1);
	call(b, "ann", d1, 200, 100);
	call(b, "ann", d1, 429, 0);
	call(b, "ann", d1, 418, 0);
	call(b, "", BOARD_OTHER, 400, 0);
	board_count(b, COUNT_REQUESTS_MESSAGES, 4);
	board_outcome(b, d1, &(struct outcome){ .at_wall_ms = 5, .status = 502, .error = 3 });
	read_page(b, &config);
	assert_true(value_of("litellm_in_flight_requests", "") == 3);
	assert_true(value_of("sluice_worker_open_exchanges", "worker=\"0\"") == 2);
	assert_true(value_of("sluice_deployment_in_flight", "model_id=\"d1\"") == 1);
	assert_true(value_of("litellm_deployment_total_requests_total",
	    "requested_model=\"gpt\",litellm_model_name=\"openai/gpt-4o\",model_id=\"d1\",api_base=\"https://api.example/v1\",api_provider=\"openai\","
	    "hashed_api_key=\"eve\",team=\"t1\"") == 10);
	assert_true(value_of("litellm_deployment_failure_responses_total", "model_id=\"d1\",api_base=\"https://api.example/v1\","
	    "api_provider=\"openai\",hashed_api_key=\"eve\",team=\"t1\",exception_status=\"408\",exception_class=\"Timeout\"") == 3);
	assert_true(value_of("sluice_deployment_passed_over_total", "model_id=\"d1\",api_base=\"https://api.example/v1\",api_provider=\"openai\",reason=\"rates\"") == 2);
	assert_true(value_of("litellm_remaining_requests_metric", "model_id=\"d1\"") == 59);
	assert_true(value_of("litellm_remaining_tokens_metric", "") == -1);
	assert_true(value_of("litellm_total_tokens_metric_total", "model_id=\"d1\"") == 111);
	assert_true(value_of("litellm_spend_metric_total", "model_id=\"d1\"") == 0.0000001);
	assert_true(value_of("litellm_deployment_successful_fallbacks_total", "requested_model=\"gpt\",fallback_model=\"gpt\",model_id=\"d1\",hashed_api_key=\"eve\"") == 1);
	assert_true(value_of("litellm_proxy_total_requests_metric_total", "hashed_api_key=\"ann\",api_key_alias=\"ann's\",requested_model=\"gpt\",user=\"ann\",route=\"/v1/chat/completions\",model_id=\"d1\",api_provider=\"openai\",status_code=\"200\"") == 1);
	assert_true(value_of("litellm_proxy_total_requests_metric_total", "requested_model=\"gpt\",route=\"/v1/chat/completions\",model_id=\"other\",api_provider=\"other\",status_code=\"400\"") == 1);
	assert_true(value_of("litellm_proxy_failed_requests_metric_total", "exception_status=\"429\",exception_class=\"RateLimitError\"") == 1);
	assert_true(value_of("litellm_proxy_failed_requests_metric_total", "exception_status=\"other\",exception_class=\"APIError\"") == 1);
	assert_true(value_of("sluice_requests_total", "surface=\"messages\"") == 4);
	assert_true(value_of("litellm_deployment_state", "model_id=\"d1\"") == 1);
	board_close(other);
	board_close(b);
}

static void
histograms_are_cumulative(void **state)
{
	struct board *b = open_board(SEAT_WIDE);
	unsigned d2 = board_deployment(b, TEXT("d2"));
	const char *last = "litellm_overhead_latency_metric_bucket";
	double before = 0;
	unsigned n = 0;

	for (int64_t us = 20; us < 100000000; us *= 3)
		timed(b, d2, us % 2 == 0 ? "even" : "odd", "", us);
	read_page(b, &config);
	for (unsigned i = 0; i < page.n; i++) {
		const struct sample *s = &page.samples[i];

		if (strcmp(s->name, last) != 0)
			continue;
		assert_true(s->value >= before);
		before = s->value;
		n++;
	}
	assert_int_equal(n, SERIES_BUCKETS);
	assert_true(value_of(last, "le=\"5e-05\"") == 1);
	assert_true(value_of(last, "le=\"+Inf\"") == 15);
	assert_true(value_of("litellm_overhead_latency_metric_count", "d2") == 15);
	assert_true(value_of("litellm_overhead_latency_metric_sum", "d2") > 143 && value_of("litellm_overhead_latency_metric_sum", "d2") < 144);
	assert_true(value_of("litellm_request_total_latency_metric_bucket", "le=\"0.005\"") == 6);
	board_close(b);
}

/* Of teams; of keys only where a rule names them. */
static void
histograms_have_the_labels_that_are_wanted(void **state)
{
	struct text metrics[] = { TEXT("litellm_request_total_latency_metric") }, names[] = { TEXT("api_key_alias"), TEXT("hashed_api_key") };
	struct metrics_rule rule = { .metrics = metrics, .n_metrics = 1, .labels = names, .n_labels = 2 };
	struct board *b = open_board(SEAT_WIDE);
	unsigned d1 = board_deployment(b, TEXT("d1"));
	struct config ruled = config;

	timed(b, d1, "tim", "blue", 1000);
	timed(b, d1, "tom", "blue", 2000000);
	timed(b, d1, "tom", "red", 400 * INT64_C(1000000));
	timed(b, d1, "tom", "red", -1);
	timed(b, d1, "tom", "red", 5000);	/* on the bound: le */
	timed(b, d1, "tom", "red", 5001);
	read_page(b, &config);
	assert_true(value_of("litellm_llm_api_latency_metric_count", "model_id=\"d1\",api_base=\"https://api.example/v1\",api_provider=\"openai\",team=\"blue\"") == 2);
	assert_true(value_of("litellm_request_total_latency_metric_bucket", "team=\"red\",le=\"0.005\"") == 2);
	assert_true(value_of("litellm_request_total_latency_metric_bucket", "team=\"red\",le=\"0.01\"") == 3);
	assert_true(value_of("litellm_request_total_latency_metric_bucket", "team=\"red\",le=\"300\"") == 3);
	assert_true(value_of("litellm_request_total_latency_metric_bucket", "team=\"red\",le=\"+Inf\"") == 4);
	assert_true(value_of("litellm_request_total_latency_metric_sum", "team=\"red\"") == 400.010001);
	ruled.settings.metrics_rules = &rule;
	ruled.settings.n_metrics_rules = 1;
	read_page(b, &ruled);
	assert_true(value_of("litellm_request_total_latency_metric_count", "hashed_api_key=\"tim\"") == 1);
	assert_true(value_of("litellm_request_total_latency_metric_count", "hashed_api_key=\"tom\"") == 5);
	board_close(b);
}

static void
hostile_names_are_escaped(void **state)
{
	struct board *b = open_board(SEAT_WIDE);

	board_outcome(b, board_deployment(b, hostile.id), &(struct outcome){ .at_wall_ms = 5, .status = 200 });
	call(b, "quo\"te\t\\", board_deployment(b, hostile.id), 200, 1);
	read_page(b, &config);
	assert_true(value_of("litellm_deployment_state", "litellm_model_name=\"tab here\",model_id=\"quo\\\"te\",api_base=\"\",api_provider=\"\"") == 0);
	assert_true(value_of("sluice_deployment_in_flight", "requested_model=\"back\\\\slash\\nline\"") == 0);
	assert_true(value_of("litellm_requests_metric_total", "model=\"latin\xef\xbf\xbd") == 1);
	assert_true(value_of("litellm_requests_metric_total", "api_key_alias=\"quo\\\"te \\\\'s\"") == 1);
	board_close(b);
}

static void
unknown_deployments_are_one_series(void **state)
{
	struct board *b = open_board(SEAT_WIDE);
	struct config smaller = { .deployments = deployments, .n_deployments = 1 };
	char name[16];

	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "gone%u", i);
		call(b, "bob", board_deployment(b, text_of(name)), 200, 2);
		timed(b, board_deployment(b, text_of(name)), "", "", 1000);
	}
	read_page(b, &smaller);
	assert_true(value_of("litellm_input_tokens_metric_total", "model=\"other\",user=\"bob\",requested_model=\"gpt\",model_id=\"other\"") == 100);
	assert_true(value_of("litellm_request_total_latency_metric_count", "other") == 50 + 15);	/* d2's of the test above too */
	assert_true(value_of("litellm_input_tokens_metric_total", "gone") == -1);
	board_close(b);
}

/* Sums of what begins so, of callers with that label. */
static double
sum_of(const char *name, const char *label)
{
	double sum = 0;

	for (unsigned i = 0; i < page.n; i++)
		if (strcmp(page.samples[i].name, name) == 0 && strstr(page.samples[i].labels, label) != NULL)
			sum += page.samples[i].value;
	return (sum);
}

static unsigned
series_of(const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < page.n; i++)
		n += strcmp(page.samples[i].name, name) == 0;
	return (n);
}

static void
callers_beyond_the_bound_are_other(void **state)
{
	struct board *b = open_board(SEAT_WIDE);
	unsigned d1 = board_deployment(b, TEXT("d1"));
	char user[16];
	double before;

	read_page(b, &config);
	before = sum_of("litellm_input_tokens_metric_total", "");
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 500; i++) {
			snprintf(user, sizeof(user), "many-%u", i);
			call(b, user, d1, 200, 1);
		}
	read_page(b, &config);
	assert_true(sum_of("litellm_input_tokens_metric_total", "") == before + 1000);
	assert_true(series_of("litellm_input_tokens_metric_total") <= MOST + 3);
	assert_true(value_of("litellm_input_tokens_metric_total", "hashed_api_key=\"other\",model=\"gpt-4o\",requested_model=\"gpt\"") >= 2 * (500 - MOST));
	assert_true(value_of("litellm_input_tokens_metric_total", "hashed_api_key=\"many-0\"") == 2);
	assert_true(value_of("litellm_remaining_api_key_tokens_for_model", "hashed_api_key=\"many-0\",api_key_alias=\"many-0's\",model=\"gpt\"") == 99);
	board_close(b);
}

static void
call_500(struct board *b, const char *who)
{
	unsigned d1 = board_deployment(b, TEXT("d1"));
	char user[16];

	for (unsigned i = 0; i < 500; i++) {
		snprintf(user, sizeof(user), "%s-%u", who, i);
		call(b, user, d1, 200, 1);
	}
}

static void
strangers_call(struct board *b)
{
	b->second += 4000;
	series_reads(b, true);			/* as its next slice would */
	call_500(b, "mid");
}

/* An hour later; sums never fall, and while a page is read nothing of it moves. */
static void
idle_callers_give_their_room_to_others(void **state)
{
	struct board *b = open_board(SEAT_WIDE);
	double before, good;

	read_page(b, &config);
	before = sum_of("litellm_input_tokens_metric_total", "");
	meanwhile = strangers_call;
	read_page(b, &config);
	meanwhile = NULL;
	assert_true(sum_of("litellm_input_tokens_metric_total", "") >= before);
	read_page(b, &config);
	assert_true(sum_of("litellm_input_tokens_metric_total", "") == before + 500);
	assert_true(sum_of("litellm_input_tokens_metric_total", "\"mid-") == 0);
	before += 500;
	good = sum_of("litellm_requests_metric_total", "");
	b->second += 4000;
	call_500(b, "new");
	read_page(b, &config);
	assert_true(sum_of("litellm_input_tokens_metric_total", "") == before + 500);
	assert_true(sum_of("litellm_requests_metric_total", "") <= good + 500);
	assert_true(sum_of("litellm_input_tokens_metric_total", "\"new-") > 10);
	board_close(b);
}

static void
rules_choose_metrics_and_labels(void **state)
{
	struct text metrics[] = { TEXT("litellm_requests_metric"), TEXT("litellm_deployment_state") }, names[] = { TEXT("team"), TEXT("model") };
	struct metrics_rule rule = { .metrics = metrics, .n_metrics = 2, .labels = names, .n_labels = 2 };
	struct board *b = open_board(SEAT_WIDE);
	struct config ruled = config;

	ruled.settings.metrics_rules = &rule;
	ruled.settings.n_metrics_rules = 1;
	read_page(b, &ruled);
	assert_true(sum_of("litellm_requests_metric_total", "") > 500);
	assert_true(sum_of("litellm_requests_metric_total", "user") == 0);
	assert_true(value_of("litellm_requests_metric_total", "model=\"gpt-4o\"") > 500);
	assert_int_equal(series_of("litellm_spend_metric_total"), 0);
	assert_int_equal(series_of("litellm_in_flight_requests"), 0);
	assert_true(value_of("sluice_workers", "wide") == 1);
	board_close(b);
}

static void
the_dead_are_not_shown(void **state)
{
	struct board *b = open_board(SEAT_WIDE);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		board_open_exchanges(open_board(SEAT_WIDE), 1000);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	read_page(b, &config);
	assert_true(value_of("litellm_in_flight_requests", "") == 0);
	assert_true(value_of("sluice_workers", "wide") == 1);
	board_close(b);
}

/* A page of many callers comes in slices, and whole: nobody is missing or there twice. */
static void
many_callers_are_told_in_slices(void **state)
{
	struct board *b = open_board(SEAT_WIDE);
	struct text metrics[] = { TEXT("litellm_input_tokens_metric"), TEXT("litellm_total_tokens_metric") }, names[] = { TEXT("model") };
	struct metrics_rule rule = { .metrics = metrics, .n_metrics = 2 };
	unsigned d1 = board_deployment(b, TEXT("d1"));
	struct buf why = { 0 };
	struct config ruled = config;
	double before;
	char user[16];

	assert_true(series_room(b, 2000, &why));
	ruled.settings.metrics_rules = &rule;
	ruled.settings.n_metrics_rules = 1;
	read_page(b, &ruled);
	before = sum_of("litellm_input_tokens_metric_total", "");
	for (unsigned i = 0; i < 1500; i++) {
		snprintf(user, sizeof(user), "slice-%u", i);
		call_of(b, user, d1, 200, 9, 2000);
	}
	read_page(b, &ruled);
	assert_true(page.slices > page.text.len / (METRICS_SLICE + HISTOGRAM_MOST) && page.slices > 20);
	assert_true(sum_of("litellm_input_tokens_metric_total", "") == before + 9 * 1500);
	assert_true(value_of("litellm_total_tokens_metric_total", "user=\"slice-7\"") == 10);
	assert_true(value_of("litellm_total_tokens_metric_total", "user=\"slice-1499\"") == 10);
	rule.labels = names;			/* all of them in a few rows, which no slice reads in one go */
	rule.n_labels = 1;
	read_page(b, &ruled);
	assert_true(page.slices > 10);
	assert_true(sum_of("litellm_input_tokens_metric_total", "") == before + 9 * 1500);
	assert_true(series_of("litellm_input_tokens_metric_total") <= 4);
	board_close(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_gateway_has_a_page),
		cmocka_unit_test(what_was_counted_is_shown),
		cmocka_unit_test(histograms_are_cumulative),
		cmocka_unit_test(histograms_have_the_labels_that_are_wanted),
		cmocka_unit_test(hostile_names_are_escaped),
		cmocka_unit_test(unknown_deployments_are_one_series),
		cmocka_unit_test(callers_beyond_the_bound_are_other),
		cmocka_unit_test(idle_callers_give_their_room_to_others),
		cmocka_unit_test(rules_choose_metrics_and_labels),
		cmocka_unit_test(the_dead_are_not_shown),
		cmocka_unit_test(many_callers_are_told_in_slices),
	};

	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
