/* SPDX-License-Identifier: Apache-2.0 */
/* Calls through a forward proxy: one of the test's own, that does as it is told, and tinyproxy. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "certs.h"
#include "server.h"
#include "upstream/names.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct authority ours;

/* An upstream with TLS, a proxy, and a client between them. */
struct corporate {
	struct server	 upstream, proxy;
	struct client	 c;
	struct call_plan plan;
	char		 proxy_url[128];
};

static int
connect_to(unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		close(fd);
		return (-1);
	}
	return (fd);
}

static bool
pass(int from, int to)
{
	char bytes[16384];
	ssize_t n = recv(from, bytes, sizeof(bytes), 0);

	return (n > 0 && send(to, bytes, (size_t)n, MSG_NOSIGNAL) == n);
}

static void
relay(int a, int b)
{
	struct pollfd fds[2] = { { .fd = a, .events = POLLIN }, { .fd = b, .events = POLLIN } };

	while (poll(fds, 2, -1) > 0)
		if ((fds[0].revents != 0 && !pass(a, b)) || (fds[1].revents != 0 && !pass(b, a)))
			return;
}

/* "Basic corp:secret", and the headers of the tunnel must not carry the vendor's key. */
static bool
entitled(struct line *l)
{
	l->in.at[l->head_len - 1] = '\0';
	return (strstr(l->in.at, "Proxy-Authorization: Basic Y29ycDpzZWNyZXQ=\r\n") != NULL && strstr(l->in.at, "Bearer") == NULL);
}

static void
tunnels(struct line *l)
{
	char *port;
	int fd;

	if (!line_request(l))
		return;
	if (strncmp(l->in.at, "CONNECT ", 8) != 0 || !entitled(l)) {
		line_say(l, "HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	port = strchr(l->in.at, ':');
	fd = connect_to((unsigned)strtoul(port + 1, NULL, 10));
	line_say(l, "HTTP/1.1 200 Connection established\r\nContent-Type: text/proxy\r\nX-Request-Id: of the proxy\r\n\r\n");
	relay(l->fd, fd);
	close(fd);
}

/* A proxy for plain HTTP that answers itself, with the head of the request. */
static void
echoes_head(struct line *l)
{
	char head[100];

	while (line_request(l)) {
		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", l->head_len);
		line_say(l, head);
		line_send(l, l->in.at, l->head_len);
	}
}

static void
says(struct line *l)
{
	if (line_request(l))
		line_say(l, l->server->own);
}

static void
silent(struct line *l)
{
	line_wait_gone(l);
}

static void
open_corporate(struct corporate *t, script_f *proxy)
{
	static const struct text headers[] = { TEXT("Authorization: Bearer vendor-key") };
	struct upstream_settings settings = { .ca_file = text_of(ours.file), .dns_ttl_ms = 60000 };

	server_start(&t->upstream, answers, server_context(&ours, "DNS:localhost,IP:127.0.0.1", -1, 10));
	server_start(&t->proxy, proxy, NULL);
	client_start(&t->c, &settings);
	t->plan = plan_of(t->upstream.url);
	t->plan.headers = headers;
	snprintf(t->proxy_url, sizeof(t->proxy_url), "http://corp:secret@127.0.0.1:%u", t->proxy.port);
	t->plan.proxy = text_of(t->proxy_url);
}

static void
close_corporate(struct corporate *t)
{
	client_stop(&t->c);
	server_stop(&t->proxy);
	server_stop(&t->upstream);
	SSL_CTX_free(t->upstream.tls);
}

static void
expect(struct corporate *t, enum call_end end, const char *words)
{
	struct heard h = { 0 };

	call_make(&h, &t->c, &t->plan);
	until_ended(&h);
	assert_ended(&h, end, words);
	assert_null(strstr(h.why, "secret"));
	heard_free(&h);
}

static void
test_tunnel(void **state)
{
	struct corporate t;

	open_corporate(&t, tunnels);
	for (int i = 0; i < 4; i++) {
		struct heard h = { 0 };

		call_make(&h, &t.c, &t.plan);
		until_ended(&h);
		assert_heard(&h, 200, "hello");		/* one head, the vendor's */
		assert_string_equal(h.type, "text/plain");
		assert_string_equal(h.id, "");
		heard_free(&h);
	}
	assert_int_equal(t.proxy.connections, 1);
	assert_int_equal(t.upstream.requests, 4);
	close_corporate(&t);
}

static void
test_plain(void **state)
{
	struct corporate t;
	struct heard h = { 0 };

	open_corporate(&t, echoes_head);
	t.plan.url = TEXT("http://never-looked-up.test:8000/v1");
	t.plan.host = TEXT("never-looked-up.test");
	t.plan.port = 8000;
	call_make(&h, &t.c, &t.plan);
	until_ended(&h);
	assert_int_equal(h.end, CALL_DONE);
	buf_byte(&h.body, '\0');
	assert_non_null(strstr(h.body.at, "POST http://never-looked-up.test:8000/v1 HTTP/1.1\r\n"));
	assert_non_null(strstr(h.body.at, "Proxy-Authorization: Basic Y29ycDpzZWNyZXQ=\r\n"));
	heard_free(&h);
	close_corporate(&t);
}

static void
test_wrong_password(void **state)
{
	struct corporate t;

	open_corporate(&t, tunnels);
	snprintf(t.proxy_url, sizeof(t.proxy_url), "http://corp:secretary@127.0.0.1:%u", t.proxy.port);
	t.plan.proxy = text_of(t.proxy_url);
	expect(&t, CALL_PROXY, "407");
	t.plan.url = TEXT("http://vendor.test/");
	expect(&t, CALL_PROXY, "407");
	assert_int_equal(t.upstream.connections, 0);
	close_corporate(&t);
}

static void
test_proxy_refuses(void **state)
{
	static const struct {
		const char	*says, *words;
	} cases[] = {
		{ "HTTP/1.1 403 Filtered\r\nContent-Length: 2\r\n\r\nno", "403" },
		{ "HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n", "502" },
		{ "", "closed the connection" },
		{ "HTTP/1.1 200 Conn", "closed the connection" },
	};
	struct corporate t;

	open_corporate(&t, says);
	for (size_t i = 0; i < nitems(cases); i++) {
		t.proxy.own = (void *)(uintptr_t)cases[i].says;
		expect(&t, CALL_PROXY, cases[i].words);
	}
	close_corporate(&t);
}

static void
test_proxy_is_away(void **state)
{
	struct corporate t;

	open_corporate(&t, silent);
	t.plan.connect_ms = 100;
	expect(&t, CALL_TIMEOUT_CONNECT, "");
	snprintf(t.proxy_url, sizeof(t.proxy_url), "http://corp:secret@127.0.0.1:%u", port_closed());
	t.plan.proxy = text_of(t.proxy_url);
	expect(&t, CALL_UNREACHABLE, "refused");
	close_corporate(&t);
}

/* The proxy's name is looked up, and only that. */
static atomic_int asked_proxy, asked_other;

static int
resolve(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	struct addrinfo numeric = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };

	(void)hints;
	if (strcmp(host, "proxy.test") != 0) {
		asked_other++;
		return (EAI_NONAME);
	}
	asked_proxy++;
	return (getaddrinfo("127.0.0.1", service, &numeric, list));
}

static void
test_names(void **state)
{
	struct corporate t;
	char url[64];

	open_corporate(&t, tunnels);
	snprintf(t.proxy_url, sizeof(t.proxy_url), "http://corp:secret@proxy.test:%u", t.proxy.port);
	t.plan.proxy = text_of(t.proxy_url);
	snprintf(url, sizeof(url), "https://localhost:%u/", t.upstream.port);
	t.plan.url = text_of(url);
	expect(&t, CALL_DONE, "");
	snprintf(url, sizeof(url), "https://vendor.test:%u/", t.upstream.port);
	t.plan.url = text_of(url);
	expect(&t, CALL_TLS, "name");		/* the tunnel goes to the upstream, whose certificate is for another */
	snprintf(t.proxy_url, sizeof(t.proxy_url), "http://corp:secret@nobody.test:%u", t.proxy.port);
	t.plan.proxy = text_of(t.proxy_url);
	expect(&t, CALL_NO_NAME, "");
	assert_int_equal(asked_proxy, 1);
	assert_int_equal(asked_other, 1);
	close_corporate(&t);
}

/* The environment neither gives a proxy nor takes one away; with and without one are different connections. */
static void
test_environment(void **state)
{
	struct corporate t;

	open_corporate(&t, tunnels);
	setenv("NO_PROXY", "*", 1);
	setenv("no_proxy", "127.0.0.1", 1);
	expect(&t, CALL_DONE, "");
	assert_int_equal(t.proxy.connections, 1);
	t.plan.proxy = TEXT("");
	setenv("https_proxy", t.proxy_url, 1);
	setenv("HTTPS_PROXY", t.proxy_url, 1);
	setenv("ALL_PROXY", t.proxy_url, 1);
	unsetenv("NO_PROXY");
	unsetenv("no_proxy");
	expect(&t, CALL_DONE, "");
	assert_int_equal(t.proxy.requests, 1);
	assert_int_equal(t.upstream.connections, 2);
	unsetenv("https_proxy");
	unsetenv("HTTPS_PROXY");
	unsetenv("ALL_PROXY");
	close_corporate(&t);
}

/* tinyproxy (package tinyproxy-bin) */

struct tiny {
	char		 folder[64], file[96];
	unsigned	 port;
	pid_t		 pid;
};

static void
tiny_start(struct tiny *p)
{
	FILE *f;
	int fd;

	strcpy(p->folder, "/tmp/sluice-proxy-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	p->port = port_closed();
	snprintf(p->file, sizeof(p->file), "%s/t.conf", p->folder);
	f = fopen(p->file, "w");
	fprintf(f, "Port %u\nListen 127.0.0.1\nTimeout 60\nLogLevel Critical\nAllow 127.0.0.1\nBasicAuth corp secret\n", p->port);
	fclose(f);
	p->pid = fork();
	if (p->pid == 0) {
		execlp("tinyproxy", "tinyproxy", "-d", "-c", p->file, (char *)NULL);
		_exit(127);
	}
	while ((fd = connect_to(p->port)) < 0) {
		if (waitpid(p->pid, NULL, WNOHANG) != 0)
			fail_msg("tinyproxy does not start: apt-get install tinyproxy-bin");
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	close(fd);
}

static void
tiny_stop(struct tiny *p)
{
	kill(p->pid, SIGTERM);
	waitpid(p->pid, NULL, 0);
	unlink(p->file);
	rmdir(p->folder);
}

static void
test_tinyproxy(void **state)
{
	struct corporate t;
	struct tiny p;
	char plain[64];
	struct server http;

	tiny_start(&p);
	open_corporate(&t, silent);
	server_start(&http, answers, NULL);
	snprintf(plain, sizeof(plain), "%s", http.url);
	snprintf(t.proxy_url, sizeof(t.proxy_url), "http://corp:secret@127.0.0.1:%u", p.port);
	t.plan.proxy = text_of(t.proxy_url);
	expect(&t, CALL_DONE, "");
	t.plan.url = text_of(plain);
	expect(&t, CALL_DONE, "");
	assert_int_equal(t.upstream.requests, 1);
	assert_int_equal(http.requests, 1);
	snprintf(t.proxy_url, sizeof(t.proxy_url), "http://127.0.0.1:%u", p.port);
	t.plan.proxy = text_of(t.proxy_url);
	expect(&t, CALL_PROXY, "407");
	t.plan.url = text_of(t.upstream.url);
	expect(&t, CALL_PROXY, "407");
	close_corporate(&t);
	server_stop(&http);
	tiny_stop(&p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_wrong_password),
		cmocka_unit_test(test_proxy_refuses),
		cmocka_unit_test(test_proxy_is_away),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_tinyproxy),
	};
	int failed;

	names_resolver = resolve;
	authority_make(&ours, "our authority");
	failed = cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
	authority_free(&ours);
	return (failed);
}
