/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which forward proxy leads to a server, from the variables every tool on the machine reads.
 *
 * As libcurl has it: lower case before upper case, HTTP_PROXY in lower case only (a CGI client could set the other one by sending a
 * header `Proxy`), then ALL_PROXY; NO_PROXY takes `*`, host names with everything below them, addresses and networks. `host:port`
 * there, which libcurl does not know and other tools do, exempts that port only.
 */
#include "config/config_priv.h"

#include <arpa/inet.h>
#include <stdlib.h>

static const char *
first_set(const struct load *l, const char *const *names)
{
	for (; *names != NULL; names++) {
		const char *value = config_env(l->config, *names);
		if (value != NULL && value[0] != '\0')
			return (value);
	}
	return (NULL);
}

static bool
as_string(char *room, size_t size, struct text t)
{
	if (t.len >= size)
		return (false);
	memcpy(room, t.at, t.len);
	room[t.len] = '\0';
	return (true);
}

static bool
same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	if (memcmp(a, b, bytes) != 0)
		return (false);
	return (rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0);
}

/* An address or a network, in the family of `host`. */
static bool
network_matches(int family, const unsigned char *host, struct text token)
{
	unsigned char net[16];
	struct text head, tail;
	int64_t most = family == AF_INET ? 32 : 128, bits = most;
	char s[64];

	if (text_cut(token, '/', &head, &tail) && (!text_to_i64(tail, &bits) || bits < 0 || bits > most))
		return (false);
	if (head.len > 1 && head.at[0] == '[' && head.at[head.len - 1] == ']')
		head = text_sub(head, 1, head.len - 1);
	return (as_string(s, sizeof(s), head) && inet_pton(family, s, net) == 1 && same_bits(host, net, (unsigned)bits));
}

static bool
name_matches(struct text host, struct text token)
{
	struct text tail;

	if (token.len > 0 && token.at[token.len - 1] == '.')
		token.len--;
	if (token.len > 0 && token.at[0] == '.')
		token = text_sub(token, 1, token.len);
	if (token.len == 0 || token.len > host.len)
		return (false);
	tail = text_sub(host, host.len - token.len, host.len);
	return (text_eq_nocase(tail, token) && (tail.len == host.len || host.at[host.len - token.len - 1] == '.'));
}

/* Cuts :port off; false: it is of another port. */
static bool
port_fits(struct text *token, unsigned port)
{
	struct text head, tail;
	int64_t wanted;

	if (!text_cut(*token, ':', &head, &tail) || tail.len == 0 || memchr(tail.at, ':', tail.len) != NULL || !text_to_i64(tail, &wanted))
		return (true);
	*token = head;
	return (wanted == (int64_t)port);
}

static bool
token_matches(struct text token, struct text host, unsigned port)
{
	unsigned char address[16];
	char s[64];

	if (text_is(token, "*"))
		return (true);
	if (!port_fits(&token, port))
		return (false);
	if (as_string(s, sizeof(s), host)) {
		if (inet_pton(AF_INET, s, address) == 1)
			return (network_matches(AF_INET, address, token));
		if (inet_pton(AF_INET6, s, address) == 1)
			return (network_matches(AF_INET6, address, token));
	}
	if (host.len > 0 && host.at[host.len - 1] == '.')
		host.len--;
	return (name_matches(host, token));
}

bool
no_proxy_matches(struct text list, struct text host, unsigned port)
{
	while (list.len > 0) {
		size_t n = 0;
		while (n < list.len && list.at[n] != ',' && list.at[n] != ' ' && list.at[n] != '\t')
			n++;
		if (n > 0 && token_matches(text_sub(list, 0, n), host, port))
			return (true);
		list = text_sub(list, n + 1, list.len);
	}
	return (false);
}

struct text
proxy_for(struct load *l, const struct url *u)
{
	static const char *const https[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL };
	static const char *const http[] = { "http_proxy", "all_proxy", "ALL_PROXY", NULL };
	static const char *const none[] = { "no_proxy", "NO_PROXY", NULL };
	const char *proxy = first_set(l, text_is(u->scheme, "https") ? https : http);

	if (proxy == NULL || no_proxy_matches(text_of(first_set(l, none)), u->host, u->port))
		return (TEXT(""));
	return (arena_copy(l->arena, text_trim(text_of(proxy))));
}
