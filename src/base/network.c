/* SPDX-License-Identifier: Apache-2.0 */
/* Both families in one form, so that a comparison of bits is all there is. */
#include "base/network.h"

#include <arpa/inet.h>

#define V4_BITS	96u		/* before an IPv4 address within the other form */

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
address_read(unsigned char bytes[16], struct text t, bool *v4)
{
	char s[INET6_ADDRSTRLEN];

	if (t.len == 0 || t.len >= sizeof(s))
		return (false);
	memcpy(s, t.at, t.len);
	s[t.len] = '\0';
	memcpy(bytes, mapped, sizeof(mapped));
	*v4 = inet_pton(AF_INET, s, bytes + sizeof(mapped)) == 1;
	return (*v4 || inet_pton(AF_INET6, s, bytes) == 1);
}

bool
network_read(struct network *n, struct text t)
{
	struct text head, tail;
	int64_t bits, most;
	bool sized = text_cut(text_trim(t), '/', &head, &tail), v4;

	if (!address_read(n->bytes, head, &v4))
		return (false);
	most = v4 ? 32 : 128;
	bits = most;
	if (sized && (!text_to_i64(tail, &bits) || bits < 0 || bits > most))
		return (false);
	n->bits = (unsigned)bits + (v4 ? V4_BITS : 0);
	return (true);
}

static bool
is_within(const struct network *n, const unsigned char a[16])
{
	unsigned bytes = n->bits / 8, rest = n->bits % 8;

	return (memcmp(a, n->bytes, bytes) == 0 && (rest == 0 || ((a[bytes] ^ n->bytes[bytes]) >> (8 - rest)) == 0));
}

bool
network_has(const struct network *n, struct text address)
{
	unsigned char a[16];
	bool v4;

	return (address_read(a, text_trim(address), &v4) && is_within(n, a));
}

bool
networks_have(const struct network *list, size_t n, struct text address)
{
	for (size_t i = 0; i < n; i++)
		if (network_has(&list[i], address))
			return (true);
	return (false);
}

uint64_t
network_hash(struct text address)
{
	struct text plain, zone;
	unsigned char a[16];
	bool v4;

	text_cut(text_trim(address), '%', &plain, &zone);
	if (!address_read(a, plain, &v4))
		return (text_hash(address));
	v4 = v4 || memcmp(a, mapped, sizeof(mapped)) == 0;	/* as sockets of both families say it */
	return (text_hash((struct text){ (const char *)a, v4 ? sizeof(a) : sizeof(a) / 2 }));
}

#define V4(a, b, c, d, bits)	{ { [10] = 0xff, [11] = 0xff, a, b, c, d }, V4_BITS + (bits) }

/* The registries of IANA for special purposes, as of RFC 6890 and its followers, and what clouds answer at. */
static const struct network internal[] = {
	V4(0, 0, 0, 0, 8), V4(10, 0, 0, 0, 8), V4(100, 64, 0, 0, 10), V4(127, 0, 0, 0, 8), V4(169, 254, 0, 0, 16), V4(172, 16, 0, 0, 12),
	V4(192, 0, 0, 0, 24), V4(192, 0, 2, 0, 24), V4(192, 168, 0, 0, 16), V4(198, 18, 0, 0, 15), V4(198, 51, 100, 0, 24), V4(203, 0, 113, 0, 24),
	V4(224, 0, 0, 0, 3),
	V4(168, 63, 129, 16, 32),		/* Azure's wire server */
	{ { 0 }, 96 },				/* ::, ::1, and IPv4 in its old clothes */
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48 }, { { 0x01, 0x00 }, 64 }, { { 0x20, 0x01, 0x00, 0x00 }, 32 }, { { 0x20, 0x01, 0x0d, 0xb8 }, 32 },
	{ { 0xfc }, 7 }, { { 0xfe, 0x80 }, 10 }, { { 0xfe, 0xc0 }, 10 }, { { 0xff }, 8 },
};

/* An IPv4 address that an IPv6 one leads to, by a gateway of its network: NAT64 (RFC 6052), 6to4 (RFC 3056). */
static bool
leads_to(unsigned char v4[16], const unsigned char a[16])
{
	static const struct network nat64 = { { 0x00, 0x64, 0xff, 0x9b }, 96 }, six_to_four = { { 0x20, 0x02 }, 16 };
	bool nat = is_within(&nat64, a);

	if (!nat && !is_within(&six_to_four, a))
		return (false);
	memset(v4, 0, 10);
	memset(v4 + 10, 0xff, 2);
	memcpy(v4 + 12, nat ? a + 12 : a + 2, 4);
	return (true);
}

bool
network_is_internal(struct text address)
{
	struct text plain, zone;
	unsigned char a[16], v4[16];
	bool is_v4;

	text_cut(text_trim(address), '%', &plain, &zone);
	if (!address_read(a, plain, &is_v4))
		return (true);
	for (size_t i = 0; i < nitems(internal); i++)
		if (is_within(&internal[i], a) || (leads_to(v4, a) && is_within(&internal[i], v4)))
			return (true);
	return (false);
}
