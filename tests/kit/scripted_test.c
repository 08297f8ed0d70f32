/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted upstream does what its scripts say, and sees what is wrong with what it receives: a broken kit would make every journey lie. */
#include "base/json.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS	10000
#define CHAT		"/v1/chat/completions"
#define MESSAGES	"/v1/messages"
#define RESPONSES	"/v1/responses"
#define COMPLETIONS	"/v1/completions"
#define EMBEDDINGS	"/v1/embeddings"
#define KEY		"sk-kit-expected"
#define SECRET		"sk-the-gateways-own"

struct server {
	pid_t	 pid;
	int	 port;
};

enum end { WHOLE, CUT, RESET };

struct answer {
	struct buf	 raw, body;		/* body without its chunk framing */
	struct text	 head;
	int		 status;
	enum end	 end;
};

static struct server plain, strict;

/* programs */

static pid_t
spawn(const char *const argv[], int *out)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], 1);
		close(ends[0]);
		close(ends[1]);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(ends[1]);
	*out = ends[0];
	return (pid);
}

static void
server_start(struct server *s, const char *option, const char *value)
{
	const char *argv[] = { "tests/kit/scripted", "--with-parent", "--forbid", SECRET, option, value, NULL };
	char line[64] = "";
	int out;

	s->pid = spawn(argv, &out);
	for (size_t at = 0; at < sizeof(line) - 1 && memchr(line, '\n', at) == NULL; at++)
		assert_int_equal(read(out, line + at, 1), 1);
	assert_int_equal(sscanf(line, "listening %d", &s->port), 1);
	close(out);
}

static void
server_stop(struct server *s)
{
	int status;

	kill(s->pid, SIGTERM);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_int_equal(status, 0);
}

static int
start_both(void **state)
{
	server_start(&plain, NULL, NULL);
	server_start(&strict, "--expect-key", KEY);
	return (0);
}

static int
stop_both(void **state)
{
	server_stop(&plain);
	server_stop(&strict);
	return (0);
}

/* talking to them */

static int
dial(const struct server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return (fd);
}

static void
put(int fd, struct text t)
{
	assert_int_equal(send(fd, t.at, t.len, MSG_NOSIGNAL), (ssize_t)t.len);
}

static bool
has(const struct buf *b, const char *what)
{
	return (b->len > 0 && memmem(b->at, b->len, what, strlen(what)) != NULL);
}

static unsigned
count_of(const struct buf *b, const char *what)
{
	const char *at = b->at, *end = b->at + b->len;
	unsigned n = 0;

	while ((at = memmem(at, (size_t)(end - at), what, strlen(what))) != NULL) {
		at += strlen(what);
		n++;
	}
	return (n);
}

/* Takes the body out of `raw`; true: it is complete. */
static bool
unframe(struct answer *a)
{
	const char *blank = a->raw.len > 0 ? memmem(a->raw.at, a->raw.len, "\r\n\r\n", 4) : NULL, *at, *end, *length;

	a->body.len = 0;
	if (blank == NULL)
		return (false);
	end = a->raw.at + a->raw.len;
	a->head = (struct text){ a->raw.at, (size_t)(blank + 2 - a->raw.at) };
	a->status = atoi(a->raw.at + 9);
	at = blank + 4;
	if ((length = memmem(a->head.at, a->head.len, "Content-Length: ", 16)) != NULL) {
		buf_add(&a->body, at, (size_t)(end - at));
		return (a->body.len >= strtoul(length + 16, NULL, 10));
	}
	for (;;) {
		const char *eol = memmem(at, (size_t)(end - at), "\r\n", 2);
		size_t size;

		if (eol == NULL)
			return (false);
		size = strtoul(at, NULL, 16);
		if ((size_t)(end - eol) < size + 4) {
			buf_add(&a->body, eol + 2, (size_t)(end - eol - 2));
			return (false);
		}
		if (size == 0)
			return (true);
		buf_add(&a->body, eol + 2, size);
		at = eol + 2 + size + 2;
	}
}

/* Reads until the answer is complete or broken off, or until `enough` came. */
static void
hear(int fd, struct answer *a, const char *enough)
{
	a->end = WHOLE;
	while (!unframe(a) && (enough == NULL || !has(&a->raw, enough))) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n;

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		buf_reserve(&a->raw, 65536);
		n = recv(fd, a->raw.at + a->raw.len, 65536, 0);
		if (n <= 0) {
			a->end = n == 0 ? CUT : RESET;
			unframe(a);
			break;
		}
		a->raw.len += (size_t)n;
	}
	buf_byte(&a->body, '\0');
	a->body.len--;
}

static void
forget(struct answer *a)
{
	buf_free(&a->raw);
	buf_free(&a->body);
	*a = (struct answer){ 0 };
}

static void
print_request(struct buf *out, const char *path, const char *headers, const char *body)
{
	buf_print(out, "%s %s HTTP/1.1\r\nHost: kit\r\n%s", body != NULL ? "POST" : "GET", path, headers);
	if (body != NULL)
		buf_print(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
	buf_print(out, "\r\n%s", body != NULL ? body : "");
}

static struct answer
ask(const struct server *s, const char *path, const char *headers, const char *body)
{
	struct buf request = { 0 };
	struct answer a = { 0 };
	int fd = dial(s);

	print_request(&request, path, headers, body);
	put(fd, buf_as_text(&request));
	hear(fd, &a, NULL);
	buf_free(&request);
	close(fd);
	return (a);
}

static char *
body_of(const char *model, bool stream)
{
	static char body[1024];

	snprintf(body, sizeof(body), "{\"model\":\"openai/script:%s\",\"stream\":%s,\"max_tokens\":9,\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
	    "{\"role\":\"user\",\"content\":\"say gr\\u00fc\\u00df\"}]}", model, stream ? "true" : "false");
	return (body);
}

static struct answer
play(const char *path, const char *model, bool stream)
{
	return (ask(&plain, path, "anthropic-version: 2023-06-01\r\n", body_of(model, stream)));
}

static void
reset(const struct server *s)
{
	struct answer a = ask(s, "/_/reset", "", "{}");

	assert_int_equal(a.status, 200);
	forget(&a);
}

/* Asks `path` until the answer says `wanted`. */
static struct answer
wait_until(const struct server *s, const char *path, const char *wanted)
{
	struct answer a = { 0 };

	for (int tries = 0; tries < 5000; tries++) {
		a = ask(s, path, "", NULL);
		if (has(&a.body, wanted))
			return (a);
		forget(&a);
	}
	fail_msg("%s never said %s", path, wanted);
	return (a);
}

/* scripts */

struct row {
	const char	*model;
	const char	*path;
	bool		 stream;
	int		 status;
	enum end	 end;
	const char	*has[4];		/* in the raw answer */
	const char	*lacks;
};

static const struct row rows[] = {
	{ "fixed", CHAT, false, 200, WHOLE, { "\"content\":\"Hello from the scripted upstream.\"", "\"finish_reason\":\"stop\"", "\"prompt_tokens\":12" }, "tool_calls" },
	{ "fixed", CHAT, true, 200, WHOLE, { "text/event-stream", "\"content\":\"Hello \"", "\"finish_reason\":\"stop\"", "data: [DONE]\n\n" }, "usage" },
	{ "fixed", MESSAGES, false, 200, WHOLE, { "\"type\":\"text\",\"text\":\"Hello from the scripted upstream.\"", "\"end_turn\"", "\"input_tokens\":12" }, "choices" },
	{ "fixed", MESSAGES, true, 200, WHOLE, { "event: message_start\n", "\"text\":\"Hello \"", "event: message_stop\n" }, "[DONE]" },
	{ "fixed,bytes=2000", CHAT, false, 200, WHOLE, { "abcdefghijklmnopqrstuvwxyzabc" }, NULL },
	{ "fixed,in=42", MESSAGES "/count_tokens", false, 200, WHOLE, { "{\"input_tokens\":42}" }, NULL },
	{ "echo", CHAT, false, 200, WHOLE, { "\"content\":\"say gr\\u00fc\\u00df\"" }, NULL },
	{ "echo", MESSAGES, true, 200, WHOLE, { "\"text\":\"gr\\u00fc\\u00df\"" }, NULL },
	{ "tools,n=2", CHAT, false, 200, WHOLE, { "\"id\":\"call_kit_1\"", "\"arguments\":\"{\\\"city\\\":\\\"Paris\\\"}\"", "\"finish_reason\":\"tool_calls\"" }, NULL },
	{ "tools,n=2", CHAT, true, 200, WHOLE, { "\"index\":1,\"id\":\"call_kit_1\"", "\"arguments\":\"{\\\"city\\\":\"", "\"finish_reason\":\"tool_calls\"" }, NULL },
	{ "tools,index=none", CHAT, true, 200, WHOLE, { "\"tool_calls\":[{\"id\":\"call_kit_0\"" }, "\"tool_calls\":[{\"index\"" },
	{ "tools,noargs", MESSAGES, true, 200, WHOLE, { "\"tool_use\",\"id\":\"toolu_kit_0\"", "\"stop_reason\":\"tool_use\"" }, "input_json_delta" },
	{ "reasoning", CHAT, true, 200, WHOLE, { "\"reasoning_content\":\"thought 0, \"" }, NULL },
	{ "reasoning,field=both", CHAT, false, 200, WHOLE, { "\"reasoning\":\"thought 0, thought 1, thought 2\"", "\"reasoning_content\":\"thought 0" }, NULL },
	{ "reasoning,tags", CHAT, true, 200, WHOLE, { "\"content\":\"<think>thought 0", "</think>" }, "reasoning_content" },
	{ "reasoning", MESSAGES, true, 200, WHOLE, { "thinking_delta", "signature_delta", "\"index\":1,\"content_block\":{\"type\":\"text\"" }, NULL },
	{ "slow,first=1,gap=1,chunks=3,size=10", CHAT, true, 200, WHOLE, { "\"content\":\"000000 xxx\"", "\"content\":\"000002 xxx\"", "[DONE]" }, "000003" },
	{ "refuse,status=429,retry-after=7", CHAT, false, 429, WHOLE, { "Retry-After: 7\r\n", "\"type\":\"rate_limit_error\",\"param\":null" }, NULL },
	{ "refuse,status=529", MESSAGES, true, 529, WHOLE, { "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"" }, NULL },
	{ "refuse,status=400,code=context_length_exceeded", CHAT, false, 400, WHOLE, { "\"code\":\"context_length_exceeded\"" }, NULL },
	{ "refuse,status=400,make=vllm", CHAT, false, 400, WHOLE, { "{\"error\":{", "\"code\":400" }, NULL },
	{ "refuse,status=400,make=vllm-old", CHAT, false, 400, WHOLE, { "{\"object\":\"error\",\"message\"" }, NULL },
	{ "refuse,status=422,make=fastapi", CHAT, false, 422, WHOLE, { "{\"detail\":[{\"loc\"" }, NULL },
	{ "refuse,status=502,make=html", CHAT, true, 502, WHOLE, { "text/html", "<html>" }, NULL },
	{ "refuse,status=503,make=empty", CHAT, true, 503, WHOLE, { "Content-Length: 0\r\n" }, NULL },
	{ "refuse,status=400,message=say %22no%22%2C twice", CHAT, false, 400, WHOLE, { "\"message\":\"say \\\"no\\\", twice\"" }, NULL },
	{ "cut,after=2", CHAT, true, 200, CUT, { "\"role\":\"assistant\"", "\"Hello \"" }, "from " },
	{ "cut,after=head", CHAT, true, 200, CUT, { "text/event-stream" }, "data:" },
	{ "cut,after=2,mode=chunk", CHAT, true, 200, CUT, { "\"Hello \"", "data: {\"id\"" }, "from " },
	{ "cut,after=2,mode=rst", CHAT, true, 200, RESET, { "HTTP/1.1 200" }, "from " },
	{ "cut", CHAT, false, 200, CUT, { "Content-Length: " }, "usage" },
	{ "nothing", CHAT, true, 0, CUT, { NULL }, "HTTP" },
	{ "html", CHAT, false, 200, WHOLE, { "text/html", "<html>" }, NULL },
	{ "garbage", CHAT, false, 0, CUT, { "this is not HTTP" }, "HTTP/1.1" },
	{ "empty", CHAT, true, 200, WHOLE, { "text/event-stream" }, "data:" },
	{ "error200", CHAT, false, 200, WHOLE, { "\n{\"error\":{\"message\"", "\"code\":502" }, "choices" },
	{ "error200", MESSAGES, true, 200, WHOLE, { "event: error\n", "overloaded_error" }, "message_start" },
	{ "error200,after=2", CHAT, true, 200, WHOLE, { "\"Hello \"", "data: {\"error\":" }, "[DONE]" },
	{ "error200,after=2,choice", CHAT, true, 200, WHOLE, { "\"finish_reason\":\"error\"}],\"error\":" }, NULL },
	{ "nodone", CHAT, true, 200, WHOLE, { "\"finish_reason\":\"stop\"" }, "[DONE]" },
	{ "nodone", MESSAGES, true, 200, WHOLE, { "message_delta" }, "message_stop" },
	{ "nofinish", CHAT, true, 200, WHOLE, { "[DONE]" }, "\"finish_reason\":\"" },
	{ "fixed,done=bare", CHAT, true, 200, WHOLE, { "data: [DONE]\r\n0\r\n" }, "[DONE]\n" },
	{ "crlf", CHAT, true, 200, WHOLE, { "}\r\n\r\n", "data: [DONE]\r\n\r\n" }, "\n\n" },
	{ "cr", CHAT, true, 200, WHOLE, { "data: [DONE]\r\r" }, "\n\n" },
	{ "surrogate", CHAT, true, 200, WHOLE, { "\"content\":\"\\ud83d\"", "\"content\":\"\\ude00 \"" }, NULL },
	{ "surrogate", CHAT, false, 200, WHOLE, { "smile \\ud83d\\ude00 end" }, NULL },
	{ "usage", CHAT, true, 200, WHOLE, { "\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":5,\"total_tokens\":17}" }, NULL },
	{ "usage,usage=finish", CHAT, true, 200, WHOLE, { "\"finish_reason\":\"stop\"}],\"usage\":{" }, "\"choices\":[]" },
	{ "usage,usage=cached", MESSAGES, false, 200, WHOLE, { "\"cache_read_input_tokens\":6" }, NULL },
	{ "usage,usage=none", CHAT, false, 200, WHOLE, { "choices" }, "usage\":{" },
	{ "json-for-stream", CHAT, true, 200, WHOLE, { "application/json", "\"object\":\"chat.completion\"" }, "data:" },
	{ "wrong-length", CHAT, false, 200, CUT, { "HTTP/1.1 200" }, NULL },
	{ "big,size=300000", CHAT, true, 200, WHOLE, { "xxxxxxxx", "[DONE]" }, NULL },
	{ "comments", CHAT, true, 200, WHOLE, { ": OPENROUTER PROCESSING\n\ndata: [DONE]" }, NULL },
	{ "comments", MESSAGES, true, 200, WHOLE, { "event: ping\n" }, NULL },
	{ "azure", CHAT, true, 200, WHOLE, { "\"choices\":[],\"prompt_filter_results\"", "content_filter_offsets" }, NULL },
	{ "nulls", CHAT, true, 200, WHOLE, { "\"delta\":null", "\"tool_calls\":null" }, NULL },
	{ "gzip", CHAT, true, 200, WHOLE, { "Content-Encoding: gzip\r\n" }, NULL },
	{ "fixed,twodata,nospace,bom", CHAT, true, 200, WHOLE, { "\xef\xbb\xbf" "data:{\ndata:\"id\"", "data:[DONE]" }, "data: " },
	{ "fixed,headers", CHAT, false, 200, WHOLE, { "X-RateLimit-Remaining-Requests: 99", "set-cookie: " }, NULL },
	{ "fixed", RESPONSES, false, 200, WHOLE, { "\"object\":\"response\"", "\"type\":\"output_text\",\"text\":\"Hello from the scripted upstream.\"", "\"status\":\"completed\"",
	    "\"input_tokens\":12" }, "sequence_number" },
	{ "fixed", RESPONSES, true, 200, WHOLE, { "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0", "\"delta\":\"Hello \"",
	    "\"text\":\"Hello from the scripted upstream.\"", "event: response.completed\n" }, "[DONE]" },
	{ "reasoning", RESPONSES, true, 200, WHOLE, { "response.reasoning_summary_text.delta", "\"text\":\"thought 0, thought 1, thought 2\"", "\"output_index\":1" }, "encrypted_content" },
	{ "tools,n=2", RESPONSES, true, 200, WHOLE, { "\"item_id\":\"fc_kit_1\",\"output_index\":1,\"arguments\":\"{\\\"city\\\":\\\"Paris\\\"}\"", "\"call_id\":\"call_kit_1\"" }, NULL },
	{ "tools", RESPONSES, false, 200, WHOLE, { "\"type\":\"function_call\"", "\"name\":\"get_weather\"" }, "output_text" },
	{ "fixed,finish=length", RESPONSES, true, 200, WHOLE, { "event: response.incomplete\n", "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}" }, "response.completed" },
	{ "fixed,finish=content_filter", RESPONSES, false, 200, WHOLE, { "\"status\":\"incomplete\"", "{\"reason\":\"content_filter\"}" }, NULL },
	{ "error200,after=4", RESPONSES, true, 200, WHOLE, { "event: response.failed\n", "\"sequence_number\":4", "\"error\":{\"code\":\"server_error\"" }, "completed" },
	{ "error200,after=2,event=error,code=rate_limit_exceeded", RESPONSES, true, 200, WHOLE, { "{\"type\":\"error\",\"sequence_number\":2,\"code\":\"rate_limit_exceeded\"" }, "failed" },
	{ "error200", RESPONSES, false, 200, WHOLE, { "\"status\":\"failed\"" }, "output_text" },
	{ "cut,after=3", RESPONSES, true, 200, CUT, { "response.output_item.added" }, "response.content_part.added" },
	{ "nodone", RESPONSES, true, 200, WHOLE, { "response.output_item.done" }, "response.completed" },
	{ "refuse,status=429", RESPONSES, true, 429, WHOLE, { "{\"error\":{\"message\"", "rate_limit_error" }, NULL },
	{ "fixed,in=42", RESPONSES "/input_tokens", false, 200, WHOLE, { "{\"object\":\"response.input_tokens\",\"input_tokens\":42}" }, NULL },
	{ "fixed", RESPONSES "/compact", false, 200, WHOLE, { "\"object\":\"response.compaction\"", "\"type\":\"compaction\"" }, NULL },
	{ "fixed", COMPLETIONS, false, 200, WHOLE, { "\"object\":\"text_completion\"", "\"text\":\"Hello from the scripted upstream.\",\"index\":0", "\"finish_reason\":\"stop\"" }, "message" },
	{ "fixed", COMPLETIONS, true, 200, WHOLE, { "\"text\":\"Hello \"", "data: [DONE]\n\n" }, "delta" },
	{ "refuse,status=400,make=azure,code=content_filter", CHAT, false, 400, WHOLE, { "{\"error\":{\"code\":\"content_filter\",\"message\"" }, NULL },
	{ "nosuch", CHAT, true, 400, WHOLE, { "no such script: nosuch" }, NULL },
	{ "fixed,after=x", CHAT, true, 400, WHOLE, { "option after can not be x" }, NULL },
	{ "fixed,mode=maybe", CHAT, true, 400, WHOLE, { "option mode can not be maybe" }, NULL },
	{ "fixed,nosuch=1", MESSAGES, true, 400, WHOLE, { "no such option: nosuch" }, NULL },
};

static void
check_row(const struct row *r)
{
	struct answer a = play(r->path, r->model, r->stream);
	bool fine = a.status == r->status && a.end == r->end && (r->lacks == NULL || !has(&a.raw, r->lacks));

	for (size_t i = 0; i < nitems(r->has) && r->has[i] != NULL; i++)
		fine = fine && has(&a.raw, r->has[i]);
	if (!fine)
		fail_msg("script:%s %s%s: status %d, end %d:\n%.*s", r->model, r->path, r->stream ? " stream" : "", a.status, a.end, (int)a.raw.len,
		    a.raw.len > 0 ? a.raw.at : "");
	forget(&a);
}

static void
scripts_do_what_they_say(void **state)
{
	for (size_t i = 0; i < nitems(rows); i++)
		check_row(&rows[i]);
}

/* Every event of a whole stream is JSON. */
static void
events_are_json(void **state)
{
	static const char *const models[] = { "fixed", "tools,n=3,interleave", "reasoning,field=both", "surrogate", "azure", "nulls", "usage,usage=each", "comments" };

	static const char *const surfaces[] = { CHAT, MESSAGES, RESPONSES, COMPLETIONS };

	for (size_t i = 0; i < nitems(models) * nitems(surfaces); i++) {
		struct answer a = play(surfaces[i % nitems(surfaces)], models[i / nitems(surfaces)], true);
		struct text rest = buf_as_text(&a.body), line;
		unsigned events = 0;

		while (text_cut(rest, '\n', &line, &rest)) {
			enum json_type type = JSON_NONE;
			struct json_fault fault;
			size_t count;

			if (!text_starts(line, TEXT("data: {")))
				continue;
			line = text_sub(line, 6, line.len);
			if (!json_scan(line, &type, NULL, 0, &count, &fault) || type != JSON_OBJECT)
				fail_msg("%s: " TEXT_FMT, models[i / nitems(surfaces)], TEXT_ARG(line));
			events++;
		}
		assert_true(events > 1);
		forget(&a);
	}
}

static void
splitting_changes_no_byte(void **state)
{
	struct answer whole = play(CHAT, "fixed,text=Gr%C3%BC%C3%9Fe %F0%9F%9A%80", true), split = play(CHAT, "split,text=Gr%C3%BC%C3%9Fe %F0%9F%9A%80", true),
	    parts = play(CHAT, "split,split=9,seed=5,text=Gr%C3%BC%C3%9Fe %F0%9F%9A%80", true);

	assert_int_equal(count_of(&whole.body, "data: "), 5);
	assert_int_equal(count_of(&split.body, "data: "), 5);
	assert_int_equal(count_of(&parts.body, "data: "), 5);
	assert_true(has(&split.body, "\"Gr\xc3\xbc\xc3\x9f" "e \"") && has(&parts.body, "\"\xf0\x9f\x9a\x80\""));
	forget(&whole);
	forget(&split);
	forget(&parts);
}

static void
long_streams_have_all_their_chunks(void **state)
{
	struct answer a = play(CHAT, "fixed,chunks=5000,size=8", true), b = play(CHAT, "fixed,chunks=5000,size=8", false);

	assert_int_equal(count_of(&a.body, "\"content\":\"00"), 5000);
	assert_int_equal(count_of(&b.body, "004999 "), 1);
	forget(&a);
	forget(&b);
}

static void
stamps_tell_the_time(void **state)
{
	struct answer a = play(CHAT, "fixed,chunks=2,stamp=1", true);
	const char *at = memmem(a.body.at, a.body.len, "000001 @", 8);

	assert_non_null(at);
	assert_true(strtoll(at + 8, NULL, 10) > 0);
	forget(&a);
}

static void
tools_are_quoted_in_the_second_turn(void **state)
{
	struct answer a = ask(&plain, CHAT, "", "{\"model\":\"script:tools\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"read_file\"}}],"
	    "\"messages\":[{\"role\":\"user\",\"content\":\"go\"}]}");

	assert_true(has(&a.body, "\"name\":\"read_file\""));
	forget(&a);
	a = ask(&plain, CHAT, "", "{\"model\":\"script:tools\",\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"call_kit_0\",\"content\":\"it \\\"rains\\\"\"}]}");
	assert_true(has(&a.body, "\"content\":\"The tool said: it \\\"rains\\\"\""));
	forget(&a);
	a = ask(&plain, MESSAGES, "anthropic-version: x\r\n", "{\"model\":\"script:tools\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
	    "\"tool_use_id\":\"toolu_kit_0\",\"content\":[{\"type\":\"text\",\"text\":\"it rains\"}]}]}]}");
	assert_true(has(&a.body, "\"text\":\"The tool said: it rains\""));
	forget(&a);
}

static void
usage_is_told_when_asked(void **state)
{
	struct answer a = ask(&plain, CHAT, "", "{\"model\":\"script:fixed\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[]}");

	assert_true(has(&a.body, "\"choices\":[],\"usage\":{") && has(&a.body, "\"usage\":null"));
	forget(&a);
}

static void
failures_are_counted_by_model(void **state)
{
	static const int statuses[] = { 503, 503, 200, 200 };

	reset(&plain);
	for (size_t i = 0; i < nitems(statuses); i++) {
		struct answer a = play(CHAT, "fail-then,times=2,status=503", i % 2), b = play(CHAT, "count", false);
		char counted[32];

		assert_int_equal(a.status, statuses[i]);
		snprintf(counted, sizeof(counted), "\"content\":\"%zu\"", i + 1);
		assert_true(has(&b.body, counted));
		forget(&a);
		forget(&b);
	}
	reset(&plain);
	check_row(&(struct row){ "fail-then,times=2,status=503", CHAT, false, 503, WHOLE, { NULL }, NULL });
}

static void
the_header_names_a_script(void **state)
{
	struct answer a = ask(&plain, CHAT, "x-script: refuse,status=418\r\n", "{\"model\":\"gpt\",\"messages\":[]}");

	assert_int_equal(a.status, 418);
	forget(&a);
}

/* what it receives */

static void
silence_ends_when_the_client_leaves(void **state)
{
	static const char *const models[] = { "silent", "silent,after=head", "silent,after=2" }, *const last[] = { NULL, "\r\n\r\n", "\"Hello \"" };

	for (size_t i = 0; i < nitems(models); i++) {
		struct buf request = { 0 };
		struct answer a = { 0 };
		int fd = dial(&plain);
		char byte;

		reset(&plain);
		print_request(&request, CHAT, "", body_of(models[i], true));
		put(fd, buf_as_text(&request));
		if (last[i] != NULL)
			hear(fd, &a, last[i]);
		forget(&a);
		a = wait_until(&plain, "/_/log", i == 2 ? "\"events\":2,\"state\":\"playing\"" : "\"events\":0,\"state\":\"playing\"");
		assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
		assert_int_equal(errno, EAGAIN);
		close(fd);
		forget(&a);
		a = wait_until(&plain, "/_/log", "\"state\":\"aborted\",\"aborted\":true");
		forget(&a);
		a = wait_until(&plain, "/_/stats", "\"playing\":0,\"aborted\":1");
		forget(&a);
		buf_free(&request);
	}
}

static void
a_leaver_is_seen_in_mid_stream(void **state)
{
	struct buf request = { 0 };
	struct answer a = { 0 };
	int fd = dial(&plain);

	reset(&plain);
	print_request(&request, CHAT, "", body_of("slow,first=0,gap=20,chunks=10000", true));
	put(fd, buf_as_text(&request));
	hear(fd, &a, "000001");
	close(fd);
	forget(&a);
	a = wait_until(&plain, "/_/log", "\"aborted\":true");
	assert_false(has(&a.body, "\"events\":0"));
	forget(&a);
	buf_free(&request);
}

static void
the_log_tells_all(void **state)
{
	struct answer a;

	reset(&plain);
	a = ask(&plain, "/prefix" CHAT "?x=1", "X-Custom: one\r\nAuthorization: Bearer sk-up\r\n", body_of("fixed", true));
	forget(&a);
	a = wait_until(&plain, "/_/log", "\"state\":\"complete\"");
	assert_true(has(&a.body, "\"method\":\"POST\",\"path\":\"/prefix" CHAT "?x=1\""));
	assert_true(has(&a.body, "\"x-custom\":\"one\",\"authorization\":\"Bearer sk-up\""));
	assert_true(has(&a.body, "\\\"content\\\":\\\"say gr\\\\u00fc\\\\u00df\\\""));
	assert_true(has(&a.body, "\"tls\":false,\"status\":200,\"events\":8"));
	assert_true(has(&a.body, "\"problems\":[]"));
	forget(&a);
}

static const struct {
	const char	*request, *problem;
} bad_requests[] = {
	{ "POST " CHAT " HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "no Host" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "no model" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{]", "the body is not JSON" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]", "the body is not an object" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "a body that is not called application/json" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n", "a POST without a length" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\nContent-Length: 2\r\n\r\n{}", "a cookie" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nX-LiteLLM-Tags: a\r\nContent-Length: 2\r\n\r\n{}", "a header that is the gateway's own: X-LiteLLM-Tags" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nAuthorization: " SECRET "\r\nContent-Length: 2\r\n\r\n{}", "forbidden text 1 arrived" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nContent-Length: 27\r\n\r\n{\"k\":\"" SECRET "\"}", "forbidden text 1 arrived" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "Content-Length twice" },
	{ "POST " CHAT " HTTP/1.0\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "the request line is malformed" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nnonsense\r\nContent-Length: 2\r\n\r\n{}", "a header line is malformed" },
	{ "POST " MESSAGES " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "no anthropic-version" },
	{ "POST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", "no such path" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n{}", "Content-Length is no length" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "the body is not chunked as it should be" },
	{ "POST " CHAT " HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{}", "the request was cut short" },
	{ "POST " CHAT " HTTP/1.1\r\nHo", "the request was cut short" },
};

static void
what_is_wrong_is_seen(void **state)
{
	assert_int_equal(strlen("{\"k\":\"" SECRET "\"}"), 27);
	for (size_t i = 0; i < nitems(bad_requests); i++) {
		int fd = dial(&plain);
		struct answer a;

		reset(&plain);
		put(fd, text_of(bad_requests[i].request));
		shutdown(fd, SHUT_WR);
		a = wait_until(&plain, "/_/log", bad_requests[i].problem);
		forget(&a);
		close(fd);
	}
}

static void
requests_may_come_in_any_shape(void **state)
{
	static const char head[] = "POST " CHAT " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
	const char *body = body_of("echo", false);
	struct buf request = { 0 };
	struct answer a = { 0 };
	int fd = dial(&plain);

	reset(&plain);
	buf_print(&request, "%sTransfer-Encoding: chunked\r\n\r\n5\r\n%.5s\r\n%zX;ext=1\r\n%s\r\n0\r\n\r\n", head, body, strlen(body) - 5, body + 5);
	for (size_t i = 0; i < request.len; i++)
		put(fd, text_sub(buf_as_text(&request), i, i + 1));
	hear(fd, &a, NULL);
	assert_true(has(&a.body, "say gr"));
	forget(&a);
	request.len = 0;			/* and a second one on the same connection */
	buf_print(&request, "%sContent-Length: %zu\r\n\r\n%s", head, strlen(body), body);
	put(fd, buf_as_text(&request));
	hear(fd, &a, NULL);
	assert_true(has(&a.body, "say gr"));
	forget(&a);
	close(fd);
	a = wait_until(&plain, "/_/stats", "\"problems\":0");
	forget(&a);
	a = wait_until(&plain, "/_/log", "say gr");
	assert_int_equal(count_of(&a.body, "\"method\":\"POST\""), 2);
	forget(&a);
	buf_free(&request);
}

static void
other_keys_are_refused(void **state)
{
	static const struct {
		const char	*header;
		int		 status;
	} keys[] = {
		{ "Authorization: Bearer " KEY "\r\n", 200 }, { "x-api-key: " KEY "\r\n", 200 }, { "api-key: " KEY "\r\n", 200 },
		{ "Authorization: Bearer " KEY "x\r\n", 401 }, { "", 401 }, { "x-other: " KEY "\r\n", 401 },
	};

	for (size_t i = 0; i < nitems(keys); i++) {
		struct answer a = ask(&strict, CHAT, keys[i].header, body_of("fixed", false));

		assert_int_equal(a.status, keys[i].status);
		forget(&a);
	}
}

static void
models_are_listed_by_dialect(void **state)
{
	struct answer a = ask(&plain, "/v1/models", "", NULL), b = ask(&plain, "/v1/models", "anthropic-version: x\r\n", NULL);

	assert_true(has(&a.body, "\"object\":\"list\"") && has(&b.body, "\"has_more\":false"));
	forget(&a);
	forget(&b);
}

/* the other surfaces */

struct exchange {
	const char	*path, *headers, *body;	/* NULL body: GET */
	int		 status;
	const char	*has[3], *lacks;
};

static void
check_exchange(const struct server *s, const struct exchange *x)
{
	struct answer a = ask(s, x->path, x->headers != NULL ? x->headers : "", x->body);
	bool fine = a.status == x->status && (x->lacks == NULL || !has(&a.raw, x->lacks));

	for (size_t i = 0; i < nitems(x->has) && x->has[i] != NULL; i++)
		fine = fine && has(&a.raw, x->has[i]);
	if (!fine)
		fail_msg("%s %s: %.*s", x->path, x->body, (int)a.raw.len, a.raw.at);
	forget(&a);
}

#define TOKEN		"/tenant/oauth2/v2.0/token"
#define FORM		"Content-Type: application/x-www-form-urlencoded\r\n"
#define CUSTOM_TOOLS	"\"tools\":[{\"type\":\"web_search\"},{\"type\":\"custom\",\"name\":\"patch\"}," \
			"{\"type\":\"namespace\",\"name\":\"space\",\"tools\":[{\"type\":\"function\",\"name\":\"inner\"}]}]"
static const struct exchange exchanges[] = {
	{ RESPONSES, NULL, "{\"model\":\"script:tools,call=patch,args=a%0Ab\",\"input\":\"x\"," CUSTOM_TOOLS "}", 200,
	    { "\"type\":\"custom_tool_call\"", "\"input\":\"a\\nb\"" }, "arguments" },
	{ RESPONSES, NULL, "{\"model\":\"script:tools,call=patch\",\"stream\":true,\"input\":\"x\"," CUSTOM_TOOLS "}", 200,
	    { "event: response.custom_tool_call_input.delta\n", "event: response.custom_tool_call_input.done\n", "\"item_id\":\"ctc_kit_0\"" }, "arguments" },
	{ RESPONSES, NULL, "{\"model\":\"script:tools,call=inner\",\"input\":\"x\"," CUSTOM_TOOLS "}", 200, { "\"name\":\"inner\"", "\"namespace\":\"space\"" }, NULL },
	{ RESPONSES, NULL, "{\"model\":\"script:tools\",\"input\":[{\"type\":\"function_call\",\"name\":\"f\",\"call_id\":\"c\",\"arguments\":\"{}\"},"
	    "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"it rains\"}]}", 200, { "\"text\":\"The tool said: it rains\"" }, "get_weather" },
	{ RESPONSES, NULL, "{\"model\":\"script:echo\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"hear\"}]}],"
	    "\"temperature\":0.5,\"metadata\":{\"a\":\"b\"}}", 200, { "\"text\":\"hear\"", "\"temperature\":0.5", "\"metadata\":{\"a\":\"b\"}" }, NULL },
	{ RESPONSES, NULL, "{\"model\":\"script:fixed\",\"input\":\"x\",\"background\":true}", 200, { "\"status\":\"queued\"", "\"usage\":null" }, "output_text" },
	{ RESPONSES, NULL, "{\"model\":\"script:fixed\",\"input\":\"x\",\"previous_response_id\":\"resp_none\"}", 400,
	    { "\"code\":\"previous_response_not_found\"", "Previous response with id 'resp_none' not found." }, NULL },
	{ RESPONSES "/resp_none", NULL, NULL, 404, { "Response with id 'resp_none' not found." }, NULL },
	{ "/openai/responses", NULL, "{\"model\":\"script:fixed\",\"input\":\"x\"}", 404, { "Resource not found" }, NULL },
	{ "/openai/responses?api-version=1", NULL, "{\"model\":\"script:fixed\",\"input\":\"x\"}", 200, { "output_text" }, NULL },
	{ "/openai/v1/responses", NULL, "{\"model\":\"script:fixed\",\"input\":\"x\"}", 200, { "output_text" }, NULL },

	{ COMPLETIONS, NULL, "{\"model\":\"script:fixed,text=so\",\"prompt\":[\"a\",\"b\"],\"n\":2,\"echo\":true}", 200,
	    { "\"text\":\"bso\",\"index\":2", "\"text\":\"bso\",\"index\":3", "\"text\":\"aso\",\"index\":1" }, "\"index\":4" },
	{ COMPLETIONS, NULL, "{\"model\":\"script:fixed,text=so\",\"prompt\":[[1,2],[3]]}", 200, { "\"text\":\"so\",\"index\":1" }, "\"index\":2" },
	{ COMPLETIONS, NULL, "{\"model\":\"script:fixed,text=so\",\"prompt\":[1,2],\"echo\":true,\"stream\":true,\"stream_options\":{\"include_usage\":true}}", 200,
	    { "\"text\":\"[1,2]\"", "\"finish_reason\":\"stop\"", "\"choices\":[],\"usage\":{\"prompt_tokens\":12" }, "\"index\":1" },

	{ EMBEDDINGS, NULL, "{\"model\":\"script:fixed,in=7\",\"input\":\"a\",\"dimensions\":3}", 200,
	    { "\"index\":0,\"embedding\":[", "\"prompt_tokens\":7,\"total_tokens\":7" }, "\"index\":1" },
	{ EMBEDDINGS, NULL, "{\"model\":\"script:fixed\",\"input\":[[1,2],[3]],\"dimensions\":1,\"encoding_format\":\"base64\"}", 200,
	    { "==\"},{\"object\":\"embedding\",\"index\":1,\"embedding\":\"" }, "[0" },
	{ EMBEDDINGS, NULL, "{\"model\":\"script:fixed,floats\",\"input\":[\"a\",\"b\"],\"encoding_format\":\"base64\"}", 200, { "\"index\":1,\"embedding\":[" }, "==" },
	{ EMBEDDINGS, NULL, "{\"model\":\"script:fixed\",\"input\":[1,2]}", 200, { "\"index\":0" }, "\"index\":1" },
	{ EMBEDDINGS, NULL, "{\"model\":\"script:fixed\",\"input\":[]}", 400, { "Invalid 'input'" }, NULL },

	{ "/openai/deployments/script%3Afixed/chat/completions?api-version=1", NULL, "{\"model\":\"script:refuse\",\"stream\":true,\"messages\":[]}", 200,
	    { "\"choices\":[],\"prompt_filter_results\"", "content_filter_offsets", "[DONE]" }, NULL },
	{ "/openai/deployments/script:fixed/chat/completions?api-version=1", NULL, "{\"messages\":[]}", 200, { "\"prompt_filter_results\":[" }, NULL },
	{ "/openai/deployments/script:fixed/embeddings?api-version=1", NULL, "{\"input\":\"a\"}", 200, { "\"object\":\"embedding\"" }, NULL },
	{ "/openai/deployments/script:fixed/completions?api-version=1", NULL, "{\"prompt\":\"a\"}", 200, { "text_completion" }, NULL },
	{ "/openai/deployments/script:fixed/chat/completions", NULL, "{\"messages\":[]}", 404, { "{\"error\":{\"code\":\"404\"" }, NULL },

	{ "/v1/files/f-1?status=418&header=X-A:%20b&header=Content-Type:%20a/b", "Content-Type: x/y\r\n", "any bytes", 418,
	    { "X-A: b\r\nContent-Type: a/b\r\n", "x-kit-method: POST\r\nx-kit-path: /v1/files/f-1?status=418", "\r\n\r\nany bytes" }, "x/y" },
	{ "/metadata/identity/oauth2/token?resource=x&client_id=script:fixed,expires=9", "Metadata: true\r\n", NULL, 200,
	    { "\"token_type\":\"Bearer\",\"access_token\":\"entra-kit-", "\"expires_in\":\"9\"" }, NULL },
	{ TOKEN, FORM, "grant_type=client_credentials&client_id=a&scope=b&client_secret=script%3afixed%2Cexpires%3d5", 200,
	    { "\"access_token\":\"entra-kit-", "\"expires_in\":5" }, NULL },
	{ TOKEN, FORM, "grant_type=client_credentials&client_id=a&scope=b&client_secret=script:fail-then,status=503", 503, { "invalid_client" }, NULL },
	{ TOKEN, FORM, "grant_type=client_credentials&client_id=a&scope=b&client_secret=script:fail-then,status=503", 200, { "access_token" }, NULL },
	{ TOKEN, FORM, "grant_type=password&client_id=a&scope=b&client_secret=c", 400, { "invalid_request" }, NULL },
	{ "/metadata/identity/oauth2/token?resource=x", NULL, NULL, 400, { "Required metadata header" }, NULL },
};

static void
other_surfaces_answer_too(void **state)
{
	for (size_t i = 0; i < nitems(exchanges); i++)
		check_exchange(&plain, &exchanges[i]);
	check_exchange(&strict, &(struct exchange){ "/openai/deployments/script:fixed/embeddings?api-version=1", "x-api-key: " KEY "\r\n", "{\"input\":\"a\"}", 401,
	    { "{\"statusCode\":401" }, NULL });
}

/* The id in an answer, for the next request. */
static char *
id_in(const struct answer *a)
{
	const char *at = memmem(a->body.at, a->body.len, "resp_kit_", 9);

	assert_non_null(at);
	return (strndup(at, strcspn(at, "\"")));
}

static void
check_stored(const char *method, const char *id, const char *after, const char *key, int status, const char *wanted)
{
	struct buf request = { 0 };
	struct answer a = { 0 };
	int fd = dial(&plain);

	buf_print(&request, "%s " RESPONSES "/%s%s HTTP/1.1\r\nHost: kit\r\nAuthorization: Bearer %s\r\nContent-Length: 0\r\n\r\n", method, id, after, key);
	put(fd, buf_as_text(&request));
	hear(fd, &a, NULL);
	if (a.status != status || !has(&a.body, wanted))
		fail_msg("%s %s: %.*s", method, after, (int)a.raw.len, a.raw.at);
	forget(&a);
	close(fd);
	buf_free(&request);
}

static void
responses_are_stored_for_their_key(void **state)
{
	static const struct exchange not_stored = { RESPONSES, "Authorization: Bearer mine\r\n", "{\"model\":\"script:fixed\",\"input\":\"x\",\"store\":false}", 200, { NULL }, NULL };
	struct answer a = ask(&plain, RESPONSES, "Authorization: Bearer mine\r\n", "{\"model\":\"script:fixed\",\"input\":\"question\",\"stream\":true}"), b;
	char *id = id_in(&a), *other, body[256];

	snprintf(body, sizeof(body), "{\"model\":\"script:echo\",\"input\":\"next\",\"previous_response_id\":\"%s\"}", id);
	check_exchange(&plain, &(struct exchange){ RESPONSES, "Authorization: Bearer mine\r\n", body, 200, { "\"text\":\"next\"" }, NULL });
	check_exchange(&plain, &(struct exchange){ RESPONSES, "Authorization: Bearer other\r\n", body, 400, { "previous_response_not_found" }, NULL });
	check_stored("GET", id, "", "mine", 200, "Hello from the scripted upstream.");
	check_stored("GET", id, "", "other", 404, "not found");
	check_stored("GET", id, "/input_items", "mine", 200, "\"text\":\"question\"");
	check_stored("POST", id, "/cancel", "mine", 400, "Cannot cancel a synchronous response.");
	check_stored("DELETE", id, "", "mine", 200, "\"deleted\":true");
	check_stored("GET", id, "", "mine", 404, "not found");
	check_exchange(&plain, &not_stored);
	b = ask(&plain, RESPONSES, "Authorization: Bearer mine\r\n", "{\"model\":\"script:fixed\",\"input\":\"x\",\"background\":true}");
	other = id_in(&b);
	assert_string_not_equal(id, other);
	check_stored("POST", other, "/cancel", "mine", 200, "\"status\":\"cancelled\"");
	free(id);
	free(other);
	forget(&a);
	forget(&b);
}

static void
reasoning_opens_for_its_key_only(void **state)
{
	struct answer a = ask(&plain, RESPONSES, "Authorization: Bearer mine\r\n", "{\"model\":\"script:reasoning\",\"input\":\"x\",\"include\":[\"reasoning.encrypted_content\"]}");
	const char *at = memmem(a.body.at, a.body.len, "gAAAkit.", 8);
	char body[256];

	assert_non_null(at);
	snprintf(body, sizeof(body), "{\"model\":\"script:fixed\",\"input\":[{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"%.16s\"}]}", at);
	check_exchange(&plain, &(struct exchange){ RESPONSES, "Authorization: Bearer mine\r\n", body, 200, { "Hello" }, NULL });
	check_exchange(&plain, &(struct exchange){ RESPONSES, "Authorization: Bearer other\r\n", body, 400, { "invalid_encrypted_content" }, NULL });
	forget(&a);
}

/* the load client */

static int
run_load(const char *model, const char *chunks, struct buf *said)
{
	char port[16], path[] = "/tmp/kitXXXXXX", *body = body_of(model, true);
	const char *argv[] = { "tests/kit/load", "--port", port, "--body", path, "--connections", "3", "--requests", "7", "--chunks", chunks, "--grace", "10", NULL };
	int out, status, fd = mkstemp(path);
	ssize_t n;
	pid_t pid;

	snprintf(port, sizeof(port), "%d", plain.port);
	assert_int_equal(write(fd, body, strlen(body)), (ssize_t)strlen(body));
	close(fd);
	pid = spawn(argv, &out);
	do {
		buf_reserve(said, 4096);
		n = read(out, said->at + said->len, 4096);
		said->len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	close(out);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(path);
	return (WEXITSTATUS(status));
}

static const struct {
	const char	*model, *chunks, *says;
	int		 status;
} loads[] = {
	{ "fixed,chunks=20", "20", "\"lost_streams\":0,\"missing\":0", 0 },
	{ "fixed,chunks=20,split=3", "20", "\"lost_streams\":0,\"missing\":0", 0 },
	{ "fixed,chunks=20,stamp", "20", "\"delay_p50_us\":", 0 },
	{ "fixed,chunks=19", "20", "\"lost_streams\":7,\"missing\":7", 1 },
	{ "fixed,chunks=20,done=no", "20", "\"lost_streams\":7,\"missing\":0", 1 },
	{ "fixed,chunks=20,reasoning=1,tags", "20", "\"lost_streams\":0", 0 },
	{ "error200,chunks=20,after=9", "20", "\"lost_streams\":7,\"missing\":84", 1 },
	{ "cut,chunks=20", "20", "\"errors\":7", 1 },
	{ "refuse,status=429", "20", "\"refused\":7,\"last_status\":429", 0 },
};

static void
load_sees_what_is_lost(void **state)
{
	for (size_t i = 0; i < nitems(loads); i++) {
		struct buf said = { 0 };
		int status = run_load(loads[i].model, loads[i].chunks, &said);

		if (status != loads[i].status || !has(&said, loads[i].says))
			fail_msg("%s: exit %d: %.*s", loads[i].model, status, (int)said.len, said.at);
		buf_free(&said);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_do_what_they_say),
		cmocka_unit_test(events_are_json),
		cmocka_unit_test(splitting_changes_no_byte),
		cmocka_unit_test(long_streams_have_all_their_chunks),
		cmocka_unit_test(stamps_tell_the_time),
		cmocka_unit_test(tools_are_quoted_in_the_second_turn),
		cmocka_unit_test(usage_is_told_when_asked),
		cmocka_unit_test(failures_are_counted_by_model),
		cmocka_unit_test(the_header_names_a_script),
		cmocka_unit_test(silence_ends_when_the_client_leaves),
		cmocka_unit_test(a_leaver_is_seen_in_mid_stream),
		cmocka_unit_test(the_log_tells_all),
		cmocka_unit_test(what_is_wrong_is_seen),
		cmocka_unit_test(requests_may_come_in_any_shape),
		cmocka_unit_test(other_keys_are_refused),
		cmocka_unit_test(models_are_listed_by_dialect),
		cmocka_unit_test(other_surfaces_answer_too),
		cmocka_unit_test(responses_are_stored_for_their_key),
		cmocka_unit_test(reasoning_opens_for_its_key_only),
		cmocka_unit_test(load_sees_what_is_lost),
	};

	return (cmocka_run_group_tests(tests, start_both, stop_both));
}
