/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of the scripted upstream: reading requests, making the moves of a play, noticing that the client left. */
#include "peer.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MOST	(256u << 10)
#define BODY_MOST	(256ll << 20)
#define READ_ROOM	16384
#define EARLY_MOST	65536			/* bytes taken while an answer is played */

struct peer {
	struct watch	 watch;
	struct timer	 timer;
	struct kit	*kit;
	struct peer	*next, **self;
	SSL		*ssl;
	uint64_t	 number;

	struct buf	 in;
	size_t		 head_len;		/* 0: the head is not complete */
	int64_t		 length;		/* of the body; -1: chunked */
	size_t		 chunk_at;		/* of `in`: where the next chunk's size starts */
	struct buf	 unchunked;
	bool		 keep;

	struct play	*play;
	struct entry	*entry;
	unsigned	 move, made;
	size_t		 sent;			/* of the move */
	bool		 waited;
};

/* bytes */

static ssize_t
peer_read(struct peer *p, char *to, size_t room)
{
	int n;

	if (p->ssl == NULL)
		return (recv(p->watch.fd, to, room, 0));
	ERR_clear_error();
	n = SSL_read(p->ssl, to, (int)room);
	if (n > 0)
		return (n);
	n = SSL_get_error(p->ssl, n);
	errno = n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
	return (n == SSL_ERROR_ZERO_RETURN ? 0 : -1);
}

static ssize_t
peer_write(struct peer *p, const char *at, size_t len)
{
	int n;

	if (p->ssl == NULL)
		return (send(p->watch.fd, at, len, MSG_NOSIGNAL));
	ERR_clear_error();
	n = SSL_write(p->ssl, at, (int)len);
	if (n > 0)
		return (n);
	n = SSL_get_error(p->ssl, n);
	errno = n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
	return (-1);
}

static void
peer_free(struct peer *p, bool reset)
{
	struct linger now = { 1, 0 };

	if (reset)
		setsockopt(p->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	else if (p->ssl != NULL && (p->play == NULL || !p->play->struck))
		SSL_shutdown(p->ssl);
	SSL_free(p->ssl);
	timer_stop(p->kit->loop, &p->timer);
	watch_remove(p->kit->loop, &p->watch);
	close(p->watch.fd);
	*p->self = p->next;
	if (p->next != NULL)
		p->next->self = p->self;
	p->kit->open--;
	p->kit->playing -= p->play != NULL;
	play_drop(p->play);
	buf_free(&p->in);
	buf_free(&p->unchunked);
	free(p);
}

static void
close_entry(struct peer *p, const char *state)
{
	if (p->entry != NULL)
		journal_close(p->kit->journal, p->entry, state);
	p->entry = NULL;
}

/* The client closed, or the connection broke. */
static void
peer_left(struct peer *p)
{
	struct kit *kit = p->kit;

	if (p->play != NULL) {
		kit->aborted++;
		close_entry(p, "aborted");
	} else if (p->in.len > 0 && kit->journal != NULL) {
		p->entry = journal_open(kit->journal, TEXT(""), TEXT(""), text_sub(buf_as_text(&p->in), 0, p->head_len), TEXT(""));
		journal_problem(kit->journal, p->entry, "the request was cut short: %zu bytes, %lld of a body of %lld", p->in.len,
		    (long long)(p->in.len - p->head_len), (long long)p->length);
		close_entry(p, "aborted");
	}
	peer_free(p, false);
}

/* plays */

static bool	next_request(struct peer *);

static void
forget_request(struct peer *p)
{
	size_t all = p->length >= 0 ? p->head_len + (size_t)p->length : p->chunk_at;

	buf_drop(&p->in, all);
	p->head_len = 0;
	p->unchunked.len = 0;
	if (p->in.len == 0 && p->in.cap > 2 * READ_ROOM)
		buf_free(&p->in);
}

/* All moves are made.  False: the peer is gone. */
static bool
play_over(struct peer *p)
{
	enum play_end end = p->play->end;

	if (end == PLAY_HANG) {
		watch_change(p->kit->loop, &p->watch, EPOLLIN);
		return (true);
	}
	close_entry(p, p->play->struck ? "struck" : "complete");
	if (end != PLAY_KEEP || !p->keep) {
		peer_free(p, end == PLAY_RESET);
		return (false);
	}
	play_drop(p->play);
	p->play = NULL;
	p->kit->playing--;
	watch_change(p->kit->loop, &p->watch, EPOLLIN);
	forget_request(p);
	return (p->in.len == 0 || next_request(p));
}

/* The play may be shared: what was sent is sent, so its bytes may change. */
static void
stamp(char *at, size_t len)
{
	char now[17], *mark = memchr(at, '@', len);

	if (mark == NULL || (size_t)(at + len - mark) < sizeof(now))
		return;
	snprintf(now, sizeof(now), "%016lld", (long long)clock_us());
	memcpy(mark + 1, now, 16);
}

/* Sends what is left of a move.  1: all, 0: the socket is full, -1: the client left. */
static int
make_move(struct peer *p, const struct move *m)
{
	size_t from = p->move > 0 ? p->play->moves[p->move - 1].upto : 0, len = m->upto - from;

	if (p->play->stamped && p->sent == 0)
		stamp(p->play->bytes.at + from, len);
	while (p->sent < len) {
		ssize_t n = peer_write(p, p->play->bytes.at + from + p->sent, len - p->sent);

		if (n < 0)
			return (errno == EAGAIN || errno == EINTR ? 0 : -1);
		p->sent += (size_t)n;
	}
	p->sent = 0;
	p->waited = false;
	p->made++;
	if (p->entry != NULL)
		p->entry->events = m->event + (m->times > 1 ? p->made - 1 : 0);
	if (p->made < m->times)
		return (1);
	p->made = 0;
	p->move++;
	return (1);
}

/* One move a turn, so that each is a write of its own and all peers move alike.  False: the peer is gone. */
static bool
play_on(struct peer *p)
{
	const struct move *m = p->move < p->play->n ? &p->play->moves[p->move] : NULL;
	int moved = 1;

	if (m != NULL && m->wait_ms > 0 && !p->waited) {
		watch_change(p->kit->loop, &p->watch, EPOLLIN);
		timer_set(p->kit->loop, &p->timer, loop_now_us(p->kit->loop) + (int64_t)m->wait_ms * 1000);
		return (true);
	}
	if (m != NULL)
		moved = make_move(p, m);
	if (moved < 0) {
		peer_left(p);
		return (false);
	}
	if (moved == 1 && p->move == p->play->n)
		return (play_over(p));
	m = &p->play->moves[p->move];
	if (moved == 1 && m->wait_ms > 0)
		return (play_on(p));
	watch_change(p->kit->loop, &p->watch, EPOLLIN | EPOLLOUT);
	return (true);
}

static void
wait_is_over(struct timer *t)
{
	struct peer *p = (struct peer *)((char *)t - offsetof(struct peer, timer));

	p->waited = true;
	(void)play_on(p);
}

/* requests */

struct text
head_find(struct text head, const char *name)
{
	struct text line, key, value;

	for (bool more = true; more; ) {
		more = text_cut(head, '\n', &line, &head);
		if (text_cut(line, ':', &key, &value) && text_eq_nocase(key, text_of(name)))
			return (text_trim(value));
	}
	return ((struct text){ NULL, 0 });
}

/* False: it is no head we understand. */
static bool
read_head(struct peer *p)
{
	struct text head = { p->in.at, p->head_len }, length = head_find(head, "content-length");

	p->keep = !text_eq_nocase(head_find(head, "connection"), TEXT("close"));
	p->length = 0;
	p->chunk_at = p->head_len;
	if (text_eq_nocase(head_find(head, "transfer-encoding"), TEXT("chunked")))
		p->length = -1;
	else if (length.at != NULL && (!text_to_i64(length, &p->length) || p->length < 0 || p->length > BODY_MOST))
		return (false);
	if (head_find(head, "expect").at != NULL)
		(void)!peer_write(p, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	if (p->length > 0)
		buf_reserve(&p->in, (size_t)p->length + 1);
	return (true);
}

/* 1: the body is complete, 0: more must come, -1: this is no chunked body. */
static int
unchunk(struct peer *p)
{
	for (;;) {
		const char *at = p->in.at + p->chunk_at, *eol = memmem(at, p->in.len - p->chunk_at, "\r\n", 2);
		char *end;
		unsigned long size;

		if (eol == NULL)
			return (0);
		size = strtoul(at, &end, 16);
		if (end == at || (end != eol && *end != ';') || size > BODY_MOST)
			return (-1);
		if ((size_t)(p->in.at + p->in.len - eol) < 2 + size + 2)
			return (0);
		if (memcmp(eol + 2 + size, "\r\n", 2) != 0)
			return (-1);
		buf_add(&p->unchunked, eol + 2, size);
		p->chunk_at = (size_t)(eol - p->in.at) + 2 + size + 2;
		if (size == 0)
			return (1);
	}
}

static void
note_tls(struct peer *p)
{
	X509 *x = p->ssl != NULL ? SSL_get0_peer_certificate(p->ssl) : NULL;

	p->entry->tls = p->ssl != NULL;
	if (x != NULL)
		X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, p->entry->client, sizeof(p->entry->client));
}

static void
answer(struct peer *p)
{
	struct kit *kit = p->kit;
	struct http_request r = { .head = { p->in.at, p->head_len }, .keep = p->keep };
	struct text line, rest;

	text_cut(r.head, '\n', &line, &rest);
	text_cut(line, ' ', &r.method, &rest);
	text_cut(rest, ' ', &r.path, &rest);
	r.body = p->length >= 0 ? (struct text){ p->in.at + p->head_len, (size_t)p->length } : buf_as_text(&p->unchunked);
	kit->requests++;
	if (kit->journal != NULL && !text_starts(r.path, TEXT("/_/"))) {
		p->entry = journal_open(kit->journal, r.method, r.path, r.head, r.body);
		p->entry->connection = p->number;
		note_tls(p);
	}
	p->play = kit_answer(kit, &r, p->entry);
	if (p->entry != NULL)
		p->entry->status = p->play->status;
	kit->playing++;
	p->move = p->made = 0;
	p->sent = 0;
	p->waited = false;
}

static bool
not_http(struct peer *p, const char *why)
{
	if (p->kit->journal != NULL) {
		p->entry = journal_open(p->kit->journal, TEXT(""), TEXT(""), buf_as_text(&p->in), TEXT(""));
		journal_problem(p->kit->journal, p->entry, "%s", why);
		close_entry(p, "struck");
	}
	peer_free(p, false);
	return (false);
}

/* Starts to play the answer if the request is complete.  False: the peer is gone. */
static bool
next_request(struct peer *p)
{
	const char *end;
	int whole;

	if (p->head_len == 0) {
		if ((end = memmem(p->in.at, p->in.len, "\r\n\r\n", 4)) == NULL)
			return (p->in.len < HEAD_MOST || not_http(p, "the head is endless"));
		p->head_len = (size_t)(end - p->in.at) + 4;
		if (!read_head(p))
			return (not_http(p, "Content-Length is no length"));
	}
	whole = p->length >= 0 ? p->in.len >= p->head_len + (size_t)p->length : unchunk(p);
	if (whole < 0)
		return (not_http(p, "the body is not chunked as it should be"));
	if (whole == 0)
		return (true);
	answer(p);
	return (play_on(p));
}

/* 1: bytes came and there may be more, 0: none for now, -1: the client left. */
static int
take_bytes(struct peer *p)
{
	ssize_t n;
	size_t room;

	buf_reserve(&p->in, READ_ROOM);
	room = p->in.cap - p->in.len;
	n = peer_read(p, p->in.at + p->in.len, room);
	if (n < 0)
		return (errno == EAGAIN || errno == EINTR ? 0 : -1);
	if (n == 0)
		return (-1);
	p->in.len += (size_t)n;
	return (p->ssl != NULL || (size_t)n == room);
}

static void
peer_ready(struct watch *w, uint32_t events)
{
	struct peer *p = (struct peer *)w;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		int more = take_bytes(p);

		while (more == 1 && (p->play == NULL || p->in.len < p->head_len + EARLY_MOST))
			more = take_bytes(p);
		if (more < 0) {
			peer_left(p);
			return;
		}
		if (p->play == NULL && p->in.len > 0 && !next_request(p))
			return;
		if (p->play != NULL && p->length >= 0 && p->in.len > p->head_len + (size_t)p->length + EARLY_MOST) {
			peer_left(p);
			return;
		}
	}
	if ((events & EPOLLOUT) && p->play != NULL)
		(void)play_on(p);
}

void
peer_new(struct kit *kit, int fd)
{
	struct peer *p = must_zalloc(sizeof(*p));

	p->watch = (struct watch){ .ready = peer_ready, .fd = fd };
	p->timer.due = wait_is_over;
	p->kit = kit;
	p->number = ++kit->accepted;
	p->next = kit->peers;
	p->self = &kit->peers;
	if (p->next != NULL)
		p->next->self = &p->next;
	kit->peers = p;
	kit->open++;
	if (kit->tls != NULL) {
		p->ssl = SSL_new(kit->tls);
		SSL_set_fd(p->ssl, fd);
		SSL_set_accept_state(p->ssl);
	}
	watch_add(kit->loop, &p->watch, EPOLLIN);
}

void
peer_free_all(struct kit *kit)
{
	while (kit->peers != NULL) {
		close_entry(kit->peers, "struck");
		peer_free(kit->peers, true);
	}
}
