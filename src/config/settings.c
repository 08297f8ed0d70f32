/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own settings: one table, from which reading, checking, help and doc/settings.md come; and what LiteLLM's sections say about the
 * same things.
 *
 * A setting is taken from `sluice:` in the file, else from the variable SLUICE_ and its name in capitals, else from its default here.
 */
#include "config/config_priv.h"

#include "base/money.h"
#include "base/span.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum kind { KIND_TEXT, KIND_PATH, KIND_BOOL, KIND_NUMBER, KIND_BYTES, KIND_TIME, KIND_LIST, KIND_NETWORKS, KIND_SERVERS, KIND_VENDORS, KIND_KEYS, KIND_PEOPLE };

static const char *const kind_name[] = {
	[KIND_TEXT] = "text", [KIND_PATH] = "path", [KIND_BOOL] = "true or false", [KIND_NUMBER] = "number", [KIND_BYTES] = "bytes",
	[KIND_TIME] = "time", [KIND_LIST] = "list", [KIND_NETWORKS] = "list", [KIND_SERVERS] = "list", [KIND_VENDORS] = "map", [KIND_KEYS] = "list", [KIND_PEOPLE] = "map",
};

struct setting {
	const char	*name;
	enum kind	 kind;
	size_t		 at;		/* in struct settings */
	const char	*otherwise;	/* the default, as one would write it */
	int64_t		 least, most;	/* numbers, bytes, milliseconds */
	bool		 reloads;	/* a reload changes it; else a restart */
	const char	*help;
};

#define AT(member)	offsetof(struct settings, member)
#define KB		INT64_C(1024)
#define MB		(1024 * KB)
#define GB		(1024 * MB)
#define DAY		INT64_C(86400000)

static const struct setting table[] = {
	{ "accept_unenforced", KIND_LIST, AT(accept_unenforced), "", 0, 0, true,
	    "Keys of the LiteLLM sections that protect, are not in force yet, and may be there all the same." },
	{ "alert_mail_to", KIND_TEXT, AT(alert_mail_to), "", 0, 0, true,
	    "Who gets alerts by mail besides the user whom they are about: addresses, with commas between them." },
	{ "answer_limit", KIND_BYTES, AT(answer_limit), "64MB", 64 * KB, 1 * GB, true, "The largest whole answer of an upstream." },
	{ "body_limit", KIND_BYTES, AT(body_limit), "32MB", 4 * KB, 1 * GB, true, "The largest body of a request." },
	{ "body_memory", KIND_BYTES, AT(body_memory), "256MB", 1 * MB, 64 * GB, false,
	    "What the bodies of all running requests of a worker may take together." },
	{ "budget_amounts_hidden", KIND_BOOL, AT(budget_amounts_hidden), "false", 0, 0, true,
	    "Refuse calls for a budget without saying how large it is, and how much of it is spent." },
	{ "budget_hidden_tokens", KIND_NUMBER, AT(budget_hidden_tokens), "500", 0, 1000000, true,
	    "So many tokens a second a model may think unseen, of streams that reserve in instalments; 0: what may do so reserves all of max_tokens at once." },
	{ "budget_instalment", KIND_NUMBER, AT(budget_instalment), "2048", 0, 1000000, true,
	    "A stream that a budget holds reserves so many tokens at a time, as it goes on; 0: all of max_tokens at once." },
	{ "budget_mode", KIND_TEXT, AT(budget_mode), "strict", 1, 16, true,
	    "strict: no call is sent whose largest possible cost does not fit a budget; litellm: calls are sent while anything is left." },
	{ "budget_status", KIND_NUMBER, AT(budget_status), "429", 400, 429, true,
	    "The HTTP status of what is refused for a budget: 429, or 400 or 402 as clients may want it." },
	{ "budget_wait", KIND_TIME, AT(budget_wait_ms), "10s", 0, 600000, true,
	    "How long a call waits for money that running calls hold, while none of it comes back; longer where calls of that budget take longer." },
	{ "budget_wait_most", KIND_TIME, AT(budget_wait_most_ms), "20s", 0, 3600000, true, "How long it waits in all." },
	{ "ca_file", KIND_PATH, AT(ca_file), "", 0, 0, true,
	    "A bundle of certificates that upstreams are checked against, instead of the system's; also SSL_CERT_FILE." },
	{ "connect_timeout", KIND_TIME, AT(connect_timeout_ms), "10s", 1, DAY, true, "How long connecting to an upstream may take." },
	{ "core_dumps", KIND_BOOL, AT(core_dumps), "false", 0, 0, false,
	    "Let a process that crashes leave a core dump, and be debugged: it holds keys, secrets and what clients sent." },
	{ "database", KIND_TEXT, AT(database), "", 0, 0, false,
	    "The database: postgresql://…, or the path of a SQLite file. Empty is general_settings.database_url, DATABASE_URL, else sluice.db in state_dir." },
	{ "database_connections", KIND_NUMBER, AT(database_connections), "4", 1, 64, false,
	    "How many connections to the database a worker opens at most; they close when they are idle." },
	{ "database_connections_per_host", KIND_NUMBER, AT(database_connections_per_host), "8", 1, 1000, false,
	    "How many connections all workers of a host have together." },
	{ "database_must_be_read", KIND_BOOL, AT(database_must_be_read), "false", 0, 0, false,
	    "A host that never saw the settings of its database, because that is away, serves nobody; false: it serves what the file says until it can ask." },
	{ "deployment_rates", KIND_BOOL, AT(deployment_rates), "true", 0, 0, true,
	    "A deployment whose rpm or tpm is used up is passed over; false: they only weigh, as in LiteLLM without enforce_model_rate_limits." },
	{ "dns_ttl", KIND_TIME, AT(dns_ttl_ms), "60s", 1, DAY, true,
	    "How long an upstream's address is used before its name is looked up again." },
	{ "drain", KIND_TIME, AT(drain_ms), "600s", 0, DAY, true, "How long a stopping worker lets its streams finish." },
	{ "event_limit", KIND_BYTES, AT(event_limit), "16MB", 4 * KB, 1 * GB, true, "The largest event of a stream." },
	{ "first_byte_timeout", KIND_TIME, AT(first_byte_timeout_ms), "600s", 1, 30 * DAY, true,
	    "How long an upstream may think before its first byte, where no LiteLLM timeout is set." },
	{ "heartbeat", KIND_TIME, AT(heartbeat_ms), "10s", 100, DAY, true,
	    "A stream that is silent so long gets a comment, which shows whether its client is still there." },
	{ "http2_upstream", KIND_BOOL, AT(http2_upstream), "false", 0, 0, true, "Speak HTTP/2 to upstreams that offer it." },
	{ "idle_timeout", KIND_TIME, AT(idle_timeout_ms), "600s", 1, 30 * DAY, true,
	    "The longest gap between two bytes of an upstream, where no LiteLLM timeout is set." },
	{ "instance", KIND_TEXT, AT(instance), "sluice", 1, 32, false,
	    "The name of this gateway on its host; gateways of one name share their counters." },
	{ "key_rotation", KIND_BOOL, AT(key_rotation), "false", 0, 0, true,
	    "Give keys with auto_rotate a new value when their rotation_interval is over; also LITELLM_KEY_ROTATION_ENABLED." },
	{ "key_rotation_check", KIND_TIME, AT(key_rotation_check_ms), "1d", 1000, 30 * DAY, true,
	    "How often it is looked for keys to rotate; also LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS." },
	{ "key_rotation_grace", KIND_TIME, AT(key_rotation_grace_ms), "0", 0, 365 * DAY, true,
	    "How long the old value of a rotated key stays good; also LITELLM_KEY_ROTATION_GRACE_PERIOD." },
	{ "keys", KIND_KEYS, 0, "", 0, 0, true,
	    "Virtual keys that need no store, each with its digest and, in LiteLLM's words, what it may." },
	{ "known_age_when_away", KIND_TIME, AT(known_age_when_away_ms), "1h", 0, 365 * DAY, true,
	    "While the database is away, keys that are known keep working until what is known of them is that old." },
	{ "known_keys", KIND_NUMBER, AT(known_keys), "32768", 32768, 1048576, false,
	    "How many keys, teams, users and so on a host knows without asking the database; 512 bytes of shared memory each." },
	{ "least_max_tokens", KIND_NUMBER, AT(least_max_tokens), "256", 1, 1000000, true,
	    "A call without max_tokens gets the limit that the rest of its budget buys, if it is at least so many." },
	{ "listen", KIND_TEXT, AT(listen), "", 0, 0, false,
	    "Where `sluice serve` listens for FastCGI: a path, or host:port; empty is a socket in run_dir." },
	{ "log", KIND_PATH, AT(log), "", 0, 0, true,
	    "The file of one line for each exchange; - is standard output; empty is sluice.log in state_dir." },
	{ "loopback_only", KIND_BOOL, AT(loopback_only), "false", 0, 0, true,
	    "Serve nobody but this machine; only then may the master key be one that examples have published." },
	{ "memcached", KIND_SERVERS, 0, "", 0, 0, false,
	    "Servers of memcached by which hosts share rate limits, host:port or a socket's path, the same on every host; empty: each host counts alone." },
	{ "memcached_wait", KIND_TIME, AT(memcached_wait_ms), "50ms", 2, 10000, false,
	    "How long a request waits for memcached at most; then its host counts alone." },
	{ "metrics_series", KIND_NUMBER, AT(metrics_series), "1000", 0, 16384, false,
	    "How many callers the metrics tell apart, each with its models; the rest is counted as other. 0: nobody has labels. 3 KB of shared memory each." },
	{ "names_must_be_known", KIND_BOOL, AT(names_must_be_known), "false", 0, 0, true,
	    "While the database is away, refuse calls in the name of an end user or with a tag that this host never saw; false: those have no budget and no block then." },
	{ "open_on_loopback", KIND_BOOL, AT(open_on_loopback), "false", 0, 0, true,
	    "Without a master key, serve whoever asks from this machine directly." },
	{ "price_map", KIND_PATH, AT(price_map), "", 0, 0, true,
	    "A file of prices in the form of LiteLLM's model_prices_and_context_window.json; what it does not name has the prices that are shipped." },
	{ "people", KIND_PEOPLE, 0, "", 0, 0, true,
	    "Who is signed in at the web server, and their roles and teams: secret, peers, user, email, groups, default_role, rules." },
	{ "prompt_limit", KIND_BYTES, AT(prompt_limit), "256KB", 1 * KB, 1 * MB, true,
	    "How much is stored of a request, and of its answer, where prompts are; what is longer is cut, with a mark." },
	{ "prompt_retention", KIND_TIME, AT(prompt_retention_ms), "2592000s", 0, 3650 * DAY, true,
	    "How long stored prompts and answers are kept; 0 is for ever." },
	{ "prompt_spool", KIND_BYTES, AT(prompt_spool), "256MB", 16 * MB, 1024 * GB, false,
	    "How much of the disk stored prompts take while they wait for the database; what finds no room is dropped and counted." },
	{ "provider_headers", KIND_BOOL, AT(provider_headers), "false", 0, 0, true,
	    "Give the upstream's headers to the client as llm_provider-NAME." },
	{ "row_retention", KIND_TIME, AT(row_retention_ms), "0", 0, 3650 * DAY, true,
	    "How long the rows of single requests are kept, in whole days; 0 is for ever. Sums of days stay. Also general_settings.maximum_spend_logs_retention_period." },
	{ "run_dir", KIND_PATH, AT(run_dir), "/run/sluice", 0, 0, false, "The folder of sockets and shared memory." },
	{ "spool_segment", KIND_BYTES, AT(spool_segment), "16MB", 64 * KB, 256 * MB, false,
	    "How large a file of the spool gets, in which rows wait for the database; two of them are set aside on the disk." },
	{ "spool_sync", KIND_TIME, AT(spool_sync_ms), "50ms", 1, 1000, false,
	    "How long a row may wait to be made safe against the machine's own end, together with others." },
	{ "ssl_verify", KIND_BOOL, AT(ssl_verify), "true", 0, 0, true,
	    "Check the certificates of upstreams; also litellm_settings.ssl_verify and SSL_VERIFY." },
	{ "state_dir", KIND_PATH, AT(state_dir), "/var/lib/sluice", 0, 0, false, "The folder of what must survive a restart." },
	{ "stream_commit_after", KIND_TIME, AT(stream_commit_ms), "3s", 0, DAY, true,
	    "How long a stream waits for its first content before its headers are sent; until then an upstream's error keeps its status." },
	{ "team_model_hosts", KIND_LIST, AT(team_model_hosts), "", 0, 0, true,
	    "Servers which team admins may give models of their teams beside those of https that have a name and public addresses: names and addresses." },
	{ "total_timeout", KIND_TIME, AT(total_timeout_ms), "6000s", 1, 30 * DAY, true,
	    "The longest a call may take altogether; also litellm_settings.request_timeout." },
	{ "trusted_proxies", KIND_NETWORKS, 0, "127.0.0.0/8, ::1", 0, 0, true,
	    "Addresses and networks of proxies before the web server; with general_settings.use_x_forwarded_for, X-Forwarded-For counts if it comes from one of them." },
	{ "vendors", KIND_VENDORS, 0, "", 0, 0, true,
	    "Further vendors, by prefix: base_url, base_env, key_env, headers, path, quirks, wire, model_prefix." },
	{ "workers", KIND_NUMBER, AT(workers), "0", 0, 16, false,
	    "How many workers `sluice serve` runs; 0 is one for each processor, at most 16." },
	{ "wrong_keys", KIND_NUMBER, AT(wrong_keys), "600", 0, 1000000000, true,
	    "So many wrong keys and links may come from one address in a minute; then what the host does not know is refused without asking the database. 0: any number." },
};

static void *
member(struct load *l, const struct setting *s)
{
	return ((char *)&l->config->settings + s->at);
}

/* Reading one value, as people write it. */

struct unit {
	const char	*name;
	double		 times;
};

static const struct unit byte_units[] = {
	{ "", 1 }, { "b", 1 }, { "k", KB }, { "kb", KB }, { "kib", KB }, { "m", MB }, { "mb", MB }, { "mib", MB }, { "g", GB },
	{ "gb", GB }, { "gib", GB },
};
static const struct unit time_units[] = {
	{ "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "m", 60000 }, { "min", 60000 }, { "h", 3600000 }, { "d", DAY },
};

static bool
with_unit(struct text t, const struct unit *units, size_t n, int64_t *value)
{
	size_t digits;
	struct text unit;
	double d;

	t = text_trim(t);
	for (digits = t.len; digits > 0 && !(t.at[digits - 1] >= '0' && t.at[digits - 1] <= '9') && t.at[digits - 1] != '.';)
		digits--;
	unit = text_trim(text_sub(t, digits, t.len));
	if (!scalar_number(text_sub(t, 0, digits), &d) || d < 0)
		return (false);
	for (size_t i = 0; i < n; i++)
		if (text_eq_nocase(unit, text_of(units[i].name)) && d * units[i].times < 9e15) {
			*value = whole(d * units[i].times);
			return (true);
		}
	return (false);
}

/* Bounds the way they are written. */
static void
print_amount(struct buf *b, enum kind kind, int64_t v)
{
	if (kind == KIND_TIME && v % 1000 == 0)
		buf_print(b, "%llds", (long long)(v / 1000));
	else if (kind == KIND_TIME)
		buf_print(b, "%lldms", (long long)v);
	else if (kind == KIND_BYTES && v % GB == 0)
		buf_print(b, "%lldGB", (long long)(v / GB));
	else if (kind == KIND_BYTES && v % MB == 0)
		buf_print(b, "%lldMB", (long long)(v / MB));
	else if (kind == KIND_BYTES)
		buf_print(b, "%lldKB", (long long)(v / KB));
	else
		buf_print(b, "%lld", (long long)v);
}

static const char *
parse_amount(struct load *l, const struct setting *s, struct text t, int64_t *into)
{
	int64_t v;
	bool fine;

	if (s->kind == KIND_NUMBER)
		fine = scalar_int(t, &v);
	else if (s->kind == KIND_BYTES)
		fine = with_unit(t, byte_units, nitems(byte_units), &v);
	else
		fine = with_unit(t, time_units, nitems(time_units), &v);
	if (!fine || v < s->least || v > s->most) {
		struct buf b = { 0 };
		const char *why;
		buf_print(&b, "must be %s from ", s->kind == KIND_NUMBER ? "a whole number" : s->kind == KIND_BYTES ?
		    "a size such as 64KB or 32MB," :
		    "a time such as 500ms, 10s or 2m,");
		print_amount(&b, s->kind, s->least);
		buf_lit(&b, " to ");
		print_amount(&b, s->kind, s->most);
		why = arena_copy(l->arena, buf_as_text(&b)).at;
		buf_free(&b);
		return (why);
	}
	*into = v;
	return (NULL);
}

static const char *
parse_text(struct load *l, const struct setting *s, struct text t, struct text *into)
{
	if (memchr(t.at, '\0', t.len) != NULL || t.len > 4096)
		return ("is too long, or holds a zero byte");
	if (s->most > 0) {			/* a name that becomes part of paths */
		if (t.len < (size_t)s->least || t.len > (size_t)s->most)
			return ("must be 1 to 32 characters");
		for (size_t i = 0; i < t.len; i++)
			if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", t.at[i]) == NULL)
				return ("may hold letters, digits, - and _ only");
	}
	*into = arena_copy(l->arena, t);
	return (NULL);
}

/* NULL: taken. */
static const char *
parse(struct load *l, const struct setting *s, struct text t)
{
	switch (s->kind) {
	case KIND_TEXT:
	case KIND_PATH:
		return (parse_text(l, s, t, member(l, s)));
	case KIND_BOOL:
		return (scalar_bool(text_trim(t), member(l, s)) ? NULL : "must be true or false");
	case KIND_NUMBER:
	case KIND_BYTES:
	case KIND_TIME:
		return (parse_amount(l, s, t, member(l, s)));
	default:
		return (NULL);
	}
}

static const struct setting *
setting_of(const char *name)
{
	for (size_t i = 0; i < nitems(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return (&table[i]);
	return (NULL);
}

static const char *
nth_setting(const void *rows, size_t i)
{
	return (((const struct setting *)rows)[i].name);
}

static const char *
nth_key(const void *keys, size_t i)
{
	return (((const char *const *)keys)[i]);
}

static void
say_own_unknown(struct load *l, const struct node *map, const struct pair *p, const char *near)
{
	problem_key(l, PROBLEM_ERROR, map, p, "unknown setting " TEXT_FMT "%s", TEXT_ARG(p->key), hint(l, near));
}

bool
own_key_known(struct load *l, const struct node *map, const struct pair *p, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text_is(p->key, keys[i]))
			return (true);
	say_own_unknown(l, map, p, did_you_mean(p->key, keys, n, nth_key));
	return (false);
}

void
settings_default(struct load *l)
{
	for (size_t i = 0; i < nitems(table); i++)
		parse(l, &table[i], text_of(table[i].otherwise));
	gate_default(l);
	l->config->settings.num_retries = 2;
	l->config->settings.max_fallbacks = 5;
	l->config->settings.rate_parallel_each = -1;
}

static void
from_env(struct load *l)
{
	char name[64];

	for (size_t i = 0; i < nitems(table); i++) {
		size_t n = (size_t)snprintf(name, sizeof(name), "SLUICE_%s", table[i].name);
		const char *value, *why;
		for (size_t k = 0; k < n; k++)
			name[k] = name[k] >= 'a' && name[k] <= 'z' ? (char)(name[k] & ~0x20) : name[k];
		value = config_env(l->config, name);
		if (value == NULL || value[0] == '\0')
			continue;
		why = parse(l, &table[i], text_of(value));
		if (why != NULL)
			problem(l, PROBLEM_ERROR, NULL, "variable %s %s", name, why);
	}
}

static void
read_list(struct text_list *t, struct load *l, const struct node *n)
{
	t->n = want_texts(l, n, &t->list);
}

static void
read_servers(struct load *l, const struct node *n)
{
	struct settings *set = &l->config->settings;
	char host[256];
	unsigned port;

	set->n_memcached = want_texts(l, n, &set->memcached);
	for (size_t i = 0; i < set->n_memcached; i++)
		if (!memcached_server(set->memcached[i], host, &port)) {
			problem(l, PROBLEM_ERROR, n, "memcached: \"" TEXT_FMT "\" is neither host:port nor the path of a socket", TEXT_ARG(text_sub(set->memcached[i], 0, 80)));
			set->n_memcached = 0;
		}
}

static void
from_file(struct load *l, const struct node *map)
{
	struct settings *set = &l->config->settings;

	for (const struct pair *p = map->first; p != NULL; p = p->next) {
		const struct setting *s = setting_of(arena_copy(l->scratch, p->key).at);
		const char *why;
		if (s == NULL)
			say_own_unknown(l, map, p, did_you_mean(p->key, table, nitems(table), nth_setting));
		else if (node_is_null(p->value))
			continue;
		else if (s->kind == KIND_LIST)
			read_list((struct text_list *)((char *)set + s->at), l, p->value);
		else if (s->kind == KIND_NETWORKS)
			set->n_trusted_proxies = want_networks(l, p->value, &set->trusted_proxies);
		else if (s->kind == KIND_SERVERS)
			read_servers(l, p->value);
		else if (s->kind == KIND_VENDORS)
			vendors_read(l, p->value);
		else if (s->kind == KIND_KEYS)
			keys_read(l, p->value);
		else if (s->kind == KIND_PEOPLE)
			people_read(l, p->value);
		else if (want_kind(l, p->value, NODE_SCALAR) && (why = parse(l, s, p->value->text)) != NULL)
			problem_key(l, PROBLEM_ERROR, map, p, "%s %s", s->name, why);
	}
}

/* What the LiteLLM sections and variables say. */

static void
read_verify(struct load *l, const struct node *n, const char *variable)
{
	struct settings *set = &l->config->settings;
	const char *value = variable != NULL ? config_env(l->config, variable) : NULL;
	struct text t = text_of(value);
	bool verify;

	if (n != NULL && !want_text(l, n, &t))
		return;
	if (t.len == 0)
		return;
	if (scalar_bool(t, &verify) || text_is(t, "0") || text_is(t, "1"))
		set->ssl_verify = verify || text_is(t, "1");
	else
		set->ca_file = arena_copy(l->arena, t);
}

/* LiteLLM's variables; its grace is a text like 24h. */
static void
read_rotation(struct load *l)
{
	const char *check = config_env(l->config, "LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS"), *grace = config_env(l->config, "LITELLM_KEY_ROTATION_GRACE_PERIOD");
	struct settings *set = &l->config->settings;
	struct span span;
	int64_t s;

	set->key_rotation = env_true(l, "LITELLM_KEY_ROTATION_ENABLED");
	if (check != NULL && scalar_int(text_of(check), &s) && s > 0 && s <= 30 * 86400)
		set->key_rotation_check_ms = s * 1000;
	if (grace != NULL && span_read(text_of(grace), &span))
		set->key_rotation_grace_ms = span_ms(&span);
}

static void
read_variables(struct load *l)
{
	struct settings *set = &l->config->settings;
	const char *ca = config_env(l->config, "SSL_CERT_FILE"), *timeout = config_env(l->config, "REQUEST_TIMEOUT");
	const char *most = config_env(l->config, "ROUTER_MAX_FALLBACKS");
	double seconds;
	int64_t n;

	if (ca != NULL)
		set->ca_file = arena_copy(l->arena, text_of(ca));
	read_verify(l, NULL, "SSL_VERIFY");
	set->drop_params = env_true(l, "LITELLM_DROP_PARAMS");
	set->json_logs = env_true(l, "JSON_LOGS");
	if (timeout != NULL && scalar_number(text_of(timeout), &seconds) && seconds > 0 && seconds < 1e6)
		set->total_timeout_ms = whole(seconds * 1000);
	read_rotation(l);
	if (most != NULL && scalar_int(text_of(most), &n) && n >= 0 && n <= 100)
		set->max_fallbacks = n;
}

/* An object that is kept as JSON. */
static void
want_json(struct load *l, const struct node *n, struct text *json)
{
	struct buf b = { 0 };

	if (n == NULL || node_is_null(n) || !want_kind(l, n, NODE_MAP))
		return;
	node_json(&b, n);
	*json = arena_copy(l->arena, buf_as_text(&b));
	buf_free(&b);
}

static bool
is_budget(struct load *l, const struct node *amount, const struct node *duration)
{
	struct text t;
	struct span span;
	int64_t nano;

	if (!want_text(l, amount, &t))
		return (false);
	if (money_read(t, &nano) != MONEY_FINE)
		problem(l, PROBLEM_ERROR, amount, TEXT_FMT " must be an amount of dollars, at most 9000000000", TEXT_ARG(amount->name));
	else if (want_text(l, duration, &t) && !span_read(t, &span))
		problem(l, PROBLEM_ERROR, duration, TEXT_FMT " must be a time such as 30s, 12h, 7d or 1mo", TEXT_ARG(duration->name));
	else
		return (true);
	return (false);
}

struct text
budget_doc(struct load *l, const struct node *amount, const struct node *duration)
{
	struct buf doc = { 0 };
	struct text budget;

	if (!is_budget(l, amount, duration))
		return (TEXT(""));
	buf_lit(&doc, "{\"max_budget\":");
	node_json(&doc, amount);
	if (duration != NULL) {
		buf_lit(&doc, ",\"budget_duration\":");
		node_json(&doc, duration);
	}
	buf_byte(&doc, '}');
	budget = arena_copy(l->arena, buf_as_text(&doc));
	buf_free(&doc);
	return (budget);
}

/* {"openai": {"budget_limit": 10, "time_period": "1d"}}, also with the names that keys have */
static void
read_budgets(struct load *l, const struct node *map, const char *whose, struct text *json)
{
	if (!want_kind(l, map, NODE_MAP))
		return;
	for (const struct pair *p = map->first; p != NULL; p = p->next) {
		static const char *const amounts[] = { "budget_limit", "max_budget" }, *const times[] = { "time_period", "budget_duration" };
		const struct node *amount = node_get(p->value, amounts[0]), *time = node_get(p->value, times[0]);

		amount = amount != NULL ? amount : node_get(p->value, amounts[1]);
		time = time != NULL ? time : node_get(p->value, times[1]);
		if (want_kind(l, p->value, NODE_MAP) && !is_budget(l, amount, time) && amount == NULL)
			problem_key(l, PROBLEM_ERROR, map, p, "a %s's budget has a budget_limit and a time_period", whose);
	}
	want_json(l, map, json);
}

/* max_internal_user_budget and its duration are an older way to write two of them. */
static void
read_user_defaults(struct load *l, const struct node *map)
{
	const struct node *own = node_get(map, "default_internal_user_params");
	struct text *all = &l->config->settings.user_defaults, older;

	want_json(l, own, all);
	older = budget_doc(l, node_get(map, "max_internal_user_budget"), node_get(map, "internal_user_budget_duration"));
	if (older.len == 0 || node_get(own, "max_budget") != NULL)
		return;
	if (own != NULL && own->kind == NODE_MAP && own->n > 0)
		older = arena_print(l->arena, TEXT_FMT "," TEXT_FMT, TEXT_ARG(text_sub(older, 0, older.len - 1)), TEXT_ARG(text_sub(*all, 1, all->len)));
	*all = older;
}

static void
read_throttle(struct load *l, const struct node *n)
{
	double part;

	if (!want_kind(l, n, NODE_SCALAR))
		return;
	if (scalar_number(n->text, &part) && part >= 1e-6 && part <= 1)
		l->config->settings.budget_throttle = (int64_t)(part * 1000000 + 0.5);
	else
		problem(l, PROBLEM_ERROR, n, TEXT_FMT " must be a part of 1, such as 0.1", TEXT_ARG(n->name));
}

/* "12:00", "12:00:30" */
static bool
read_time_of_day(struct text t, int *second)
{
	static const int most[] = { 23, 59, 59 };
	struct text one;
	int64_t n;
	unsigned i = 0;

	*second = 0;
	for (bool more = true; more; i++) {
		more = text_cut(t, ':', &one, &t);
		if (i >= nitems(most) || one.len == 0 || one.len > 2 || !text_to_i64(one, &n) || n < 0 || n > most[i])
			return (false);
		*second += (int)n * (i == 0 ? 3600 : i == 1 ? 60 : 1);
	}
	return (i >= 2);
}

/* When budgets begin anew. */
static void
read_calendar(struct load *l, const struct node *zone, const struct node *turn)
{
	struct settings *set = &l->config->settings;
	struct text t;

	if (want_text(l, zone, &t)) {
		if (span_has_zone(t.at))
			set->timezone = t;
		else
			problem(l, PROBLEM_ERROR, zone, "there is no time zone " TEXT_FMT " in /usr/share/zoneinfo; write one such as Asia/Seoul (Debian's package tzdata)",
			    TEXT_ARG(t));
	}
	if (want_text(l, turn, &t) && !read_time_of_day(t, &set->turn_of_day))
		problem(l, PROBLEM_ERROR, turn, TEXT_FMT " must be a time of the day, such as \"12:00\"", TEXT_ARG(turn->name));
}

static void
read_litellm(struct load *l, const struct node *map)
{
	struct settings *set = &l->config->settings;
	const struct node *groups;

	read_calendar(l, node_get(map, "timezone"), node_get(map, "budget_reset_time"));
	read_verify(l, node_get(map, "ssl_verify"), NULL);
	want_bool(l, node_get(map, "drop_params"), &set->drop_params);
	want_bool(l, node_get(map, "turn_off_message_logging"), &set->stores_no_prompts);
	want_bool(l, node_get(map, "global_disable_no_log_param"), &set->ignores_no_log);
	want_bool(l, node_get(map, "json_logs"), &set->json_logs);
	want_ms(l, node_get(map, "request_timeout"), &set->total_timeout_ms);
	want_int(l, node_get(map, "num_retries"), 0, 100, &set->num_retries);
	want_int(l, node_get(map, "max_fallbacks"), 0, 100, &set->max_fallbacks);
	want_bool(l, node_get(map, "forward_llm_provider_auth_headers"), &set->forward_vendor_keys);
	want_json(l, node_get(map, "default_key_generate_params"), &set->key_defaults);
	want_json(l, node_get(map, "upperbound_key_generate_params"), &set->key_bounds);
	want_json(l, node_get(map, "key_generation_settings"), &set->key_rules);
	read_user_defaults(l, map);
	want_json(l, node_get(map, "default_team_params"), &set->team_defaults);
	set->proxy_budget = budget_doc(l, node_get(map, "max_budget"), node_get(map, "budget_duration"));
	if (!want_text(l, node_get(map, "max_end_user_budget_id"), &set->customer_tier))
		set->customer_tier = budget_doc(l, node_get(map, "max_end_user_budget"), NULL);
	read_budgets(l, node_get(map, "tag_budget_config"), "tag", &set->tag_budgets);
	read_throttle(l, node_get(map, "budget_exceeded_throttle_percentage"));
	priorities_read(l, node_get(map, "priority_reservation"), node_get(map, "priority_reservation_settings"));
	groups = node_get(map, "model_group_settings");
	if (want_kind(l, groups, NODE_MAP))
		set->n_forward_models = want_texts(l, node_get(groups, "forward_client_headers_to_llm_api"), &set->forward_models);
}

static void
read_router(struct load *l, const struct node *map)
{
	struct settings *set = &l->config->settings;

	want_int(l, node_get(map, "num_retries"), 0, 100, &set->num_retries);
	want_int(l, node_get(map, "max_fallbacks"), 0, 100, &set->max_fallbacks);
	want_ms(l, node_get(map, "retry_after"), &set->retry_after_ms);
	want_ms(l, node_get(map, "timeout"), &set->timeout_ms);
	want_ms(l, node_get(map, "stream_timeout"), &set->stream_timeout_ms);
	want_int(l, node_get(map, "default_max_parallel_requests"), 0, 1000000, &set->rate_parallel_each);
	read_budgets(l, node_get(map, "provider_budget_config"), "provider", &set->provider_budgets);
	set->deployment_money |= set->provider_budgets.len > 0;
}

static void
read_megabytes(struct load *l, const struct node *n, int64_t *limit)
{
	double mb;

	if (!want_kind(l, n, NODE_SCALAR))
		return;
	if (scalar_number(n->text, &mb) && mb > 0 && mb <= 1024)
		*limit = whole(mb * (double)MB);
	else
		problem(l, PROBLEM_ERROR, n, TEXT_FMT " must be a number of megabytes, at most 1024", TEXT_ARG(n->name));
}

/* "7d": LiteLLM's way to write spans. */
static void
read_retention(struct load *l, const struct node *n)
{
	struct text t;
	struct span s;

	if (n == NULL || node_is_null(n) || !want_text(l, n, &t))
		return;
	if (span_read(t, &s) && span_ms(&s) <= 3650 * DAY)
		l->config->settings.row_retention_ms = span_ms(&s);
	else
		problem(l, PROBLEM_ERROR, n, "maximum_spend_logs_retention_period must be a span such as 7d, at most 3650 days");
}

static void
add_user_header(struct load *l, const struct node *n)
{
	struct settings *set = &l->config->settings;
	struct text name;

	if (!want_text(l, n, &name))
		return;
	if (!is_token(name) || name.len > 100)
		problem(l, PROBLEM_ERROR, n, "that is not a header's name");
	else
		set->user_headers[set->n_user_headers++] = name;
}

/* Headers that name the end user: the mapped ones first.  Those that map to a user of the gateway's own decide nothing: whose key it is does. */
static void
read_user_headers(struct load *l, const struct node *map)
{
	const struct node *mappings = node_get(map, "user_header_mappings");
	struct text role;

	l->config->settings.user_headers = arena_alloc(l->arena, ((mappings != NULL ? mappings->n : 0) + 1) * sizeof(struct text));
	if (want_kind(l, mappings, NODE_LIST))
		for (const struct pair *p = mappings->first; p != NULL; p = p->next)
			if (want_kind(l, p->value, NODE_MAP) && want_text(l, node_get(p->value, "litellm_user_role"), &role) && text_is(role, "customer"))
				add_user_header(l, node_get(p->value, "header_name"));
	add_user_header(l, node_get(map, "user_header_name"));
}

/* LiteLLM's words for how rates are counted. */
static void
read_rates(struct load *l, const struct node *map)
{
	struct settings *set = &l->config->settings;
	const char *window = config_env(l->config, "LITELLM_RATE_LIMIT_WINDOW_SIZE");
	const struct node *tokens = node_get(map, "token_rate_limit_type");
	struct text kind;
	int64_t seconds;

	set->rate_window_ms = 60000;
	set->rate_tokens = 't';
	set->rate_output = 1024;
	set->rate_parallel_all = -1;
	want_int(l, node_get(map, "default_estimated_output_tokens"), 0, 1000000000, &set->rate_output);
	want_int(l, node_get(map, "global_max_parallel_requests"), 0, 1000000, &set->rate_parallel_all);
	if (set->rate_parallel_each < 0)
		want_int(l, node_get(map, "max_parallel_requests"), 0, 1000000, &set->rate_parallel_each);
	if (want_text(l, tokens, &kind)) {
		if (text_is(kind, "total") || text_is(kind, "input") || text_is(kind, "output"))
			set->rate_tokens = kind.at[0];
		else
			problem(l, PROBLEM_ERROR, tokens, "token_rate_limit_type must be total, input or output");
	}
	if (window == NULL || window[0] == '\0')
		return;
	if (text_to_i64(text_trim(text_of(window)), &seconds) && seconds >= 1 && seconds <= 86400)
		set->rate_window_ms = seconds * 1000;
	else
		problem(l, PROBLEM_ERROR, map, "LITELLM_RATE_LIMIT_WINDOW_SIZE must be a number of seconds, 1 to 86400");
}

/* enforce_user_param: true is short for one of them. */
static void
read_enforced(struct load *l, const struct node *map)
{
	struct settings *set = &l->config->settings;
	struct text *list = NULL, *all;
	size_t n = want_texts(l, node_get(map, "enforced_params"), &list);
	bool user = false;

	want_bool(l, node_get(map, "enforce_user_param"), &user);
	want_bool(l, node_get(map, "reject_clientside_metadata_tags"), &set->reject_client_tags);
	all = arena_alloc(l->arena, (n + 1) * sizeof(*all));
	if (n > 0)
		memcpy(all, list, n * sizeof(*all));
	if (user)
		all[n++] = TEXT("user");
	set->enforced_params = all;
	set->n_enforced_params = n;
}

static void
read_general(struct load *l, const struct node *map)
{
	struct settings *set = &l->config->settings;
	const char *key = config_env(l->config, "LITELLM_MASTER_KEY"), *salt = config_env(l->config, "LITELLM_SALT_KEY");

	if (want_text(l, node_get(map, "master_key"), &set->master_key))
		set->master_key = text_trim(set->master_key);
	if (set->master_key.len == 0 && key != NULL)
		set->master_key = arena_copy(l->arena, text_trim(text_of(key)));
	set->salt_key = salt != NULL && salt[0] != '\0' ? arena_copy(l->arena, text_of(salt)) : set->master_key;
	if (want_text(l, node_get(map, "litellm_key_header_name"), &set->key_header) && !is_token(set->key_header))
		problem(l, PROBLEM_ERROR, node_get(map, "litellm_key_header_name"), "that is not a header's name");
	read_user_headers(l, map);
	read_rates(l, map);
	read_retention(l, node_get(map, "maximum_spend_logs_retention_period"));
	set->store_prompts = env_true(l, "STORE_PROMPTS_IN_SPEND_LOGS");
	want_bool(l, node_get(map, "store_prompts_in_spend_logs"), &set->store_prompts);
	jwt_read_rules(l, map);
	read_enforced(l, map);
	want_text(l, node_get(map, "completion_model"), &set->completion_model);
	want_text(l, node_get(map, "embedding_model"), &set->embedding_model);
	want_bool(l, node_get(map, "always_include_stream_usage"), &set->always_stream_usage);
	want_bool(l, node_get(map, "forward_client_headers_to_llm_api"), &set->forward_client_headers);
	want_bool(l, node_get(map, "forward_llm_provider_auth_headers"), &set->forward_vendor_keys);
	read_megabytes(l, node_get(map, "max_request_size_mb"), &set->body_limit);
	read_megabytes(l, node_get(map, "max_response_size_mb"), &set->answer_limit);
}

static bool
names_postgres(struct text url)
{
	return (text_starts(url, TEXT("postgres://")) || text_starts(url, TEXT("postgresql://")));
}

/* LiteLLM's parts of an address, for who has no DATABASE_URL. */
static struct text
database_by_parts(struct load *l)
{
	const char *host = config_env(l->config, "DATABASE_HOST"), *user = config_env(l->config, "DATABASE_USERNAME");
	const char *name = config_env(l->config, "DATABASE_NAME"), *password = config_env(l->config, "DATABASE_PASSWORD");

	if (host == NULL || user == NULL || name == NULL || host[0] == '\0' || user[0] == '\0' || name[0] == '\0')
		return (TEXT(""));
	return (arena_print(l->arena, "postgresql://" TEXT_FMT ":" TEXT_FMT "@%s/" TEXT_FMT,
	    TEXT_ARG(arena_percent_encode(l->scratch, text_of(user))), TEXT_ARG(arena_percent_encode(l->scratch, text_of(password))), host,
	    TEXT_ARG(arena_percent_encode(l->scratch, text_of(name)))));
}

/* Prisma's tables may stand in a schema that the address names; a pooler lets nobody choose one for long. */
static bool
names_schema(struct text url)
{
	struct text query, one;

	for (text_cut(url, '?', &one, &query); query.len > 0;) {
		if (!text_cut(query, '&', &one, &query))
			query = TEXT("");
		if (text_starts(one, TEXT("schema=")) && !text_is(one, "schema=public"))
			return (true);
	}
	return (false);
}

/* What LiteLLM's file and variables say of the database, unless ours says better. */
static void
read_database(struct load *l, const struct node *general)
{
	struct settings *set = &l->config->settings;
	const struct node *n = node_get(general, "database_url");
	const char *variable = config_env(l->config, "DATABASE_URL");
	struct text url;

	if (want_text(l, n, &url) && text_trim(url).len > 0)
		set->database = text_trim(url);
	else if (variable != NULL && variable[0] != '\0')
		set->database = arena_copy(l->arena, text_trim(text_of(variable)));
	else
		set->database = database_by_parts(l);
	if (set->database.len > 0 && !names_postgres(set->database)) {
		problem(l, PROBLEM_ERROR, n, "the database must be PostgreSQL: database_url, or DATABASE_URL, begins with postgresql://");
		set->database = TEXT("");
	} else if (names_schema(set->database))
		problem(l, PROBLEM_WARNING, n, "schema in the address of the database is not in force: our tables are in the first schema of its user's search_path");
}

static struct node *
section(struct load *l, const char *name)
{
	struct node *n = node_get(l->root, name);

	return (want_kind(l, n, NODE_MAP) ? n : NULL);
}

static void
fill_paths(struct load *l)
{
	struct settings *set = &l->config->settings;

	if (set->log.len == 0)
		set->log = arena_print(l->arena, TEXT_FMT "/sluice.log", TEXT_ARG(set->state_dir));
	if (set->database.len == 0)
		set->database = arena_print(l->arena, TEXT_FMT "/sluice.db", TEXT_ARG(set->state_dir));
	if (set->listen.len == 0)
		set->listen = arena_print(l->arena, TEXT_FMT "/" TEXT_FMT ".sock", TEXT_ARG(set->run_dir), TEXT_ARG(set->instance));
	if (set->workers == 0) {
		long n = sysconf(_SC_NPROCESSORS_ONLN);
		set->workers = n < 1 ? 1 : n > 16 ? 16 : n;
	}
}

void
settings_read(struct load *l)
{
	struct node *own = section(l, "sluice"), *litellm = section(l, "litellm_settings"), *router = section(l, "router_settings");
	struct node *general = section(l, "general_settings");

	l->accepted = node_get(own, "accept_unenforced");
	litellm_check(l, SECTION_TOP, l->root);
	litellm_check(l, SECTION_LITELLM, litellm);
	litellm_check(l, SECTION_ROUTER, router);
	litellm_check(l, SECTION_GENERAL, general);
	litellm_check_callbacks(l, litellm);
	litellm_check_agents(l, node_get(l->root, "agent_list"));
	litellm_check_accepted(l);
	read_variables(l);
	read_litellm(l, litellm);
	read_router(l, router);
	read_general(l, general);
	gate_read(l, litellm, general);
	metrics_read(l, litellm);
	read_database(l, general);
	from_env(l);
	if (own != NULL)
		from_file(l, own);
	fill_paths(l);
}

/* The secret is compared with what clients send in a header, so it must fit into one. */
static bool
sendable(struct text key)
{
	for (size_t i = 0; i < key.len; i++)
		if ((unsigned char)key.at[i] <= 0x20 || (unsigned char)key.at[i] >= 0x7f)
			return (false);
	return (true);
}

static void
check_model(struct load *l, const char *name, struct text model)
{
	struct capture captured;

	if (model.len > 0 && config_group(l->config, model, &captured) == NULL)
		problem(l, PROBLEM_WARNING, node_get(node_get(l->root, "general_settings"), name), "%s " TEXT_FMT " is served by no deployment", name,
		    TEXT_ARG(model));
}

void
settings_check(struct load *l)
{
	const struct settings *set = &l->config->settings;
	const struct node *at = node_get(node_get(l->root, "general_settings"), "master_key");

	if (set->master_key.len == 0 && !set->open_on_loopback)
		problem(l, PROBLEM_ERROR, at,
		    "no master key: set general_settings.master_key or LITELLM_MASTER_KEY, or sluice.open_on_loopback");
	else if (!sendable(set->master_key))
		problem(l, PROBLEM_ERROR, at, "the master key must be printable ASCII without blanks");
	else if (is_example_key(set->master_key) && !set->loopback_only)
		problem(l, PROBLEM_ERROR, at,
		    "the master key is a published example, known to everybody; make one with: echo sk-$(openssl rand -hex 32)");
	if (!names_postgres(set->database) && text_has(set->database, TEXT("://")))
		problem(l, PROBLEM_ERROR, node_get(node_get(l->root, "sluice"), "database"),
		    "database must begin with postgresql://, or be the path of a file");
	l->config->settings.budget_strict = text_is(set->budget_mode, "strict");
	if (!set->budget_strict && !text_is(set->budget_mode, "litellm"))
		problem(l, PROBLEM_ERROR, node_get(node_get(l->root, "sluice"), "budget_mode"), "budget_mode must be strict or litellm");
	if (set->priorities.n > 0 && !set->deployment_rates)
		problem(l, PROBLEM_ERROR, node_get(node_get(l->root, "litellm_settings"), "priority_reservation"),
		    "priority_reservation needs sluice.deployment_rates: what a deployment may is what there is to share");
	if (set->provider_headers)
		problem(l, PROBLEM_WARNING, node_get(node_get(l->root, "sluice"), "provider_headers"), "provider_headers is not in force yet");
	check_model(l, "completion_model", set->completion_model);
	check_model(l, "embedding_model", set->embedding_model);
}

/* Help. */

static void
print_bounds(struct buf *b, const struct setting *s)
{
	if (s->kind != KIND_NUMBER && s->kind != KIND_BYTES && s->kind != KIND_TIME)
		return;
	print_amount(b, s->kind, s->least);
	buf_lit(b, " to ");
	print_amount(b, s->kind, s->most);
}

static void
print_markdown(struct buf *b, const struct setting *s)
{
	buf_print(b, "| `%s` | %s | %s%s%s | ", s->name, kind_name[s->kind], s->otherwise[0] != '\0' ? "`" : "", s->otherwise,
	    s->otherwise[0] != '\0' ? "`" : "");
	print_bounds(b, s);
	buf_print(b, " | %s | %s |\n", s->reloads ? "reload" : "restart", s->help);
}

static void
print_plain(struct buf *b, const struct setting *s)
{
	buf_print(b, "  %s: %s", s->name, kind_name[s->kind]);
	if (s->otherwise[0] != '\0')
		buf_print(b, ", %s", s->otherwise);
	if (s->kind == KIND_NUMBER || s->kind == KIND_BYTES || s->kind == KIND_TIME) {
		buf_lit(b, " (");
		print_bounds(b, s);
		buf_lit(b, ")");
	}
	buf_print(b, "\n      %s\n", s->help);
}

void
settings_print(struct buf *b, bool markdown)
{
	if (markdown)
		buf_lit(b, "| setting | kind | default | bounds | a change needs a | meaning |\n|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < nitems(table); i++) {
		if (markdown)
			print_markdown(b, &table[i]);
		else
			print_plain(b, &table[i]);
	}
}
