/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted server and the listening client of this room's tests. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* server */

static ssize_t
raw_read(struct line *l, void *p, size_t n)
{
	return (l->ssl != NULL ? SSL_read(l->ssl, p, (int)n) : recv(l->fd, p, n, 0));
}

bool
line_read(struct line *l)
{
	ssize_t n;

	buf_reserve(&l->in, 65536);
	n = raw_read(l, l->in.at + l->in.len, 65536);
	if (n <= 0)
		return (false);
	l->in.len += (size_t)n;
	return (true);
}

static size_t
content_length(const struct line *l)
{
	static const char name[] = "\r\ncontent-length:";
	const char *p = l->in.at, *end = p + l->head_len;

	for (; p + sizeof(name) < end; p++)
		if (strncasecmp(p, name, sizeof(name) - 1) == 0)
			return ((size_t)strtoul(p + sizeof(name) - 1, NULL, 10));
	return (0);
}

bool
line_request(struct line *l)
{
	char *blank;

	buf_drop(&l->in, l->used);
	l->used = l->head_len = 0;
	while (l->in.len == 0 || (blank = memmem(l->in.at, l->in.len, "\r\n\r\n", 4)) == NULL)
		if (!line_read(l))
			return (false);
	l->head_len = (size_t)(blank - l->in.at) + 4;
	l->used = l->head_len + content_length(l);
	while (l->in.len < l->used)
		if (!line_read(l))
			return (false);
	l->requests++;
	l->server->requests++;
	return (true);
}

struct text
line_body(const struct line *l)
{
	return ((struct text){ l->in.at + l->head_len, l->used - l->head_len });
}

void
line_send(struct line *l, const void *bytes, size_t n)
{
	const char *p = bytes;

	while (n > 0) {
		ssize_t done = l->ssl != NULL ? SSL_write(l->ssl, p, (int)n) : send(l->fd, p, n, MSG_NOSIGNAL);

		if (done <= 0)
			return;
		p += done;
		n -= (size_t)done;
	}
}

void
line_say(struct line *l, const char *s)
{
	line_send(l, s, strlen(s));
}

void
line_wait_gone(struct line *l)
{
	while (line_read(l))
		;
	l->server->gone++;
}

void
line_reset(struct line *l)
{
	struct linger hard = { 1, 0 };

	setsockopt(l->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

static void
breathe(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

void
stage_wait(struct server *s, int at_least)
{
	while (s->stage < at_least)
		breathe();
}

static void *
line_run(void *p)
{
	struct line *l = p;
	bool ready = true;

	if (l->server->tls != NULL) {
		l->ssl = SSL_new(l->server->tls);
		SSL_set_fd(l->ssl, l->fd);
		ready = SSL_accept(l->ssl) == 1;
		if (ready && SSL_session_reused(l->ssl))
			l->server->resumed++;
	}
	if (ready)
		l->server->script(l);
	SSL_free(l->ssl);
	close(l->fd);
	buf_free(&l->in);
	l->server->running--;
	free(l);
	return (NULL);
}

static void *
server_run(void *p)
{
	struct server *s = p;
	pthread_attr_t small;
	int fd;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 256 * 1024);
	pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct line *l = must_zalloc(sizeof(*l));
		pthread_t thread;

		l->server = s;
		l->fd = fd;
		l->index = s->connections++;
		s->running++;
		if (pthread_create(&thread, &small, line_run, l) != 0)
			abort();
	}
	pthread_attr_destroy(&small);
	return (NULL);
}

static int
listening(const char *address, unsigned *port, int backlog)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address), .sin_port = htons((uint16_t)*port) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, backlog) != 0 || getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		abort();
	*port = ntohs(a.sin_port);
	return (fd);
}

unsigned
port_closed(void)
{
	unsigned port = 0;

	close(listening("127.0.0.1", &port, 1));
	return (port);
}

void
server_listen(struct server *s, const char *address, unsigned port, int backlog)
{
	s->port = port;
	s->fd = listening(address, &s->port, backlog);
}

static void
run_server(struct server *s)
{
	signal(SIGPIPE, SIG_IGN);	/* OpenSSL's writes raise it */
	if (pthread_create(&s->thread, NULL, server_run, s) != 0)
		abort();
}

void
server_start_at(struct server *s, const char *address, unsigned port, script_f *script)
{
	memset(s, 0, sizeof(*s));
	s->script = script;
	server_listen(s, address, port, 4096);
	snprintf(s->url, sizeof(s->url), "http://%s:%u/v1/chat", address, s->port);
	run_server(s);
}

void
server_start(struct server *s, script_f *script, SSL_CTX *tls)
{
	memset(s, 0, sizeof(*s));
	s->script = script;
	s->tls = tls;
	server_listen(s, "127.0.0.1", 0, 4096);
	snprintf(s->url, sizeof(s->url), "%s://127.0.0.1:%u/v1/chat", tls != NULL ? "https" : "http", s->port);
	run_server(s);
}

void
server_stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	while (s->running > 0)
		breathe();
}

/* client */

static int64_t patience_us;

void
client_start(struct client *c, const struct upstream_settings *settings)
{
	static const struct upstream_settings usual = { .dns_ttl_ms = 60000 };

	c->loop = loop_new();
	c->up = upstream_new(c->loop, settings != NULL ? settings : &usual);
	patience_us = clock_us() + 300 * INT64_C(1000000);
}

void
client_stop(struct client *c)
{
	upstream_free(c->up);
	loop_free(c->loop);
}

void
turn(struct client *c)
{
	loop_turn(c->loop, 20);
	if (clock_us() > patience_us)
		fail_msg("this took more than five minutes");
}

struct call_plan
plan_of(const char *url)
{
	static const struct text headers[] = { TEXT("Content-Type: application/json") };

	return ((struct call_plan){ .url = text_of(url), .headers = headers, .n_headers = 1, .body = TEXT("{\"n\":1}"), .verify = true,
	    .connect_ms = 60000, .first_byte_ms = 60000, .idle_ms = 60000, .total_ms = 120000 });
}

static void
keep(char *to, size_t room, struct text t)
{
	snprintf(to, room, "%.*s", TEXT_ARG(t));
}

static void
on_head(void *self, const struct call_head *head)
{
	struct heard *h = self;

	assert_int_equal(h->ends, 0);
	assert_int_equal(h->body.len, 0);
	h->heads++;
	h->status = head->status;
	h->retry_after_ms = head->retry_after_ms;
	keep(h->type, sizeof(h->type), head->content_type);
	keep(h->id, sizeof(h->id), head->request_id);
	buf_text(&h->passable, head->passable);
	buf_text(&h->lines, head->lines);
	h->length = head->length;
	if (h->on_head != NULL)
		h->on_head(h);
}

static void
on_body(void *self, const char *bytes, size_t n)
{
	struct heard *h = self;

	assert_int_equal(h->heads, 1);
	assert_int_equal(h->ends, 0);
	assert_non_null(h->call);
	h->bodies++;
	buf_add(&h->body, bytes, n);
	if (h->on_body != NULL)
		h->on_body(h);
}

static void
on_end(void *self, enum call_end end, const char *why)
{
	struct heard *h = self;

	assert_int_equal(h->ends, 0);
	assert_non_null(h->call);
	h->ends++;
	h->end = end;
	h->connect_us = call_connect_us(h->call);
	snprintf(h->why, sizeof(h->why), "%s", why);
	h->call = NULL;
	if (h->on_end != NULL)
		h->on_end(h);
}

void
call_make(struct heard *h, struct client *client, const struct call_plan *plan)
{
	struct call_hearer hearer = { on_head, on_body, on_end, h };

	h->client = client;
	h->call = upstream_call(client->up, plan, &hearer);
	assert_int_equal(h->ends, 0);
}

void
heard_cancel(struct heard *h)
{
	call_cancel(h->call);
	h->call = NULL;
}

void
heard_free(struct heard *h)
{
	buf_free(&h->passable);
	buf_free(&h->lines);
	buf_free(&h->body);
	memset(h, 0, sizeof(*h));
}

void
until_ended(struct heard *h)
{
	UNTIL(h->client, h->ends > 0);
}

void
assert_heard(const struct heard *h, int status, const char *body)
{
	if (h->end != CALL_DONE)
		fail_msg("ended with %d: %s", (int)h->end, h->why);
	assert_int_equal(h->heads, 1);
	assert_int_equal(h->status, status);
	assert_int_equal(h->body.len, strlen(body));
	assert_memory_equal(h->body.len > 0 ? h->body.at : "", body, strlen(body));
}

void
assert_ended(const struct heard *h, enum call_end end, const char *words)
{
	if (h->end != end || strstr(h->why, words) == NULL)
		fail_msg("ended with %d, not %d: %s", (int)h->end, (int)end, h->why);
}

/* scene */

void
answers(struct line *l)
{
	while (line_request(l))
		line_say(l, HELLO);
}

void
scene_open(struct scene *t, script_f *script)
{
	server_start(&t->s, script, NULL);
	client_start(&t->c, NULL);
	t->plan = plan_of(t->s.url);
}

void
scene_close(struct scene *t)
{
	client_stop(&t->c);
	server_stop(&t->s);
}

void
make(struct heard *h, struct scene *t)
{
	call_make(h, &t->c, &t->plan);
}

void
one_call(struct scene *t, int status, const char *body)
{
	struct heard h = { 0 };

	make(&h, t);
	until_ended(&h);
	assert_heard(&h, status, body);
	heard_free(&h);
}
