/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scripted upstream of tests and benchmarks: a vendor that answers, fails, stalls and breaks off as it is told, and checks what it receives.
 *
 * How a request is answered is said by its model (`anything/script:cut,after=3`; at Azure's paths the deployment), else by its header `x-script`,
 * else on the command line.  A path with /files in it is echoed.  GET /_/log is what was received, GET /_/stats the counts, POST /_/reset forgets.
 */
#include "peer.h"
#include "stored.h"
#include "tokens.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MODELS_COUNTED	4096
#define LOOKED_AT	4096			/* bytes at either end of a body that are looked at in a hurry */

static struct kit kit;

/* how often a model was asked */

static struct {
	struct buf	 model;
	int64_t		 asked;
} counted[MODELS_COUNTED];
static unsigned n_counted;

static int64_t
count_model(struct quoted model)
{
	struct text name = { model.at, model.len };
	unsigned i = 0;

	while (i < n_counted && !text_eq(buf_as_text(&counted[i].model), name))
		i++;
	if (i == MODELS_COUNTED)
		return (0);
	if (i == n_counted) {
		n_counted++;
		buf_text(&counted[i].model, name);
	}
	return (counted[i].asked++);
}

static void
forget_counts(void)
{
	while (n_counted > 0) {
		buf_free(&counted[--n_counted].model);
		counted[n_counted].asked = 0;
	}
}

/* what is wrong with a request */

static bool
holds(struct text in, struct text what)
{
	return (what.len > 0 && memmem(in.at, in.len, what.at, what.len) != NULL);
}

static void
check_lines(const struct http_request *r, struct entry *e)
{
	struct text rest = r->head, line, name, value;

	if (!text_starts(r->path, TEXT("/")) || !text_cut(rest, '\n', &line, &rest) || !text_ends(line, TEXT(" HTTP/1.1\r")))
		journal_problem(kit.journal, e, "the request line is malformed");
	if (memchr(r->head.at, '\0', r->head.len) != NULL)
		journal_problem(kit.journal, e, "a NUL in the head");
	while (text_cut(rest, '\n', &line, &rest) && !text_is(line, "\r")) {
		if (!text_cut(line, ':', &name, &value) || name.len == 0 || memchr(name.at, ' ', name.len) != NULL || !text_ends(line, TEXT("\r")))
			journal_problem(kit.journal, e, "a header line is malformed");
		if (name.len >= 10 && text_eq_nocase(text_sub(name, 0, 10), TEXT("x-litellm-")))
			journal_problem(kit.journal, e, "a header that is the gateway's own: " TEXT_FMT, TEXT_ARG(name));
		if (text_eq_nocase(name, TEXT("cookie")))
			journal_problem(kit.journal, e, "a cookie");
		if (head_find(rest, "content-length").at != NULL && text_eq_nocase(name, TEXT("content-length")))
			journal_problem(kit.journal, e, "Content-Length twice");
	}
}

static void
check_request(const struct http_request *r, struct entry *e)
{
	check_lines(r, e);
	if (head_find(r->head, "host").len == 0)
		journal_problem(kit.journal, e, "no Host");
	if (text_is(r->method, "POST") && head_find(r->head, "content-length").at == NULL && head_find(r->head, "transfer-encoding").at == NULL)
		journal_problem(kit.journal, e, "a POST without a length");
	for (unsigned i = 0; i < kit.n_forbidden; i++)
		if (holds(r->head, kit.forbidden[i]) || holds(r->body, kit.forbidden[i]))
			journal_problem(kit.journal, e, "forbidden text %u arrived", i + 1);
}

static const struct json *
check_body(const struct http_request *r, struct entry *e, struct arena *arena)
{
	struct json_fault fault = { 0 };
	struct json *body = json_parse(arena, r->body, &fault);

	if (!text_starts(head_find(r->head, "content-type"), TEXT("application/json")))
		journal_problem(kit.journal, e, "a body that is not called application/json");
	if (body == NULL)
		journal_problem(kit.journal, e, "the body is not JSON: %s at %zu", fault.what != NULL ? fault.what : "?", fault.at);
	else if (body->type != JSON_OBJECT)
		journal_problem(kit.journal, e, "the body is not an object");
	return (body);
}

static struct text
key_of(const struct http_request *r, bool azure)
{
	static const char *const names[] = { "authorization", "api-key", "x-api-key" };

	for (size_t i = 0; i < nitems(names) - azure; i++) {
		struct text value = head_find(r->head, names[i]);

		if (text_starts(value, TEXT("Bearer ")))
			value = text_sub(value, 7, value.len);
		if (value.len > 0)
			return (value);
	}
	return (TEXT(""));
}

/* what is asked */

static void
read_ask(struct ask *ask, const struct json *body)
{
	ask->body = body;
	if (!ask->azure)
		ask->model = json_quoted(json_get(body, "model"));
	ask->stream = ask->dialect != EMBEDDINGS && json_true(json_get(body, "stream"));
	ask->wants_usage = json_true(json_get(json_get(body, "stream_options"), "include_usage"));
	ask->asked = count_model(ask->model);
}

static bool
says(struct text body, const char *tight, const char *loose)
{
	return (holds(body, text_of(tight)) || holds(body, text_of(loose)));
}

/* In a hurry: by looking for what our own clients write. */
static void
guess_ask(struct ask *ask, struct text body)
{
	struct text front = text_sub(body, 0, LOOKED_AT), back = text_sub(body, body.len > LOOKED_AT ? body.len - LOOKED_AT : 0, body.len), rest;
	const char *at = memmem(front.at, front.len, "\"model\":", 8);

	ask->stream = ask->dialect != EMBEDDINGS &&
	    (says(front, "\"stream\":true", "\"stream\": true") || says(back, "\"stream\":true", "\"stream\": true"));
	ask->wants_usage = says(front, "\"include_usage\":true", "\"include_usage\": true") || says(back, "\"include_usage\":true", "\"include_usage\": true");
	if (at == NULL || ask->azure)
		return;
	at += at[8] == ' ' ? 10 : 9;
	text_cut((struct text){ at, (size_t)(front.at + front.len - at) }, '"', &front, &rest);
	ask->model = (struct quoted){ front.at, front.len };
}

static struct text
script_of(const struct ask *ask, const struct http_request *r)
{
	const char *at = ask->model.len > 0 ? memmem(ask->model.at, ask->model.len, "script:", 7) : NULL;
	struct text header;

	if (at != NULL)
		return ((struct text){ at + 7, (size_t)(ask->model.at + ask->model.len - at) - 7 });
	header = head_find(r->head, "x-script");
	return (header.len > 0 ? header : kit.script);
}

/* answers */

static struct play *
not_let_in(const struct ask *ask)
{
	if (ask->azure)
		return (play_plain(401, "application/json", TEXT("{\"statusCode\":401,\"message\":\"Unauthorized. Access token is missing, invalid, audience is "
		    "incorrect, or have expired.\"}")));
	return (play_refusal(ask->dialect, 401, "Incorrect API key provided."));
}

/* Makes the response's id, and keeps what was answered if it is to be stored. */
static struct play *
answer_kept(const struct http_request *r, struct ask *ask, struct text key)
{
	static unsigned number;
	struct buf response = { 0 };
	struct play *play = stored_refuse(ask, key);
	char id[48];

	if (play != NULL)
		return (play);
	snprintf(id, sizeof(id), "resp_kit_%x_%u", (unsigned)getpid(), ++number);
	ask->id = text_of(id);
	ask->kept = &response;
	play = play_of(script_of(ask, r), ask);
	stored_keep(ask, key, buf_as_text(&response));
	buf_free(&response);
	return (play);
}

static struct play *
refuse_input(const struct ask *ask)
{
	const struct json *input = json_get(ask->body, "input");
	bool empty = json_is(input, JSON_ARRAY) ? input->count == 0 : !json_is(input, JSON_STRING) || json_quoted(input).len == 0;

	if (ask->dialect != EMBEDDINGS || ask->body == NULL || !empty)
		return (NULL);
	return (play_refusal(EMBEDDINGS, 400, "Invalid 'input': input cannot be an empty string or array."));
}

static struct play *
answer_asked(const struct http_request *r, struct entry *e, struct ask *ask)
{
	struct text key = key_of(r, ask->azure);
	struct arena *arena = NULL;
	struct play *play;

	ask->mark = (uint32_t)text_hash(key);
	if (kit.journal != NULL) {
		arena = arena_new();
		read_ask(ask, check_body(r, e, arena));
		if (ask->model.len == 0)
			journal_problem(kit.journal, e, "no model");
	} else
		guess_ask(ask, r->body);
	if (kit.expect_key.len > 0 && !text_eq(key, kit.expect_key))
		play = not_let_in(ask);
	else if ((play = refuse_input(ask)) == NULL)
		play = ask->dialect == RESPONSES && arena != NULL ? answer_kept(r, ask, key) : play_of(script_of(ask, r), ask);
	arena_free(arena);
	return (play);
}

static struct play *
answer_chat(const struct http_request *r, struct entry *e)
{
	return (answer_asked(r, e, &(struct ask){ .dialect = CHAT }));
}

static struct play *
answer_messages(const struct http_request *r, struct entry *e)
{
	if (e != NULL && head_find(r->head, "anthropic-version").len == 0)
		journal_problem(kit.journal, e, "no anthropic-version");
	return (answer_asked(r, e, &(struct ask){ .dialect = MESSAGES }));
}

static struct play *
answer_count(const struct http_request *r, struct entry *e)
{
	return (answer_asked(r, e, &(struct ask){ .dialect = MESSAGES, .count = true }));
}

static struct play *
azure_not_found(struct entry *e)
{
	if (e != NULL)
		journal_problem(kit.journal, e, "no such path of Azure's, or no api-version");
	return (play_plain(404, "application/json", TEXT("{\"error\":{\"code\":\"404\",\"message\":\"Resource not found\"}}")));
}

static struct play *
answer_responses(const struct http_request *r, struct entry *e)
{
	if (text_starts(r->path, TEXT("/openai/responses")) && !holds(r->path, TEXT("?api-version=")))
		return (azure_not_found(e));
	return (answer_asked(r, e, &(struct ask){ .dialect = RESPONSES }));
}

static struct play *
answer_input_tokens(const struct http_request *r, struct entry *e)
{
	return (answer_asked(r, e, &(struct ask){ .dialect = RESPONSES, .count = true }));
}

static struct play *
answer_compact(const struct http_request *r, struct entry *e)
{
	return (answer_asked(r, e, &(struct ask){ .dialect = RESPONSES, .compact = true }));
}

static struct play *
answer_completions(const struct http_request *r, struct entry *e)
{
	return (answer_asked(r, e, &(struct ask){ .dialect = COMPLETIONS }));
}

static struct play *
answer_embeddings(const struct http_request *r, struct entry *e)
{
	return (answer_asked(r, e, &(struct ask){ .dialect = EMBEDDINGS }));
}

/* A server that speaks chat completions only, as FastAPI says so. */
static struct play *
answer_nothing(const struct http_request *r, struct entry *e)
{
	return (play_plain(404, "application/json", TEXT("{\"detail\":\"Not Found\"}")));
}

/* stored responses */

/* The segment of the path after /responses. */
static struct text
id_of(const struct http_request *r)
{
	struct text path, query, id;
	const char *at;

	text_cut(r->path, '?', &path, &query);
	at = memmem(path.at, path.len, "/responses/", 11);
	path = text_sub(path, (size_t)(at - path.at) + 11, path.len);
	text_cut(path, '/', &id, &query);
	return (id);
}

static struct play *
answer_stored(const struct http_request *r, struct entry *e)
{
	return (stored_show(id_of(r), key_of(r, false), holds(r->path, TEXT("stream=true"))));
}

static struct play *
answer_delete(const struct http_request *r, struct entry *e)
{
	return (stored_delete(id_of(r), key_of(r, false)));
}

static struct play *
answer_inputs(const struct http_request *r, struct entry *e)
{
	return (stored_inputs(id_of(r), key_of(r, false)));
}

static struct play *
answer_cancel(const struct http_request *r, struct entry *e)
{
	return (stored_cancel(id_of(r), key_of(r, false)));
}

/* Azure: the deployment is in the path and names the script, the body's model is not looked at. */

static const struct {
	const char	*operation;
	enum dialect	 dialect;
} operations[] = { { "chat/completions", CHAT }, { "completions", COMPLETIONS }, { "embeddings", EMBEDDINGS } };

static struct play *
answer_azure(const struct http_request *r, struct entry *e)
{
	struct text path, query, deployment, operation;
	struct ask ask = { .azure = true };
	struct arena *arena = arena_new();
	struct play *play = NULL;
	const char *at;

	text_cut(r->path, '?', &path, &query);
	at = memmem(path.at, path.len, "/openai/deployments/", 20);
	path = text_sub(path, (size_t)(at - path.at) + 20, path.len);
	text_cut(path, '/', &deployment, &operation);
	deployment = percent_decode(arena, deployment);
	ask.model = (struct quoted){ deployment.at, deployment.len };
	for (size_t i = 0; i < nitems(operations) && form_field(arena, query, "api-version").len > 0; i++)
		if (text_is(operation, operations[i].operation)) {
			ask.dialect = operations[i].dialect;
			play = answer_asked(r, e, &ask);
		}
	arena_free(arena);
	return (play != NULL ? play : azure_not_found(e));
}

static struct play *
answer_secret(const struct http_request *r, struct entry *e)
{
	return (token_for_secret(&kit, r));
}

static struct play *
answer_machine(const struct http_request *r, struct entry *e)
{
	return (token_for_machine(&kit, r));
}

/* The body comes back as it was; the query says the rest: ?status=418&header=X-Any:%20thing&header=… */
static struct play *
answer_echo(const struct http_request *r, struct entry *e)
{
	struct arena *arena = arena_new();
	struct text path, query, one, name, value, type = head_find(r->head, "content-type");
	struct buf headers = { 0 };
	struct play *play;
	int64_t status = 200;

	text_cut(r->path, '?', &path, &query);
	(void)text_to_i64(form_field(arena, query, "status"), &status);
	buf_print(&headers, "x-kit-method: " TEXT_FMT "\r\nx-kit-path: " TEXT_FMT "\r\n", TEXT_ARG(r->method), TEXT_ARG(r->path));
	for (bool more = query.len > 0; more; ) {
		more = text_cut(query, '&', &one, &query);
		if (text_cut(one, '=', &name, &value) && text_is(name, "header"))
			buf_print(&headers, TEXT_FMT "\r\n", TEXT_ARG(percent_decode(arena, value)));
	}
	if (type.len > 0 && !text_has(buf_as_text(&headers), TEXT("content-type:")))
		buf_print(&headers, "Content-Type: " TEXT_FMT "\r\n", TEXT_ARG(type));
	play = play_whole((int)status, buf_as_text(&headers), text_is(r->method, "HEAD") ? TEXT("") : r->body);
	buf_free(&headers);
	arena_free(arena);
	return (play);
}

static struct play *
answer_models(const struct http_request *r, struct entry *e)
{
	if (head_find(r->head, "anthropic-version").len > 0)
		return (play_plain(200, "application/json", TEXT("{\"data\":[{\"type\":\"model\",\"id\":\"script:fixed\",\"display_name\":\"Fixed\","
		    "\"created_at\":\"2025-01-01T00:00:00Z\"}],\"has_more\":false,\"first_id\":\"script:fixed\",\"last_id\":\"script:fixed\"}")));
	return (play_plain(200, "application/json",
	    TEXT("{\"object\":\"list\",\"data\":[{\"id\":\"script:fixed\",\"object\":\"model\",\"created\":1790000000,\"owned_by\":\"kit\"}]}")));
}

static struct play *
answer_log(const struct http_request *r, struct entry *e)
{
	struct buf out = { 0 };
	struct play *play;

	if (kit.journal == NULL)
		return (play_refusal(CHAT, 404, "nothing is kept with --bench"));
	journal_print(kit.journal, &out);
	play = play_plain(200, "application/json", buf_as_text(&out));
	buf_free(&out);
	return (play);
}

static struct play *
answer_stats(const struct http_request *r, struct entry *e)
{
	struct buf out = { 0 };
	struct play *play;

	buf_print(&out, "{\"accepted\":%llu,\"open\":%llu,\"requests\":%llu,\"playing\":%llu,\"aborted\":%llu,\"problems\":%llu}",
	    (unsigned long long)kit.accepted, (unsigned long long)kit.open, (unsigned long long)kit.requests, (unsigned long long)kit.playing,
	    (unsigned long long)kit.aborted, (unsigned long long)(kit.journal != NULL ? journal_problems(kit.journal) : 0));
	play = play_plain(200, "application/json", buf_as_text(&out));
	buf_free(&out);
	return (play);
}

static struct play *
answer_reset(const struct http_request *r, struct entry *e)
{
	if (kit.journal != NULL)
		journal_reset(kit.journal);
	stored_forget();
	forget_counts();
	kit.requests = kit.aborted = 0;
	return (play_plain(200, "application/json", TEXT("{}")));
}

static const struct {
	const char	*method, *ends;		/* of the path, without its query; * is one segment */
	struct play	*(*answer)(const struct http_request *, struct entry *);
} paths[] = {
	{ "POST", "/openai/deployments/*/*", answer_azure },
	{ "POST", "/openai/deployments/*/*/*", answer_azure },
	{ "POST", "/chat/completions", answer_chat },
	{ "POST", "/messages", answer_messages },
	{ "POST", "/messages/count_tokens", answer_count },
	{ "POST", "/chat-only/v1/responses", answer_nothing },
	{ "POST", "/responses", answer_responses },
	{ "POST", "/responses/input_tokens", answer_input_tokens },
	{ "POST", "/responses/compact", answer_compact },
	{ "GET", "/responses/*", answer_stored },
	{ "DELETE", "/responses/*", answer_delete },
	{ "GET", "/responses/*/input_items", answer_inputs },
	{ "POST", "/responses/*/cancel", answer_cancel },
	{ "POST", "/completions", answer_completions },
	{ "POST", "/embeddings", answer_embeddings },
	{ "GET", "/models", answer_models },
	{ "POST", "/*/oauth2/v2.0/token", answer_secret },
	{ "GET", "/identity/oauth2/token", answer_machine },
	{ "GET", "/_/log", answer_log },
	{ "GET", "/_/stats", answer_stats },
	{ "POST", "/_/reset", answer_reset },
};

static struct text
last_segment(struct text *path)
{
	size_t at = path->len;
	struct text segment;

	while (at > 0 && path->at[at - 1] != '/')
		at--;
	segment = text_sub(*path, at, path->len);
	*path = text_sub(*path, 0, at > 0 ? at - 1 : 0);
	return (segment);
}

static bool
path_ends(struct text path, struct text pattern)
{
	while (pattern.len > 0) {
		struct text wanted = last_segment(&pattern), found = last_segment(&path);

		if (text_is(wanted, "*") ? found.len == 0 : !text_eq(wanted, found))
			return (false);
	}
	return (true);
}

struct play *
kit_answer(struct kit *k, const struct http_request *r, struct entry *e)
{
	struct text path, query;

	if (e != NULL)
		check_request(r, e);
	text_cut(r->path, '?', &path, &query);
	for (size_t i = 0; i < nitems(paths); i++)
		if (text_is(r->method, paths[i].method) && path_ends(path, text_of(paths[i].ends)))
			return (paths[i].answer(r, e));
	if (holds(path, TEXT("/files")))
		return (answer_echo(r, e));
	if (e != NULL)
		journal_problem(k->journal, e, "no such path");
	return (play_refusal(CHAT, 404, "no such path"));
}

/* the server */

static void
accept_some(struct watch *w, uint32_t events)
{
	int one = 1, fd;

	for (int i = 0; i < 64 && (fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0; i++) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		peer_new(&kit, fd);
	}
}

static void
caught(void *self, int signal)
{
	loop_stop(kit.loop);
}

static void
die(const char *what)
{
	fprintf(stderr, "scripted: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int
listen_on(const char *host, int port, int *got)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (inet_pton(AF_INET, host, &a.sin_addr) != 1 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 4096) != 0)
		die("listen");
	getsockname(fd, (struct sockaddr *)&a, &len);
	*got = ntohs(a.sin_port);
	return (fd);
}

static void
tls_die(const char *what)
{
	fprintf(stderr, "scripted: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static SSL_CTX *
tls_new(const char *cert, const char *key, const char *client_ca)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1 || SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
		tls_die("certificate or key");
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_id_context(tls, (const unsigned char *)"kit", 3);
	if (client_ca == NULL)
		return (tls);
	if (SSL_CTX_load_verify_locations(tls, client_ca, NULL) != 1)
		tls_die("client CA");
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return (tls);
}

static const char usage[] =
    "usage: scripted [--port N] [--host 127.0.0.1] [--script NAME,option=value…] [--tls CERT KEY] [--client-ca FILE]\n"
    "                [--expect-key KEY] [--forbid TEXT]… [--bench] [--with-parent]\n"
    "--forbid TEXT    is a problem in the log wherever it arrives\n"
    "--bench          check nothing, keep nothing\n"
    "--with-parent    end when the parent process does\n";

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "port", 1, NULL, 'p' }, { "host", 1, NULL, 'h' }, { "script", 1, NULL, 's' }, { "tls", 1, NULL, 't' }, { "client-ca", 1, NULL, 'c' },
		{ "expect-key", 1, NULL, 'k' }, { "forbid", 1, NULL, 'f' }, { "bench", 0, NULL, 'b' }, { "with-parent", 0, NULL, 'w' }, { 0 },
	};
	const char *host = "127.0.0.1", *cert = NULL, *key = NULL, *client_ca = NULL;
	int c, port = 0, signals[] = { SIGTERM, SIGINT };
	bool bench = false;
	struct watch listener = { .ready = accept_some };
	struct rlimit files;

	kit.script = TEXT("fixed");
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 'p': port = atoi(optarg); break;
		case 'h': host = optarg; break;
		case 's': kit.script = text_of(optarg); break;
		case 't': cert = optarg; key = optind < argc ? argv[optind++] : ""; break;
		case 'c': client_ca = optarg; break;
		case 'k': kit.expect_key = text_of(optarg); break;
		case 'f': if (kit.n_forbidden < nitems(kit.forbidden)) kit.forbidden[kit.n_forbidden++] = text_of(optarg); break;
		case 'b': bench = true; break;
		case 'w': prctl(PR_SET_PDEATHSIG, SIGTERM); break;
		default: fputs(usage, stderr); return (2);
		}
	}
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	kit.loop = loop_new();
	kit.journal = bench ? NULL : journal_new();
	kit.tls = cert != NULL ? tls_new(cert, key, client_ca) : NULL;
	loop_signals(kit.loop, signals, nitems(signals), caught, NULL);
	listener.fd = listen_on(host, port, &port);
	watch_add(kit.loop, &listener, EPOLLIN);
	printf("listening %d\n", port);
	fflush(stdout);
	loop_run(kit.loop);
	peer_free_all(&kit);
	watch_remove(kit.loop, &listener);
	close(listener.fd);
	if (kit.journal != NULL)
		journal_free(kit.journal);
	play_forget_shared();
	stored_forget();
	forget_counts();
	SSL_CTX_free(kit.tls);
	loop_free(kit.loop);
	return (0);
}
