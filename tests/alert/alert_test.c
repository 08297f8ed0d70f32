/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts: once whatever happens twice, in the words of whom they go to, and again if nobody took them.  The same on both stores. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "alert/alert_priv.h"
#include "base/clock.h"
#include "../config/yaml_text.h"
#include "../store/postgres.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define DOLLAR	MONEY_DOLLAR
#define NOW	INT64_C(1795651200000)		/* 26 Nov 2026 00:00 */

static struct postgres server;

/* A peer that takes web hooks and mail, a connection at a time. */
static struct {
	int		 fd, port;
	pthread_t	 thread;
	pthread_mutex_t	 lock;
	struct buf	 heard;			/* bodies, and mails with their envelope; a line feed behind each */
	unsigned	 calls;
	int		 status;		/* what web hooks are answered */
	bool		 is_mail;
} peer = { .lock = PTHREAD_MUTEX_INITIALIZER, .status = 200 };

static void
say(int fd, const char *words)
{
	assert_true(write(fd, words, strlen(words)) == (ssize_t)strlen(words));
}

static void
hear(struct buf *b)
{
	pthread_mutex_lock(&peer.lock);
	buf_text(&peer.heard, buf_as_text(b));
	buf_byte(&peer.heard, '\n');
	peer.calls++;
	pthread_mutex_unlock(&peer.lock);
}

static bool
more(int fd, struct buf *b)
{
	char bytes[4096];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	if (n > 0)
		buf_add(b, bytes, (size_t)n);
	return (n > 0);
}

static void
take_hook(int fd)
{
	struct buf b = { 0 }, body = { 0 };
	const char *end = NULL, *length;
	char answer[128];

	while ((end = b.len > 0 ? memmem(b.at, b.len, "\r\n\r\n", 4) : NULL) == NULL && more(fd, &b))
		continue;
	if (end != NULL) {
		size_t head = (size_t)(end + 4 - b.at), n;

		buf_reserve(&b, 1);
		b.at[b.len] = '\0';
		length = strcasestr(b.at, "Content-Length: ");
		n = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
		while (b.len < head + n && more(fd, &b))
			continue;
		buf_add(&body, b.at + head, b.len - head);
		hear(&body);
		snprintf(answer, sizeof(answer), "HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", peer.status);
		say(fd, answer);
	}
	buf_free(&b);
	buf_free(&body);
}

static void
take_mail(int fd)
{
	struct buf all = { 0 }, line = { 0 };
	bool data = false;

	say(fd, "220 peer ESMTP\r\n");
	while (more(fd, &line)) {
		if (line.len < 2 || memcmp(line.at + line.len - 2, "\r\n", 2) != 0)
			continue;
		buf_text(&all, buf_as_text(&line));
		if (data && memmem(all.at, all.len, "\r\n.\r\n", 5) != NULL) {
			data = false;
			say(fd, "250 taken\r\n");
		} else if (!data && memcmp(line.at, "DATA", 4) == 0) {
			data = true;
			say(fd, "354 go on\r\n");
		} else if (!data)
			say(fd, memcmp(line.at, "QUIT", 4) == 0 ? "221 bye\r\n" : "250 fine\r\n");
		line.len = 0;
	}
	hear(&all);
	buf_free(&all);
	buf_free(&line);
}

static void *
listening(void *unused)
{
	int fd;

	(void)unused;
	while ((fd = accept(peer.fd, NULL, NULL)) >= 0) {
		if (peer.is_mail)
			take_mail(fd);
		else
			take_hook(fd);
		close(fd);
	}
	return (NULL);
}

static void
peer_start(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	peer.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(peer.fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(peer.fd, 64), 0);
	assert_int_equal(getsockname(peer.fd, (struct sockaddr *)&sin, &len), 0);
	peer.port = ntohs(sin.sin_port);
	assert_int_equal(pthread_create(&peer.thread, NULL, listening, NULL), 0);
}

static void
peer_forget(int status)
{
	pthread_mutex_lock(&peer.lock);
	peer.heard.len = 0;
	peer.calls = 0;
	peer.status = status;
	peer.is_mail = false;
	pthread_mutex_unlock(&peer.lock);
}

/* the words, once they have come */
static bool
heard(const char *words)
{
	bool found = false;

	for (unsigned i = 0; i < 6000 && !found; i++) {
		pthread_mutex_lock(&peer.lock);
		found = text_has(buf_as_text(&peer.heard), text_of(words));
		pthread_mutex_unlock(&peer.lock);
		if (!found)
			usleep(10000);
	}
	if (!found)
		print_error("heard: " TEXT_FMT "\n", TEXT_ARG(buf_as_text(&peer.heard)));
	return (found);
}

struct bench {
	struct arena	*a;
	struct store	*s;
	char		 url[160];
	struct config	*c;
};

static struct bench *
bench_new(void **state)
{
	struct bench *b = must_zalloc(sizeof(*b));
	char hook[64];

	clean_env(state);
	peer_forget(200);
	snprintf(hook, sizeof(hook), "http://127.0.0.1:%d/secret-hook", peer.port);
	setenv("WEBHOOK_URL", hook, 1);
	b->a = arena_new();
	b->c = load_text("model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\ngeneral_settings: {alerting: [webhook]}\n");
	assert_int_equal(b->c->alerting.n_targets, 1);
	*state = b;
	return (b);
}

static int
sqlite(void **state)
{
	struct bench *b = bench_new(state);
	unsigned from, to;

	snprintf(b->url, sizeof(b->url), "%s", temp_path("alert.db"));
	unlink(b->url);
	b->s = store_new(text_of(b->url));
	return (store_migrate(b->s, &from, &to) == STORE_FINE ? 0 : -1);
}

static int
postgres(void **state)
{
	struct bench *b = bench_new(state);

	if (server.pid != 0)
		snprintf(b->url, sizeof(b->url), "%s", postgres_database(&server, true));
	b->s = store_new(text_of(b->url));
	return (0);
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	store_free(b->s);
	arena_free(b->a);
	config_release(b->c);
	free(b);
	return (0);
}

static struct bench *
bench(void **state)
{
	struct bench *b = *state;

	if (b->url[0] == '\0')
		skip();
	return (b);
}

static unsigned
sends(struct bench *b, int64_t now)
{
	unsigned sent;

	assert_int_equal(alerts_send(b->s, b->c, now, &sent), STORE_FINE);
	return (sent);
}

static void
crosses(struct bench *b, int64_t before, int64_t spent, int64_t ceiling, int64_t soft)
{
	struct crossing c = { .account = 7, .period = 0, .scope = TEXT("team"), .entity = TEXT("data"), .part = TEXT(""), .before = before, .spent = spent,
		.ceiling = ceiling, .soft = soft };

	assert_int_equal(store_begin(b->s), STORE_FINE);
	assert_int_equal(alerts_crossed(b->s, b->a, &c, 1, NOW), STORE_FINE);
	assert_int_equal(store_commit(b->s), STORE_FINE);
}

static void
thresholds(void **state)
{
	struct bench *b = bench(state);

	crosses(b, 0, 84 * DOLLAR, 100 * DOLLAR, -1);
	assert_int_equal(sends(b, NOW), 0);
	crosses(b, 84 * DOLLAR, 85 * DOLLAR, 100 * DOLLAR, -1);
	assert_int_equal(sends(b, NOW), 1);
	assert_true(heard("\"event\":\"threshold_crossed\",\"event_group\":\"team\",\"event_message\":\"Team data has spent $85.00 of $100.00 (over 85%).\""));
	assert_true(heard("{\"spend\":85,\"max_budget\":100,\"soft_budget\":null,\"token\":null"));
	crosses(b, 84 * DOLLAR, 86 * DOLLAR, 100 * DOLLAR, -1);		/* somebody else's word on the same */
	assert_int_equal(sends(b, NOW), 0);
	crosses(b, 86 * DOLLAR, 101 * DOLLAR, 100 * DOLLAR, -1);	/* the highest only */
	assert_int_equal(sends(b, NOW), 1);
	assert_true(heard("\"event\":\"budget_crossed\""));
	assert_true(heard("has spent $101.00 of $100.00; calls that it can not pay are refused."));
	assert_int_equal(peer.calls, 2);
}

static void
soft_budgets_and_refusals(void **state)
{
	struct bench *b = bench(state);
	struct crossing c = { .account = 7, .scope = TEXT("key"), .entity = TEXT("0123456789abcdef0123"), .part = TEXT("window:24h"), .spent = 99 * DOLLAR,
		.ceiling = 100 * DOLLAR, .soft = -1 };

	crosses(b, 4 * DOLLAR, 6 * DOLLAR, -1, 5 * DOLLAR);
	assert_int_equal(sends(b, NOW), 1);
	assert_true(heard("\"event\":\"soft_budget_crossed\""));
	assert_true(heard("Team data has spent $6.00, more than its soft budget of $5.00."));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(alert_refused(b->s, b->a, &c, NOW), STORE_FINE);
	assert_int_equal(sends(b, NOW), 1);
	assert_true(heard("Key 0123456789ab has spent $99.00 of $100.00 in 24h; calls"));
	c.period = NOW;							/* the next period is another cause */
	assert_int_equal(alert_refused(b->s, b->a, &c, NOW), STORE_FINE);
	assert_int_equal(sends(b, NOW), 1);
}

static void
outages_come_again(void **state)
{
	struct bench *b = bench(state);

	assert_int_equal(alert_outage(b->s, b->a, "memcached", "web1", false, NOW), STORE_FINE);
	assert_int_equal(alert_outage(b->s, b->a, "memcached", "web2", false, NOW + 5000), STORE_FINE);
	assert_int_equal(sends(b, NOW + 5000), 1);
	assert_true(heard("Host web1: memcached can not be reached."));
	assert_int_equal(alert_outage(b->s, b->a, "memcached", "web1", true, NOW + 60000), STORE_FINE);
	assert_int_equal(sends(b, NOW + 60000), 1);
	assert_true(heard("memcached is back."));
	assert_int_equal(alert_outage(b->s, b->a, "memcached", "web2", false, NOW + 700000), STORE_FINE);
	assert_int_equal(sends(b, NOW + 700000), 1);
	alert_store_away(b->c, "web1");
	assert_true(heard("Host web1: the database can not be reached."));
	assert_int_equal(peer.calls, 4);
}

/* Who claimed it may have died, or found nobody: after a minute others try, for a day. */
static void
what_nobody_took_is_sent_again(void **state)
{
	struct bench *b = bench(state);

	peer.status = 500;
	crosses(b, 0, 100 * DOLLAR, 100 * DOLLAR, -1);
	assert_int_equal(sends(b, NOW), 0);
	assert_int_equal(peer.calls, 2);
	assert_int_equal(sends(b, NOW + 30000), 0);
	assert_int_equal(peer.calls, 2);
	peer.status = 200;
	assert_int_equal(sends(b, NOW + 61000), 1);
	assert_int_equal(sends(b, NOW + 200000), 0);
	assert_int_equal(peer.calls, 3);
	peer.status = 500;
	crosses(b, 0, 85 * DOLLAR, 100 * DOLLAR, -1);
	assert_int_equal(sends(b, NOW + 2 * 86400000), 0);
	peer.status = 200;
	assert_int_equal(sends(b, NOW + 3 * INT64_C(86400000)), 0);
}

/* Two housekeepers at a time: each alert goes once. */
static void *
sending(void *bench)
{
	struct bench *b = bench;
	struct store *s = store_new(text_of(b->url));
	unsigned sent, all = 0;

	for (unsigned i = 0; i < 5; i++)
		if (alerts_send(s, b->c, NOW, &sent) == STORE_FINE)
			all += sent;
	store_free(s);
	return ((void *)(uintptr_t)all);
}

static void
two_senders(void **state)
{
	struct bench *b = bench(state);
	pthread_t threads[2];
	uintptr_t all = 0;
	void *sent;

	for (unsigned i = 0; i < 20; i++) {
		struct crossing c = { .account = i, .scope = TEXT("tag"), .entity = TEXT("o'; --%_\\"), .part = TEXT("model:gpt-4o"), .spent = DOLLAR,
			.ceiling = DOLLAR, .soft = -1 };

		assert_int_equal(alert_refused(b->s, b->a, &c, NOW), STORE_FINE);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sending, b), 0);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(threads[i], &sent);
		all += (uintptr_t)sent;
	}
	assert_int_equal(all, 20);
	assert_int_equal(peer.calls, 20);
	assert_true(heard("Tag o'; --%_\\\\ has spent $1.00 of $1.00 for model gpt-4o;"));
}

static void
types_that_are_not_wanted(void **state)
{
	struct bench *b = bench(state);

	config_release(b->c);
	b->c = load_text("model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\n"
	    "general_settings: {alerting: [webhook], alert_types: [db_exceptions]}\n");
	crosses(b, 0, 100 * DOLLAR, 100 * DOLLAR, -1);
	assert_int_equal(sends(b, NOW), 0);
	assert_int_equal(peer.calls, 0);
}

static void
slack_is_not_called_to_everybody(void **state)
{
	struct bench *b = *state;
	struct told_alert a = { .kind = KIND_THRESHOLD, .scope = TEXT("key"), .entity = TEXT("d"), .part = TEXT(""), .key_alias = TEXT("<!channel> & \"co\""),
		.spent = 9 * DOLLAR, .ceiling = 10 * DOLLAR, .soft = -1, .percent = 85 };
	char hook[64];

	config_release(b->c);
	snprintf(hook, sizeof(hook), "http://127.0.0.1:%d/", peer.port);
	setenv("SLACK_WEBHOOK_URL", hook, 1);
	b->c = load_text("model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\ngeneral_settings: {alerting: [slack]}\n");
	assert_true(alert_deliver(b->c, &b->c->alerting.targets[0], &a));
	assert_true(heard("{\"text\":\"*Budget nearly spent*\\nKey &lt;!channel&gt; &amp; \\\"co\\\" has spent $9.00 of $10.00 (over 85%).\"}"));
}

static void
a_new_key_is_told_by_https_or_on_this_machine(void **state)
{
	struct bench *b = *state;
	char hook[64];

	assert_true(alert_hand_over(b->c, TEXT("{\"event\":\"key_rotated\"}")));
	assert_true(heard("key_rotated"));
	/* the same machine, by a name that nobody can tell from another's */
	peer_forget(200);
	config_release(b->c);
	snprintf(hook, sizeof(hook), "http://127.1:%d/", peer.port);
	setenv("WEBHOOK_URL", hook, 1);
	b->c = load_text("model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\ngeneral_settings: {alerting: [webhook]}\n");
	assert_int_equal(b->c->alerting.n_targets, 1);
	assert_false(alert_hand_over(b->c, TEXT("{\"event\":\"key_rotated\"}")));
	assert_int_equal(peer.calls, 0);
}

static void
mail(void **state)
{
	struct bench *b = *state;
	struct told_alert a = { .kind = KIND_CROSSED, .scope = TEXT("user"), .entity = TEXT("jo"), .part = TEXT(""), .user_email = TEXT("jo@example.org"),
		.spent = 10 * DOLLAR, .ceiling = 10 * DOLLAR, .soft = -1 };
	char port[16];

	config_release(b->c);
	snprintf(port, sizeof(port), "%d", peer.port);
	setenv("SMTP_HOST", "127.0.0.1", 1);
	setenv("SMTP_PORT", port, 1);
	setenv("SMTP_SENDER_EMAIL", "gateway@example.org", 1);
	setenv("SMTP_TLS", "False", 1);
	b->c = load_text("model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\ngeneral_settings: {alerting: [email]}\n"
	    "sluice: {alert_mail_to: \"ops@example.org, bad address, x@y>\\r\\nRCPT TO:<z@z\"}\n");
	assert_int_equal(b->c->alerting.n_targets, 1);
	peer.is_mail = true;
	assert_true(alert_deliver(b->c, &b->c->alerting.targets[0], &a));
	assert_true(heard("Subject: sluice: Budget spent\r\n"));
	assert_true(heard("MAIL FROM:<gateway@example.org>"));
	assert_true(heard("RCPT TO:<ops@example.org>\r\nRCPT TO:<jo@example.org>\r\nDATA"));
	assert_true(heard("To: ops@example.org, jo@example.org\r\n"));
	assert_true(heard("\r\n\r\nUser jo has spent $10.00 of $10.00; calls that it can not pay are refused.\r\n"));
	/* STARTTLS that the server does not have: nothing is sent in the clear */
	b->c->alerting.mail_tls = true;
	peer.heard.len = 0;
	assert_false(alert_deliver(b->c, &b->c->alerting.targets[0], &a));
	assert_false(text_has(buf_as_text(&peer.heard), TEXT("RCPT")));
}

static void
configurations(void **state)
{
	struct bench *b = *state;
	struct config *c = load_text("model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\n"
	    "general_settings:\n  alerting: [slack, webhook, email, pagerduty]\n  alert_types: [budget_alerts, llm_too_slow, nonsense]\n"
	    "  alert_to_webhook_url: {budget_alerts: [\"https://hooks.example/a\", \"https://hooks.example/b\", \"not one\"]}\n");

	(void)b;
	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->alerting.n_targets, 3);
	assert_text(c->alerting.targets[1].host, "hooks.example");
	assert_int_equal(c->alerting.targets[0].types, 1u << ALERT_BUDGETS);
	assert_says(c, PROBLEM_WARNING, 3, "pagerduty is not in force");
	assert_says(c, PROBLEM_WARNING, 3, "alerting by email needs SMTP_HOST");
	assert_says(c, PROBLEM_WARNING, 5, "the address of a web hook");
	assert_says(c, PROBLEM_NOTE, 4, "llm_too_slow is not in force yet");
	assert_says(c, PROBLEM_WARNING, 4, "nonsense is no type of alerts");
	config_release(c);
	c = load_text("model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\ngeneral_settings: {alerting: [slack]}\n");
	assert_says(c, PROBLEM_WARNING, 2, "alerting by slack needs SLACK_WEBHOOK_URL");
	config_release(c);
}

static int
plain(void **state)
{
	bench_new(state);
	((struct bench *)*state)->s = NULL;
	return (0);
}

static int
plain_over(void **state)
{
	struct bench *b = *state;

	arena_free(b->a);
	config_release(b->c);
	free(b);
	return (0);
}

#define ON(setup, f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
#define BOTH(f)		ON(sqlite, f), ON(postgres, f)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(thresholds), BOTH(soft_budgets_and_refusals), BOTH(outages_come_again), BOTH(what_nobody_took_is_sent_again), BOTH(two_senders),
		BOTH(types_that_are_not_wanted),
		cmocka_unit_test_setup_teardown(slack_is_not_called_to_everybody, plain, plain_over),
		cmocka_unit_test_setup_teardown(a_new_key_is_told_by_https_or_on_this_machine, plain, plain_over),
		cmocka_unit_test_setup_teardown(mail, plain, plain_over),
		cmocka_unit_test_setup_teardown(configurations, plain, plain_over),
	};
	int failed;

	peer_start();
	postgres_start(&server);
	failed = cmocka_run_group_tests_name("alert", tests, NULL, NULL);
	postgres_stop(&server);
	shutdown(peer.fd, SHUT_RDWR);
	pthread_join(peer.thread, NULL);
	return (failed);
}
