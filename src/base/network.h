/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and networks, as lists of who may come in have them.  Pure. */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include "base/text.h"

struct network {
	unsigned char	 bytes[16];	/* IPv4 as ::ffff:a.b.c.d: a dual-stack socket shows it so */
	unsigned	 bits;		/* of them that count */
};

/* "10.0.0.0/8", "192.0.2.7", "2001:db8::/32"; false: neither address nor network. */
bool	network_read(struct network *, struct text);
/* Is that address in it?  What is no address is in none. */
bool	network_has(const struct network *, struct text address);
bool	networks_have(const struct network *list, size_t n, struct text address);
uint64_t network_hash(struct text address);	/* of the address, or of the network of 64 bits it is in; not for hostile tables */
/* Is it one of the machine itself, of a private or provider's network, a cloud's own, or no host's at all?  What is no address is, too. */
bool	network_is_internal(struct text address);

#endif
