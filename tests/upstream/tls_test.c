/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over TLS: whom they trust, what they say when they do not, and how many handshakes a turn of the loop does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "certs.h"
#include "server.h"
#include "upstream/upstream_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define NAMES	"DNS:localhost,IP:127.0.0.1"

static struct authority ours, theirs;

/* A TLS server with a certificate of ours, and a client that trusts the authority in `trusted`. */
static void
tls_scene(struct scene *t, script_f *script, const char *names, long from_days, long to_days, const char *trusted)
{
	struct upstream_settings settings = { .ca_file = text_of(trusted), .dns_ttl_ms = 60000 };

	server_start(&t->s, script, server_context(&ours, names, from_days, to_days));
	client_start(&t->c, &settings);
	t->plan = plan_of(t->s.url);
}

static void
good_scene(struct scene *t, script_f *script)
{
	tls_scene(t, script, NAMES, -1, 10, ours.file);
}

static void
close_tls(struct scene *t)
{
	SSL_CTX *context = t->s.tls;

	scene_close(t);
	SSL_CTX_free(context);
}

static void
expect_end(struct scene *t, enum call_end end, const char *words)
{
	struct heard h = { 0 };

	make(&h, t);
	until_ended(&h);
	assert_ended(&h, end, words);
	assert_int_equal(h.heads, 0);
	heard_free(&h);
}

static void
test_good(void **state)
{
	struct scene t;

	good_scene(&t, answers);
	for (int i = 0; i < 5; i++)
		one_call(&t, 200, "hello");
	assert_int_equal(t.s.connections, 1);
	close_tls(&t);
}

/* An upstream without HTTP/2 serves also those who would like it. */
static void
test_http2_is_not_spoken(void **state)
{
	struct upstream_settings settings = { .ca_file = text_of(ours.file), .dns_ttl_ms = 60000, .http2 = true };
	struct scene t;

	good_scene(&t, answers);
	client_stop(&t.c);
	client_start(&t.c, &settings);
	one_call(&t, 200, "hello");
	one_call(&t, 200, "hello");
	assert_int_equal(t.s.connections, 1);
	close_tls(&t);
}

/* The second connection is held. */
static void
holds_second(struct line *l)
{
	if (!line_request(l))
		return;
	if (l->index == 1)
		stage_wait(l->server, 1);
	line_say(l, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
}

/* Also by a handle that had no connection before. */
static void
test_sessions_are_resumed(void **state)
{
	struct scene t;
	struct heard held = { 0 };

	good_scene(&t, holds_second);
	one_call(&t, 200, "hello");
	make(&held, &t);
	UNTIL(&t.c, t.s.requests == 2);
	one_call(&t, 200, "hello");
	t.s.stage = 1;
	until_ended(&held);
	assert_heard(&held, 200, "hello");
	assert_int_equal(t.s.connections, 3);
	assert_int_equal(t.s.resumed, 2);
	heard_free(&held);
	close_tls(&t);
}

static void
test_not_trusted(void **state)
{
	static const struct {
		const char	*names;
		long		 from, to;
		const struct authority *trusted;
		const char	*words;
	} cases[] = {
		{ NAMES, -1, 10, &theirs, "certificate" },
		{ NAMES, -1, 10, NULL, "certificate" },		/* the system's */
		{ NAMES, -20, -10, &ours, "expired" },
		{ NAMES, 10, 20, &ours, "not yet valid" },
		{ "DNS:elsewhere.test", -1, 10, &ours, "name" },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		struct scene t;

		tls_scene(&t, answers, cases[i].names, cases[i].from, cases[i].to, cases[i].trusted != NULL ? cases[i].trusted->file : "");
		expect_end(&t, CALL_TLS, cases[i].words);
		assert_int_equal(t.s.requests, 0);
		close_tls(&t);
	}
}

/* A connection that was never verified must not carry a call that wants it verified. */
static void
verify_off(const char *names, const struct authority *trusted)
{
	struct scene t;

	tls_scene(&t, answers, names, -1, 10, trusted->file);
	t.plan.verify = false;
	one_call(&t, 200, "hello");
	t.plan.verify = true;
	expect_end(&t, CALL_TLS, "certificate");
	t.plan.verify = false;
	one_call(&t, 200, "hello");
	assert_int_equal(t.s.requests, 2);
	close_tls(&t);
}

static void
test_verify_off(void **state)
{
	verify_off(NAMES, &theirs);
	verify_off("DNS:elsewhere.test", &ours);
}

static void
test_bundle_is_missing(void **state)
{
	struct scene t;

	tls_scene(&t, answers, NAMES, -1, 10, "/nonexistent/ca.pem");
	expect_end(&t, CALL_TLS, "trusted certificates can not be read");
	close_tls(&t);
}

/* Asks for a certificate, and says whose it was. */
static void
asks_who(struct line *l)
{
	char name[64] = "nobody", answer[200];
	X509 *x = SSL_get0_peer_certificate(l->ssl);

	if (x != NULL)
		X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof(name));
	snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(name), name);
	while (line_request(l))
		line_say(l, answer);
}

static void
asking_scene(struct scene *t, int mode)
{
	good_scene(t, asks_who);
	SSL_CTX_set_verify(t->s.tls, mode, NULL);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(t->s.tls), ours.cert);
}

static void
known_as(struct scene *t, const struct pair_files *who, const char *name)
{
	t->plan.cert = who != NULL ? text_of(who->cert) : TEXT("");
	t->plan.cert_key = who != NULL ? text_of(who->key) : TEXT("");
	one_call(t, 200, name);
}

/* The same server, with and without a certificate in turn: each call is known by its own, on kept connections and on resumed sessions. */
static void
test_client_certificates(void **state)
{
	struct pair_files anna, bert;
	struct scene t;

	pair_make(&anna, &ours, "anna", -1, 10, NULL);
	pair_make(&bert, &ours, "bert", -1, 10, NULL);
	asking_scene(&t, SSL_VERIFY_PEER);
	for (int i = 0; i < 3; i++) {
		known_as(&t, NULL, "nobody");
		known_as(&t, &anna, "anna");
		known_as(&t, &bert, "bert");
	}
	assert_int_equal(t.s.connections, 3);
	for (struct multi *m = t.c.up->multis; m != NULL; m = m->next)
		libcurl.multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, 1L);
	for (int i = 0; i < 3; i++) {
		known_as(&t, &bert, "bert");
		known_as(&t, NULL, "nobody");
		known_as(&t, &anna, "anna");
	}
	close_tls(&t);
	pair_free(&anna);
	pair_free(&bert);
}

/* Those of several calls at once. */
static void
test_client_certificates_side_by_side(void **state)
{
	static const char *const names[] = { "anna", "bert", "nobody" };
	struct pair_files files[2];
	struct heard h[30] = { { 0 } };
	struct scene t;

	for (int i = 0; i < 2; i++)
		pair_make(&files[i], &ours, names[i], -1, 10, NULL);
	asking_scene(&t, SSL_VERIFY_PEER);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < nitems(h); i++) {
			t.plan.cert = i % 3 < 2 ? text_of(files[i % 3].both) : TEXT("");
			make(&h[i], &t);
		}
		for (size_t i = 0; i < nitems(h); i++) {
			until_ended(&h[i]);
			assert_heard(&h[i], 200, names[i % 3]);
			heard_free(&h[i]);
		}
	}
	close_tls(&t);
	for (int i = 0; i < 2; i++)
		pair_free(&files[i]);
}

static void
test_client_certificate_is_demanded(void **state)
{
	struct pair_files anna, stranger, locked;
	struct heard h = { 0 };
	struct scene t;

	pair_make(&anna, &ours, "anna", -1, 10, NULL);
	pair_make(&stranger, &theirs, "stranger", -1, 10, NULL);
	pair_make(&locked, &ours, "locked", -1, 10, "open sesame");
	asking_scene(&t, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
	make(&h, &t);
	until_ended(&h);
	assert_int_equal(h.heads, 0);
	heard_free(&h);
	known_as(&t, &anna, "anna");
	t.plan.cert = text_of(stranger.both);
	t.plan.cert_key = TEXT("");
	make(&h, &t);
	until_ended(&h);
	assert_int_equal(h.heads, 0);
	heard_free(&h);
	t.plan.cert = text_of(locked.both);
	t.plan.cert_password = TEXT("open sesame");
	one_call(&t, 200, "locked");
	t.plan.cert = text_of(locked.cert);
	t.plan.cert_key = TEXT("/nonexistent/key.pem");
	expect_end(&t, CALL_TLS, "the client certificate can not be used");
	assert_int_equal(t.s.requests, 2);
	close_tls(&t);
	pair_free(&anna);
	pair_free(&stranger);
	pair_free(&locked);
}

/* A call's own bundle counts for that call alone. */
static void
test_bundle_of_a_call(void **state)
{
	struct scene t;

	tls_scene(&t, answers, NAMES, -1, 10, theirs.file);
	for (int i = 0; i < 2; i++) {
		t.plan.ca_file = text_of(ours.file);
		one_call(&t, 200, "hello");
		t.plan.ca_file = TEXT("");
		expect_end(&t, CALL_TLS, "certificate");
	}
	assert_int_equal(t.s.requests, 2);
	close_tls(&t);
}

static void
says_plain(struct line *l)
{
	line_read(l);
	line_say(l, "HTTP/1.1 400 This is not TLS\r\n\r\n");
}

static void
silent(struct line *l)
{
	line_wait_gone(l);
}

static void
resets(struct line *l)
{
	line_read(l);
	line_reset(l);
}

/* The other end speaks no TLS, nothing at all, or hangs up. */
static void
test_no_handshake(void **state)
{
	static script_f *const scripts[] = { says_plain, resets, silent };

	for (size_t i = 0; i < nitems(scripts); i++) {
		struct scene t;
		char url[64];

		scene_open(&t, scripts[i]);
		snprintf(url, sizeof(url), "https://127.0.0.1:%u/", t.s.port);
		t.plan.url = text_of(url);
		t.plan.connect_ms = 150;
		expect_end(&t, scripts[i] == silent ? CALL_TIMEOUT_CONNECT : CALL_TLS, "");
		scene_close(&t);
	}
}

static void
cuts(struct line *l)
{
	if (!line_request(l))
		return;
	line_say(l, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	SSL_set_quiet_shutdown(l->ssl, 1);
}

static void
test_cut(void **state)
{
	struct scene t;
	struct heard h = { 0 };

	good_scene(&t, cuts);
	make(&h, &t);
	until_ended(&h);
	assert_ended(&h, CALL_BROKEN, "cut");
	assert_int_equal(h.body.len, 5);
	heard_free(&h);
	close_tls(&t);
}

/* Many new connections at once: no turn of the loop does more than a few steps of handshakes, and all get there. */
static void
test_handshakes_are_spread(void **state)
{
	struct scene t;
	struct heard h[60] = { { 0 } };
	unsigned ended = 0, most = 0;

	good_scene(&t, answers);
	for (size_t i = 0; i < nitems(h); i++)
		make(&h[i], &t);
	while (ended < nitems(h)) {
		turn(&t.c);
		if (t.c.up->turn_us == loop_now_us(t.c.loop) && t.c.up->handshakes > most)
			most = t.c.up->handshakes;
		ended = 0;
		for (size_t i = 0; i < nitems(h); i++)
			ended += (unsigned)h[i].ends;
	}
	assert_int_equal(most, HANDSHAKES_MAX);
	for (size_t i = 0; i < nitems(h); i++) {
		assert_heard(&h[i], 200, "hello");
		heard_free(&h[i]);
	}
	close_tls(&t);
}

/* Also those that wait for a later turn can be cancelled, and freed. */
static void
test_cancel_while_put_off(void **state)
{
	struct scene t;
	struct heard h[40] = { { 0 } };

	good_scene(&t, answers);
	for (size_t i = 0; i < nitems(h); i++)
		make(&h[i], &t);
	turn(&t.c);
	assert_non_null(t.c.up->put_off);
	for (size_t i = 0; i < nitems(h); i += 2)
		if (h[i].call != NULL)
			heard_cancel(&h[i]);
	for (size_t i = 1; i < nitems(h); i += 2) {
		until_ended(&h[i]);
		assert_heard(&h[i], 200, "hello");
	}
	for (size_t i = 0; i < nitems(h); i++) {
		heard_free(&h[i]);
		make(&h[i], &t);
	}
	turn(&t.c);
	close_tls(&t);
	for (size_t i = 0; i < nitems(h); i++)
		heard_free(&h[i]);
}

static void
echoes(struct line *l)
{
	char head[100];

	while (line_request(l)) {
		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", line_body(l).len);
		line_say(l, head);
		line_send(l, line_body(l).at, line_body(l).len);
	}
}

static void
rest_for_a_turn(struct heard *h)
{
	call_pause(h->call);
	h->own = h;
}

/* Bodies of all sizes there and back, with a pause after every piece: what TLS has decrypted already must not be forgotten. */
static void
test_bodies(void **state)
{
	static const size_t sizes[] = { 1, 1000, 20000, 60000, 70000, 1000000 };
	struct scene t;
	char *bytes = malloc(1000000);

	for (size_t i = 0; i < 1000000; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	good_scene(&t, echoes);
	for (size_t i = 0; i < 2 * nitems(sizes); i++) {
		struct heard h = { .on_body = rest_for_a_turn };

		t.plan.stream = i % 2;
		t.plan.body = (struct text){ bytes, sizes[i / 2] };
		make(&h, &t);
		while (h.ends == 0) {
			turn(&t.c);
			if (h.own != NULL && h.call != NULL)
				call_resume(h.call);
			h.own = NULL;
		}
		assert_int_equal(h.end, CALL_DONE);
		assert_int_equal(h.body.len, sizes[i / 2]);
		assert_memory_equal(h.body.at, bytes, h.body.len);
		heard_free(&h);
	}
	assert_int_equal(t.s.connections, 1);
	free(bytes);
	close_tls(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_http2_is_not_spoken),
		cmocka_unit_test(test_sessions_are_resumed),
		cmocka_unit_test(test_not_trusted),
		cmocka_unit_test(test_verify_off),
		cmocka_unit_test(test_bundle_is_missing),
		cmocka_unit_test(test_client_certificates),
		cmocka_unit_test(test_client_certificates_side_by_side),
		cmocka_unit_test(test_client_certificate_is_demanded),
		cmocka_unit_test(test_bundle_of_a_call),
		cmocka_unit_test(test_no_handshake),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_handshakes_are_spread),
		cmocka_unit_test(test_cancel_while_put_off),
		cmocka_unit_test(test_bodies),
	};
	int failed;

	authority_make(&ours, "our authority");
	authority_make(&theirs, "another authority");
	failed = cmocka_run_group_tests_name("tls", tests, NULL, NULL);
	authority_free(&ours);
	authority_free(&theirs);
	return (failed);
}
