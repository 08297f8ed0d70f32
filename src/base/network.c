/* SPDX-License-Identifier: Apache-2.0 */
/* Both families in one form, so that a comparison of bits is all there is. */
#include "base/network.h"

#include <arpa/inet.h>

#define V4_BITS	96u		/* before an IPv4 address within the other form */

static bool
address_read(unsigned char bytes[16], struct text t, bool *v4)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
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

bool
network_has(const struct network *n, struct text address)
{
	unsigned bytes = n->bits / 8, rest = n->bits % 8;
	unsigned char a[16];
	bool v4;

	if (!address_read(a, text_trim(address), &v4) || memcmp(a, n->bytes, bytes) != 0)
		return (false);
	return (rest == 0 || ((a[bytes] ^ n->bytes[bytes]) >> (8 - rest)) == 0);
}

bool
networks_have(const struct network *list, size_t n, struct text address)
{
	for (size_t i = 0; i < n; i++)
		if (network_has(&list[i], address))
			return (true);
	return (false);
}
