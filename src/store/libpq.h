/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpq, loaded with the first connection: it brings Kerberos and LDAP with it, 8 ms and a megabyte, which a process that finds its keys on the board
 * shall not pay for.
 * What is not in the table can not be called: a name that is missing here does not link.
 */
#ifndef STORE_LIBPQ_H
#define STORE_LIBPQ_H

#include <postgresql/libpq-fe.h>
#include <stdbool.h>

#define LIBPQ_FUNCTIONS(row)								\
	row(cancel) row(clear) row(cmdStatus) row(cmdTuples) row(connectPoll)		\
	row(connectStartParams) row(conndefaults) row(conninfoFree) row(conninfoParse)	\
	row(consumeInput) row(errorMessage) row(escapeIdentifier) row(finish)		\
	row(flush) row(freeCancel) row(freemem) row(getCancel) row(getResult)		\
	row(getisnull) row(getlength) row(getvalue) row(isBusy) row(nfields)		\
	row(notifies) row(ntuples) row(putCopyData) row(putCopyEnd)			\
	row(resultErrorField) row(resultStatus) row(sendQuery) row(sendQueryParams)	\
	row(setNoticeProcessor) row(setnonblocking) row(socket) row(status)

struct libpq {
#define LIBPQ_POINTER(name)	__typeof__(&PQ##name) name;
	LIBPQ_FUNCTIONS(LIBPQ_POINTER)
#undef LIBPQ_POINTER
};

extern struct libpq libpq;

bool	libpq_load(void);		/* false: it is not there, and said so.  From any thread; stays loaded */

#endif
