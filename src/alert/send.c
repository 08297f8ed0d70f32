/* SPDX-License-Identifier: Apache-2.0 */
/* An alert to an address: a web hook, or a mail. */
#include "alert/alert_priv.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "upstream/libcurl.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CONNECT_MS	5000L
#define TOTAL_MS	10000L
#define RECIPIENTS_MOST	32
#define TRIES		2

static size_t
swallow(char *bytes, size_t size, size_t n, void *self)
{
	(void)bytes;
	(void)self;
	return (size * n);
}

static bool there;

static void
load(void)
{
	there = libcurl_load() && libcurl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static CURL *
call_new(const struct config *config, const struct alert_target *t)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct settings *set = &config->settings;
	CURL *c;

	pthread_once(&once, load);
	if (!there || (c = libcurl.easy_init()) == NULL)
		return (NULL);
	libcurl.easy_setopt(c, CURLOPT_URL, t->url.at);
	libcurl.easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	libcurl.easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	libcurl.easy_setopt(c, CURLOPT_TIMEOUT_MS, TOTAL_MS);
	libcurl.easy_setopt(c, CURLOPT_WRITEFUNCTION, swallow);
	libcurl.easy_setopt(c, CURLOPT_PROTOCOLS_STR, t->form == ALERT_MAIL ? "smtp,smtps" : "http,https");
	libcurl.easy_setopt(c, CURLOPT_PROXY, t->proxy.len > 0 ? t->proxy.at : "");
	libcurl.easy_setopt(c, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
	if (!set->ssl_verify) {
		libcurl.easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		libcurl.easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	} else if (set->ca_file.len > 0) {
		libcurl.easy_setopt(c, CURLOPT_CAINFO, set->ca_file.at);
		libcurl.easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
	return (c);
}

/* Slack takes "<!channel>" for a call to everybody, and a name may hold it. */
static void
put_tame(struct buf *out, struct text t)
{
	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] == '&')
			buf_lit(out, "&amp;");
		else if (t.at[i] == '<')
			buf_lit(out, "&lt;");
		else if (t.at[i] == '>')
			buf_lit(out, "&gt;");
		else
			buf_byte(out, t.at[i]);
	}
}

static void
put_slack(struct buf *out, const struct told_alert *a)
{
	struct json_out o = { .to = out };
	struct buf plain = { 0 }, tame = { 0 };

	alert_text(&plain, a);
	buf_print(&tame, "*%s*\n", alert_kinds[a->kind].title);
	put_tame(&tame, buf_as_text(&plain));
	json_open(&o, '{');
	json_name(&o, "text");
	json_string(&o, buf_as_text(&tame));
	json_close(&o, '}');
	buf_free(&plain);
	buf_free(&tame);
}

static CURLcode
post_body(CURL *c, const struct buf *body, long *status)
{
	struct curl_slist *headers = libcurl.slist_append(NULL, "Content-Type: application/json");
	CURLcode rc;

	libcurl.easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	libcurl.easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)body->len);
	libcurl.easy_setopt(c, CURLOPT_POSTFIELDS, body->at);
	rc = libcurl.easy_perform(c);
	libcurl.easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
	libcurl.slist_free_all(headers);
	return (rc);
}

static CURLcode
post(CURL *c, const struct told_alert *a, enum alert_form form, long *status)
{
	struct buf body = { 0 };
	CURLcode rc;

	if (form == ALERT_SLACK)
		put_slack(&body, a);
	else
		alert_event(&body, a);
	rc = post_body(c, &body, status);
	buf_free(&body);
	return (rc);
}

/* handing a secret over */

static bool
may_have_secrets(const struct alert_target *t)
{
	static const char *const here[] = { "127.0.0.1", "::1", "localhost" };
	bool is_here = false;

	for (size_t i = 0; i < nitems(here); i++)
		is_here |= text_is(t->host, here[i]);
	return (t->form == ALERT_WEBHOOK && (text_starts(t->url, TEXT("https://")) || is_here));
}

static bool
hand_over_to(const struct config *config, const struct alert_target *t, struct text event)
{
	CURL *c = call_new(config, t);
	struct buf body = { 0 };
	long status = 0;
	CURLcode rc;

	if (c == NULL)
		return (false);
	buf_text(&body, event);
	rc = post_body(c, &body, &status);
	libcurl.easy_cleanup(c);
	memset(body.at, 0, body.len);
	buf_free(&body);
	if (rc == CURLE_OK && status >= 200 && status < 300)
		return (true);
	note(NOTE_WARN, "", "a new key was not taken by " TEXT_FMT ": %s", TEXT_ARG(t->host), rc != CURLE_OK ? libcurl.easy_strerror(rc) : "it refused");
	return (false);
}

bool
alert_hand_over(const struct config *config, struct text event)
{
	bool taken = false;

	for (size_t i = 0; i < config->alerting.n_targets; i++)
		if (may_have_secrets(&config->alerting.targets[i]))
			taken |= hand_over_to(config, &config->alerting.targets[i], event);
	return (taken);
}

/* mail */

struct letter {
	struct buf	 text;
	size_t		 sent;
};

static size_t
read_letter(char *into, size_t size, size_t n, void *self)
{
	struct letter *l = self;
	size_t most = size * n, left = l->text.len - l->sent, take = left < most ? left : most;

	memcpy(into, l->text.at + l->sent, take);
	l->sent += take;
	return (take);
}

/* An address that can not become another line of the mail, or another command. */
static bool
is_address(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] <= ' ' || (unsigned char)t.at[i] >= 0x7f || strchr("<>,;\"\\()", t.at[i]) != NULL)
			return (false);
	return (t.len > 2 && t.len < 255 && memchr(t.at, '@', t.len) != NULL);
}

static struct curl_slist *
add_recipient(struct curl_slist *list, struct buf *to, struct text address)
{
	char line[256];

	if (!is_address(address))
		return (list);
	snprintf(line, sizeof(line), TEXT_FMT, TEXT_ARG(address));
	buf_print(to, "%s%s", to->len > 0 ? ", " : "", line);
	return (libcurl.slist_append(list, line));
}

static struct curl_slist *
recipients(const struct config *config, const struct told_alert *a, struct buf *to)
{
	struct text rest = config->settings.alert_mail_to, one;
	struct curl_slist *list = NULL;
	unsigned n = 0;

	for (bool more = rest.len > 0; more && n < RECIPIENTS_MOST; n++) {
		more = text_cut(rest, ',', &one, &rest);
		list = add_recipient(list, to, text_trim(one));
	}
	return (add_recipient(list, to, a->user_email));
}

static void
write_letter(struct buf *out, const struct config *config, const struct told_alert *a, struct text to)
{
	char date[64], id[37];
	time_t now = time(NULL);
	struct buf text = { 0 };
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	uuid7(id);
	alert_text(&text, a);
	buf_print(out, "Date: %s\r\nFrom: " TEXT_FMT "\r\nTo: " TEXT_FMT "\r\nMessage-ID: <%s@sluice>\r\nSubject: sluice: %s\r\n", date,
	    TEXT_ARG(config->alerting.mail_from), TEXT_ARG(to), id, alert_kinds[a->kind].title);
	buf_lit(out, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
	for (size_t i = 0; i < text.len; i++)
		buf_byte(out, (unsigned char)text.at[i] < ' ' ? ' ' : text.at[i]);
	buf_lit(out, "\r\n");
	buf_free(&text);
}

/* Nobody to write to is no failure of the server: CURLE_OK with status 0. */
static CURLcode
mail(CURL *c, const struct config *config, const struct told_alert *a, long *status)
{
	const struct alerting *by = &config->alerting;
	struct buf to = { 0 };
	struct curl_slist *list = recipients(config, a, &to);
	struct letter letter = { .sent = 0 };
	CURLcode rc = CURLE_OK;

	*status = 0;
	if (list != NULL) {
		write_letter(&letter.text, config, a, buf_as_text(&to));
		libcurl.easy_setopt(c, CURLOPT_MAIL_FROM, by->mail_from.at);
		libcurl.easy_setopt(c, CURLOPT_MAIL_RCPT, list);
		libcurl.easy_setopt(c, CURLOPT_USE_SSL, by->mail_tls ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE);
		if (by->mail_user.len > 0) {
			libcurl.easy_setopt(c, CURLOPT_USERNAME, by->mail_user.at);
			libcurl.easy_setopt(c, CURLOPT_PASSWORD, by->mail_password.at);
		}
		libcurl.easy_setopt(c, CURLOPT_READFUNCTION, read_letter);
		libcurl.easy_setopt(c, CURLOPT_READDATA, &letter);
		libcurl.easy_setopt(c, CURLOPT_UPLOAD, 1L);
		rc = libcurl.easy_perform(c);
		*status = rc == CURLE_OK ? 250 : 0;
	}
	libcurl.slist_free_all(list);
	buf_free(&letter.text);
	buf_free(&to);
	return (rc);
}

static bool
deliver_once(const struct config *config, const struct alert_target *t, const struct told_alert *a, bool last)
{
	CURL *c = call_new(config, t);
	long status = 0;
	CURLcode rc = c == NULL ? CURLE_FAILED_INIT : t->form == ALERT_MAIL ? mail(c, config, a, &status) : post(c, a, t->form, &status);

	if (c != NULL)
		libcurl.easy_cleanup(c);
	if (rc == CURLE_OK && status >= 200 && status < 300)
		return (true);
	if (last && c == NULL)
		note(NOTE_WARN, "", "an alert could not be sent to " TEXT_FMT ": libcurl is not there", TEXT_ARG(t->host));
	else if (last && rc != CURLE_OK)
		note(NOTE_WARN, "", "an alert could not be sent to " TEXT_FMT ": %s", TEXT_ARG(t->host), libcurl.easy_strerror(rc));
	else if (last)
		note(NOTE_WARN, "", t->form == ALERT_MAIL ? "an alert could not be sent to " TEXT_FMT ": nobody to write to; see sluice.alert_mail_to (%ld)" :
		    "an alert could not be sent to " TEXT_FMT ": it answered %ld", TEXT_ARG(t->host), status);
	return (false);
}

bool
alert_deliver(const struct config *config, const struct alert_target *t, const struct told_alert *a)
{
	for (unsigned i = 1; i <= TRIES; i++)
		if (deliver_once(config, t, a, i == TRIES))
			return (true);
	return (false);
}
