/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for PostgreSQL, but never longer than the asker may: a stopped server answers nothing, and closes nothing either. */
#include "store/postgres.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define CANCELS_MOST	4		/* threads that ask a server to stop, which may not listen */

int64_t pg_connect_us = 3000000;

int
pg_await(struct store *s, short events)
{
	struct pg *p = s->engine_self;
	struct pollfd fd = { libpq.socket(p->c), events, 0 };
	int64_t left_us;
	int rc;

	if (fd.fd < 0)
		return (-1);
	do {
		left_us = s->deadline_us - clock_us();
		rc = left_us > 0 ? poll(&fd, 1, (int)(left_us / 1000) + 1) : 0;
	} while (rc < 0 && errno == EINTR);
	return (rc);
}

/* The name of a host is looked up by libpq, with the patience of the resolver. */
static bool
start(struct pg *p, const char *url)
{
	/* What the address says overrides what stands before it. */
	const char *const keywords[] = { "application_name", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
		"gssencmode", "dbname", "client_encoding", NULL };
	const char *const values[] = { "sluice", "30", "10", "3", "15000", "disable", url, "UTF8", NULL };

	p->c = libpq.connectStartParams(keywords, values, 1);
	return (p->c != NULL && libpq.status(p->c) != CONNECTION_BAD);
}

static void
quiet(void *self, const char *message)
{
	(void)self, (void)message;
}

bool
pg_connect(struct store *s, const char *url)
{
	struct pg *p = s->engine_self;
	int64_t until_us = s->deadline_us, soon_us = clock_us() + pg_connect_us;
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	if (!start(p, url))
		return (false);
	if (until_us > soon_us)
		s->deadline_us = soon_us;
	while (state == PGRES_POLLING_WRITING || state == PGRES_POLLING_READING) {
		if (pg_await(s, state == PGRES_POLLING_READING ? POLLIN : POLLOUT) <= 0)
			break;
		state = libpq.connectPoll(p->c);
	}
	s->deadline_us = until_us;
	if (state != PGRES_POLLING_OK)
		return (false);
	libpq.setnonblocking(p->c, 1);
	libpq.setNoticeProcessor(p->c, quiet, NULL);
	return (true);
}

bool
pg_flush(struct store *s)
{
	struct pg *p = s->engine_self;
	int rc;

	while ((rc = libpq.flush(p->c)) == 1) {
		/* What the server has to say must be read meanwhile, or both wait. */
		if (pg_await(s, POLLIN | POLLOUT) <= 0 || !libpq.consumeInput(p->c))
			return (false);
	}
	return (rc == 0);
}

static bool
is_failure(const PGresult *r)
{
	ExecStatusType status = libpq.resultStatus(r);

	return (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_EMPTY_QUERY);
}

PGresult *
pg_result(struct store *s)
{
	struct pg *p = s->engine_self;
	PGresult *kept = NULL, *r;

	if (!pg_flush(s))
		return (NULL);
	for (;;) {
		while (libpq.isBusy(p->c))
			if (pg_await(s, POLLIN) <= 0 || !libpq.consumeInput(p->c)) {
				libpq.clear(kept);
				return (NULL);
			}
		r = libpq.getResult(p->c);
		if (r == NULL)
			return (kept);
		if (kept != NULL && is_failure(kept)) {
			libpq.clear(r);
			continue;
		}
		libpq.clear(kept);
		kept = r;
		if (libpq.resultStatus(r) == PGRES_COPY_IN)
			return (kept);
		if (libpq.resultStatus(r) == PGRES_COPY_OUT || libpq.resultStatus(r) == PGRES_COPY_BOTH)
			return (kept);		/* no statement of ours does */
	}
}

/* It connects anew to say so, without a time limit: a thread of its own does that. */

static atomic_uint cancels;

static void *
cancel(void *arg)
{
	char why[256];

	libpq.cancel(arg, why, sizeof(why));
	libpq.freeCancel(arg);
	atomic_fetch_sub(&cancels, 1);
	return (NULL);
}

void
pg_cancel(struct pg *p)
{
	PGcancel *request = p->c != NULL ? libpq.getCancel(p->c) : NULL;
	pthread_attr_t how;
	pthread_t thread;

	if (request == NULL)
		return;
	pthread_attr_init(&how);
	pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
	if (atomic_fetch_add(&cancels, 1) >= CANCELS_MOST || pthread_create(&thread, &how, cancel, request) != 0) {
		atomic_fetch_sub(&cancels, 1);
		libpq.freeCancel(request);
	}
	pthread_attr_destroy(&how);
}
