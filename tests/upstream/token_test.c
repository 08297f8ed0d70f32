/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens against an endpoint that does as the test says; the room's clock is moved, not waited for. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server.h"
#include "upstream/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND	INT64_C(1000000)

int64_t	__real_loop_now_us(const struct loop *);
int64_t	__wrap_loop_now_us(const struct loop *);

static int64_t shift_us;

int64_t
__wrap_loop_now_us(const struct loop *loop)
{
	return (__real_loop_now_us(loop) + shift_us);
}

/* An endpoint, a client and the room between. */
struct stand {
	struct server	 s;
	struct client	 c;
	struct lane	*disk;
	struct tokens	*tokens;
	struct credential credential;
	char		 last[4096];		/* request the endpoint got */
};

struct asker {
	struct waiter wait;
	int		 told;
};

static void
ready(struct waiter *w)
{
	((struct asker *)w)->told++;
}

/* Gives numbered tokens, with the life the test says. */
static void
gives(struct line *l)
{
	struct stand *t = l->server->own;
	char body[200], answer[400];

	while (line_request(l)) {
		snprintf(t->last, sizeof(t->last), "%.*s", (int)l->used, l->in.at);
		snprintf(body, sizeof(body), "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"token-%d\"}", (int)l->server->requests);
		snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
		line_say(l, answer);
	}
}

static void
silent(struct line *l)
{
	if (line_request(l))
		line_wait_gone(l);
}

static const char *said;			/* by says() */

static void
says(struct line *l)
{
	while (line_request(l))
		line_say(l, said);
}

static void
stand_open(struct stand *t, script_f *script)
{
	memset(t, 0, sizeof(*t));
	shift_us = 0;
	server_start(&t->s, script, NULL);
	t->s.own = t;
	client_start(&t->c, NULL);
	t->disk = lane_new(t->c.loop, "disk", 1, 4);
	t->tokens = tokens_new(t->c.loop, t->c.up, t->disk);
	t->credential = (struct credential){ .id = TEXT("one"), .name = TEXT("a client"), .url = text_of(t->s.url), .form = TEXT("secret=sesame") };
}

static void
stand_close(struct stand *t)
{
	tokens_free(t->tokens);
	lane_free(t->disk, 1000);
	client_stop(&t->c);
	server_stop(&t->s);
}

static enum token_state
get(struct stand *t, struct asker *a, struct text *word)
{
	a->wait.ready = ready;
	return (token_get(word, t->tokens, &t->credential, true, &a->wait));
}

/* Asks, waits if need be, and asks again. */
static enum token_state
settled(struct stand *t, struct text *word)
{
	struct asker a = { .told = 0 };
	enum token_state state = get(t, &a, word);

	if (state != TOKEN_WAIT)
		return (state);
	UNTIL(&t->c, a.told > 0);
	return (get(t, &a, word));
}

static void
assert_word(struct text word, const char *wanted)
{
	char got[400];

	snprintf(got, sizeof(got), TEXT_FMT, TEXT_ARG(word));
	assert_string_equal(got, wanted);
}

static void
all_wait_for_one_fetch(void **state)
{
	struct asker many[5] = { { .told = 0 } };
	struct text word;
	struct stand t;

	stand_open(&t, gives);
	for (size_t i = 0; i < nitems(many); i++)
		assert_int_equal(get(&t, &many[i], &word), TOKEN_WAIT);
	waiter_end(&many[1].wait);
	waiter_end(&many[1].wait);
	UNTIL(&t.c, many[0].told > 0);
	for (size_t i = 0; i < nitems(many); i++) {
		assert_int_equal(many[i].told, i != 1);
		assert_null(many[i].wait.link);
		assert_int_equal(get(&t, &many[i], &word), TOKEN_HERE);
		assert_word(word, "token-1");
	}
	assert_int_equal(t.s.requests, 1);
	assert_non_null(strstr(t.last, "POST "));
	assert_non_null(strstr(t.last, "Content-Type: application/x-www-form-urlencoded\r\n"));
	assert_non_null(strstr(t.last, "\r\n\r\nsecret=sesame"));
	stand_close(&t);
}

static void
a_token_is_renewed_while_it_is_good(void **state)
{
	struct text word;
	struct stand t;

	stand_open(&t, gives);
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	shift_us = 2800 * SECOND;
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	turn(&t.c);
	assert_int_equal(t.s.requests, 1);
	shift_us = 2900 * SECOND;
	for (int i = 0; i < 3; i++) {			/* nobody waits for the new one */
		assert_int_equal(settled(&t, &word), TOKEN_HERE);
		assert_word(word, "token-1");
	}
	do {
		turn(&t.c);
		assert_int_equal(settled(&t, &word), TOKEN_HERE);
	} while (text_is(word, "token-1"));
	assert_word(word, "token-2");
	assert_int_equal(t.s.requests, 2);
	stand_close(&t);
}

static void
a_token_that_has_ended_is_not_used(void **state)
{
	struct asker a = { .told = 0 };
	struct text word;
	struct stand t;

	stand_open(&t, gives);
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	shift_us = 3580 * SECOND;			/* a call may take a while: it ends early */
	assert_int_equal(get(&t, &a, &word), TOKEN_WAIT);
	UNTIL(&t.c, a.told > 0);
	assert_int_equal(get(&t, &a, &word), TOKEN_HERE);
	assert_word(word, "token-2");
	stand_close(&t);
}

/* The endpoint fails while the token is good: it is used to its end, and the endpoint is not pressed. */
static void
a_failing_renewal_leaves_the_token(void **state)
{
	struct text word;
	struct stand t;

	stand_open(&t, gives);
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	t.credential.url = TEXT("http://127.0.0.1:1/");
	shift_us = 3000 * SECOND;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(settled(&t, &word), TOKEN_HERE);
		assert_word(word, "token-1");
		loop_turn(t.c.loop, 1);
	}
	shift_us = 3600 * SECOND;
	assert_int_equal(settled(&t, &word), TOKEN_FAILED);
	assert_word(word, "the token endpoint could not be reached");
	assert_int_equal(t.s.requests, 1);
	stand_close(&t);
}

static void
after_a_failure_there_is_a_pause(void **state)
{
	struct text word;
	struct stand t;

	said = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
	stand_open(&t, says);
	assert_int_equal(settled(&t, &word), TOKEN_FAILED);
	assert_word(word, "the token endpoint answered 500");
	assert_int_equal(settled(&t, &word), TOKEN_FAILED);
	assert_int_equal(t.s.requests, 1);
	for (int i = 2; i < 12; i++) {
		shift_us += 61 * SECOND;		/* the longest there is */
		assert_int_equal(settled(&t, &word), TOKEN_FAILED);
		assert_int_equal(t.s.requests, i);
	}
	said = "HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{\"access_token\":\"late\"}";
	shift_us += 61 * SECOND;
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	assert_word(word, "late");
	shift_us += 300 * SECOND;			/* its life was not said: five minutes */
	said = "HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{\"access_token\":\"soon\"}";
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	assert_word(word, "soon");
	stand_close(&t);
}

static void
an_answer_is_believed_if_it_is_one(void **state)
{
	static const struct {
		int		 status;
		const char	*body, *word;
	} cases[] = {
		{ 401, "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: sesame\"}", "the token endpoint answered 401 invalid_client AADSTS7000215" },
		{ 401, "{\"error_description\":\"AADSTSsesame\"}", "the token endpoint answered 401 AADSTS" },
		{ 400, "{\"error\":\"sesame is wrong\"}", "the token endpoint answered 400" },
		{ 400, "{\"error\":{\"message\":\"sesame\"}}", "the token endpoint answered 400" },
		{ 302, "", "the token endpoint answered 302" },
		{ 200, "", "the token endpoint answered without a usable access_token" },
		{ 200, "<html>sesame", "the token endpoint answered without a usable access_token" },
		{ 200, "[]", "the token endpoint answered without a usable access_token" },
		{ 200, "{\"access_token\":7}", "the token endpoint answered without a usable access_token" },
		{ 200, "{\"access_token\":\"\"}", "the token endpoint answered without a usable access_token" },
		{ 200, "{\"access_token\":\"a\\r\\nX-Smuggled: 1\"}", "the token endpoint answered without a usable access_token" },
		{ 200, "{\"access_token\":\"a b\"}", "the token endpoint answered without a usable access_token" },
		{ 200, "{\"access_token\":\"a\",\"expires_in\":0}", "the token endpoint gave a token that has expired" },
		{ 200, "{\"access_token\":\"a\",\"expires_in\":-9223372036854775808}", "the token endpoint gave a token that has expired" },
		{ 200, "{\"access_token\":\"a\",\"expires_on\":\"1700000000\"}", "the token endpoint gave a token that has expired" },
		{ 200, "{\"access_token\":\"a\",\"expires_in\":\"86399\"}", NULL },
		{ 200, "{\"access_token\":\"a\",\"expires_in\":9223372036854775807}", NULL },
		{ 200, "{\"access_token\":\"a\",\"expires_on\":\"9223372036854775807\"}", NULL },
		{ 200, "{\"access_token\":\"a\",\"expires_on\":\"4000000000\"}", NULL },
		{ 200, "{\"access_token\":\"a\",\"expires_in\":\"soon\"}", NULL },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char answer[400];
		struct text word;
		struct stand t;

		snprintf(answer, sizeof(answer), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", cases[i].status, strlen(cases[i].body), cases[i].body);
		said = answer;
		stand_open(&t, says);
		if (settled(&t, &word) != (cases[i].word != NULL ? TOKEN_FAILED : TOKEN_HERE))
			fail_msg("%s: " TEXT_FMT, cases[i].body, TEXT_ARG(word));
		assert_word(word, cases[i].word != NULL ? cases[i].word : "a");
		stand_close(&t);
	}
}

static void
an_answer_has_bounds(void **state)
{
	struct buf b = { 0 };
	struct text word;
	struct stand t;

	buf_print(&b, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 200000);
	for (int i = 0; i < 200000; i++)
		buf_byte(&b, 'x');
	buf_byte(&b, '\0');
	said = b.at;
	stand_open(&t, says);
	assert_int_equal(settled(&t, &word), TOKEN_FAILED);
	assert_word(word, "the token endpoint sent more than a token");
	stand_close(&t);
	buf_free(&b);
}

static void
waiting_has_an_end(void **state)
{
	struct text word;
	struct stand t;

	stand_open(&t, silent);
	shift_us = -9900000;				/* its ten seconds are over soon */
	assert_int_equal(settled(&t, &word), TOKEN_FAILED);
	assert_word(word, "the token endpoint did not answer in time");
	stand_close(&t);
}

static void
a_broken_answer_is_said(void **state)
{
	struct text word;
	struct stand t;

	said = "nonsense\r\n\r\n";
	stand_open(&t, says);
	assert_int_equal(settled(&t, &word), TOKEN_FAILED);
	assert_word(word, "the token endpoint broke off its answer");
	stand_close(&t);
}

/* A machine's identity: GET, a header, no body. */
static void
a_header_may_be_the_secret(void **state)
{
	struct text word;
	struct stand t;

	stand_open(&t, gives);
	t.credential.form = TEXT("");
	t.credential.header = TEXT("Metadata: true");
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	assert_non_null(strstr(t.last, "GET "));
	assert_non_null(strstr(t.last, "Metadata: true\r\n"));
	assert_null(strstr(t.last, "Content-Type"));
	stand_close(&t);
}

static void
write_assertion(char *path, const char *words)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(words, f);
	fclose(f);
}

/* The platform renews the file: it is read for each fetch. */
static void
an_assertion_is_read_from_its_file(void **state)
{
	char path[] = "/tmp/sluice-token-XXXXXX";
	struct text word;
	struct stand t;

	close(mkstemp(path));
	stand_open(&t, gives);
	t.credential.form = TEXT("client_assertion=");
	t.credential.assertion_file = text_of(path);
	assert_int_equal(settled(&t, &word), TOKEN_FAILED);
	assert_word(word, "the file of its assertion is empty");
	write_assertion(path, "ey.J+one=\n");
	shift_us += 61 * SECOND;
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	assert_non_null(strstr(t.last, "\r\n\r\nclient_assertion=ey.J%2Bone%3D"));
	write_assertion(path, "two");
	shift_us += 3600 * SECOND;
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	assert_non_null(strstr(t.last, "\r\n\r\nclient_assertion=two"));
	unlink(path);
	shift_us += 3600 * SECOND;
	assert_int_equal(settled(&t, &word), TOKEN_FAILED);
	assert_word(word, "the file of its assertion could not be read");
	assert_int_equal(t.s.requests, 2);
	stand_close(&t);
}

static void
a_refused_token_is_renewed_once(void **state)
{
	struct text word, first = TEXT("token-1"), second = TEXT("token-2");
	struct asker a = { .told = 0 };
	struct stand t;

	stand_open(&t, gives);
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	assert_true(token_refused(t.tokens, &t.credential, first));
	assert_int_equal(get(&t, &a, &word), TOKEN_WAIT);
	assert_true(token_refused(t.tokens, &t.credential, first));	/* who else had it waits, too */
	UNTIL(&t.c, a.told > 0);
	assert_true(token_refused(t.tokens, &t.credential, first));
	assert_false(token_refused(t.tokens, &t.credential, second));	/* it is not the token's fault */
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	assert_word(word, "token-2");
	shift_us = 61 * SECOND;
	assert_true(token_refused(t.tokens, &t.credential, second));
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	assert_word(word, "token-3");
	stand_close(&t);
}

/* Each credential has its own; what was not asked for longest makes room. */
static void
credentials_are_told_apart(void **state)
{
	char id[16];
	struct text word;
	struct stand t;

	stand_open(&t, gives);
	for (int i = 1; i <= 300; i++) {
		snprintf(id, sizeof(id), "%d", i);
		t.credential.id = text_of(id);
		assert_int_equal(settled(&t, &word), TOKEN_HERE);
		assert_int_equal(t.s.requests, i);
	}
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	assert_word(word, "token-300");
	t.credential.id = TEXT("1");
	assert_int_equal(settled(&t, &word), TOKEN_HERE);
	assert_word(word, "token-301");
	stand_close(&t);
}

static struct stand *within;

static void
asks_again(struct waiter *w)
{
	struct asker *a = (struct asker *)w;
	struct text word;

	if (a->told++ == 0 && within != NULL) {
		waiter_end(&a[1].wait);
		assert_int_equal(token_get(&word, within->tokens, &within->credential, true, w), TOKEN_FAILED);
	}
}

/* Who is told may end others who wait, and ask. */
static void
the_told_may_do_anything(void **state)
{
	struct asker two[2] = { { .told = 0 } };
	struct text word;
	struct stand t;

	said = "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n";
	stand_open(&t, says);
	within = &t;
	for (int i = 1; i >= 0; i--) {
		two[i].wait.ready = asks_again;
		assert_int_equal(token_get(&word, t.tokens, &t.credential, true, &two[i].wait), TOKEN_WAIT);
	}
	UNTIL(&t.c, two[0].told > 0);
	assert_int_equal(two[0].told, 1);
	assert_int_equal(two[1].told, 0);
	within = NULL;
	stand_close(&t);
}

static void
the_room_may_close_at_any_time(void **state)
{
	struct asker a = { .told = 0 };
	struct text word;
	struct stand t;

	stand_open(&t, silent);
	assert_int_equal(get(&t, &a, &word), TOKEN_WAIT);
	UNTIL(&t.c, t.s.requests > 0);
	stand_close(&t);
	assert_null(a.wait.link);
	stand_open(&t, silent);
	t.credential.assertion_file = TEXT("/proc/self/status");
	assert_int_equal(get(&t, &a, &word), TOKEN_WAIT);
	stand_close(&t);
	assert_int_equal(a.told, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_wait_for_one_fetch),
		cmocka_unit_test(a_token_is_renewed_while_it_is_good),
		cmocka_unit_test(a_token_that_has_ended_is_not_used),
		cmocka_unit_test(a_failing_renewal_leaves_the_token),
		cmocka_unit_test(after_a_failure_there_is_a_pause),
		cmocka_unit_test(an_answer_is_believed_if_it_is_one),
		cmocka_unit_test(an_answer_has_bounds),
		cmocka_unit_test(waiting_has_an_end),
		cmocka_unit_test(a_broken_answer_is_said),
		cmocka_unit_test(a_header_may_be_the_secret),
		cmocka_unit_test(an_assertion_is_read_from_its_file),
		cmocka_unit_test(a_refused_token_is_renewed_once),
		cmocka_unit_test(credentials_are_told_apart),
		cmocka_unit_test(the_told_may_do_anything),
		cmocka_unit_test(the_room_may_close_at_any_time),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
