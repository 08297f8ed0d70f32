/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own settings: one table, from which reading, checking, help and doc/settings.md come.
 *
 * A setting is taken from `sluice:` in the file, else from the variable SLUICE_ and its name in capitals, else from its default here.
 */
#include "config/config_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum kind { KIND_TEXT, KIND_PATH, KIND_BOOL, KIND_NUMBER, KIND_BYTES, KIND_TIME, KIND_LIST, KIND_NETWORKS, KIND_SERVERS, KIND_VENDORS, KIND_KEYS,
    KIND_PEOPLE };

static const char *const kind_name[] = {
	[KIND_TEXT] = "text", [KIND_PATH] = "path", [KIND_BOOL] = "true or false", [KIND_NUMBER] = "number", [KIND_BYTES] = "bytes",
	[KIND_TIME] = "time", [KIND_LIST] = "list", [KIND_NETWORKS] = "list", [KIND_SERVERS] = "list", [KIND_VENDORS] = "map", [KIND_KEYS] = "list",
	[KIND_PEOPLE] = "map",
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
	{ "answer_headers", KIND_TEXT, AT(answer_headers), "standard", 1, 16, true,
	    "standard: answers tell what SDKs read: of the tightest rate limits, by OpenAI's names; litellm: LiteLLM's headers of every limit and of the key, too." },
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
	    "While the database is away, refuse calls in the name of an end user or with a tag that this host never saw; false: those have no budget "
	    "and no block then." },
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
	    "How long the rows of single requests are kept, in whole days; 0 is for ever. Sums of days stay. Also "
	    "general_settings.maximum_spend_logs_retention_period." },
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
	    "Addresses and networks of proxies before the web server; with general_settings.use_x_forwarded_for, X-Forwarded-For counts if it comes "
	    "from one of them." },
	{ "vendors", KIND_VENDORS, 0, "", 0, 0, true,
	    "Further vendors, by prefix: base_url, base_env, key_env, headers, path, quirks, wire, model_prefix." },
	{ "workers", KIND_NUMBER, AT(workers), "0", 0, 16, false,
	    "How many workers `sluice serve` runs; 0 is one for each processor, at most 16." },
	{ "wrong_keys", KIND_NUMBER, AT(wrong_keys), "600", 0, 1000000000, true,
	    "So many wrong keys and links may come from one address in a minute; then what the host does not know is refused without asking the "
	    "database. 0: any number." },
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
	agents_read(l, node_get(l->root, "agent_list"));
	litellm_check_accepted(l);
	sections_read(l, litellm, router, general);
	gate_read(l, litellm, general);
	metrics_read(l, litellm);
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
	l->config->settings.headers_litellm = text_is(set->answer_headers, "litellm");
	if (!set->headers_litellm && !text_is(set->answer_headers, "standard"))
		problem(l, PROBLEM_ERROR, node_get(node_get(l->root, "sluice"), "answer_headers"), "answer_headers must be litellm or standard");
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
