/* SPDX-License-Identifier: Apache-2.0 */
/* How a call ended: libcurl's result as one of ours, with a sentence for the log. */
#include "upstream/upstream_priv.h"

#include <stdio.h>

static const struct ending {
	CURLcode	 code;
	enum call_end	 end;
	const char	*why;
} endings[] = {
	{ CURLE_OK,			CALL_DONE,		"complete" },
	{ CURLE_UNSUPPORTED_PROTOCOL,	CALL_BROKEN,		"the answer is not HTTP" },
	{ CURLE_URL_MALFORMAT,		CALL_UNREACHABLE,	"the upstream's address is malformed" },
	{ CURLE_COULDNT_RESOLVE_PROXY,	CALL_NO_NAME,		"the forward proxy's name is not known" },
	{ CURLE_COULDNT_RESOLVE_HOST,	CALL_NO_NAME,		"the upstream's name is not known" },
	{ CURLE_COULDNT_CONNECT,	CALL_UNREACHABLE,	"no connection" },
	{ CURLE_WEIRD_SERVER_REPLY,	CALL_BROKEN,		"the answer is not HTTP" },
	{ CURLE_PARTIAL_FILE,		CALL_BROKEN,		"the answer was cut short" },
	{ CURLE_OUT_OF_MEMORY,		CALL_BROKEN,		"a header line of the answer is too long" },	/* libcurl's limit is 100 KB */
	{ CURLE_OPERATION_TIMEDOUT,	CALL_TIMEOUT_CONNECT,	"no connection in time" },
	{ CURLE_GOT_NOTHING,		CALL_BROKEN,		"the connection was closed without an answer" },
	{ CURLE_SEND_ERROR,		CALL_BROKEN,		"the connection was cut while the request was sent" },
	{ CURLE_SEND_FAIL_REWIND,	CALL_BROKEN,		"the connection was cut while the request was sent" },
	{ CURLE_RECV_ERROR,		CALL_BROKEN,		"the connection was cut" },
	{ CURLE_BAD_CONTENT_ENCODING,	CALL_BROKEN,		"the answer's transfer coding is wrong" },
	{ CURLE_HTTP2,			CALL_BROKEN,		"the HTTP/2 connection broke" },
	{ CURLE_HTTP2_STREAM,		CALL_BROKEN,		"the HTTP/2 stream broke" },
	{ CURLE_PROXY,			CALL_PROXY,		"the forward proxy failed" },
	{ CURLE_SSL_CONNECT_ERROR,	CALL_TLS,		"the TLS handshake failed" },
	{ CURLE_PEER_FAILED_VERIFICATION, CALL_TLS,		"the certificate is not accepted" },
	{ CURLE_SSL_CERTPROBLEM,	CALL_TLS,		"the client certificate can not be used" },
	{ CURLE_SSL_CIPHER,		CALL_TLS,		"no common cipher" },
	{ CURLE_SSL_CACERT_BADFILE,	CALL_TLS,		"the file of trusted certificates can not be read" },
	{ CURLE_SSL_ISSUER_ERROR,	CALL_TLS,		"the certificate's issuer is wrong" },
	{ CURLE_SSL_INVALIDCERTSTATUS,	CALL_TLS,		"the certificate's status is wrong" },
};

static const struct ending *
ending_of(CURLcode code)
{
	static const struct ending other = { CURLE_OK, CALL_BROKEN, "the transfer failed" };

	for (size_t i = 0; i < nitems(endings); i++)
		if (endings[i].code == code)
			return (&endings[i]);
	return (&other);
}

/* libcurl's own words, without what could spoil a log line; they name hosts and certificates, never headers or bodies, before the connection is up. */
static void
add_detail(char *why, size_t room, const char *said)
{
	size_t n = strlen(why);

	if (said[0] == '\0' || n + 4 > room)
		return;
	snprintf(why + n, room - n, ": %s", said);
	for (char *p = why + n; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
}

static bool
refused_by_proxy(const struct call *c, CURLcode code, char *why, size_t room)
{
	long status = 0;

	if (code == CURLE_OK || !proxied(c) || !c->tls || c->phase >= PHASE_SENT)
		return (false);
	libcurl.easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	if (status >= 300)
		snprintf(why, room, "the forward proxy refused (%ld)", status);
	else if (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING)
		snprintf(why, room, "the forward proxy closed the connection");
	else
		return (false);
	return (true);
}

enum call_end
outcome(const struct call *c, CURLcode code, char *why, size_t room)
{
	const struct ending *e = ending_of(code);
	enum call_end end = e->end;
	long number;

	if (c->why != NULL) {
		snprintf(why, room, "%s", c->why);
		return (c->fault);
	}
	if (refused_by_proxy(c, code, why, room))
		return (CALL_PROXY);
	if (code == CURLE_OK && !c->head.over) {
		snprintf(why, room, "the answer has no header");
		return (CALL_BROKEN);
	}
	snprintf(why, room, "%s", e->why);
	if (end == CALL_UNREACHABLE && libcurl.easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK && number != 0)
		add_detail(why, room, strerror((int)number));
	else if (c->sending != NULL && (end == CALL_TLS || end == CALL_UNREACHABLE))
		add_detail(why, room, c->sending->error);
	return (end);
}
