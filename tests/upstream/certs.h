/* SPDX-License-Identifier: Apache-2.0 */
/* Authorities and certificates made on the spot for the TLS tests. */
#ifndef TESTS_UPSTREAM_CERTS_H
#define TESTS_UPSTREAM_CERTS_H

#include <openssl/ssl.h>

struct authority {
	EVP_PKEY	*key;
	X509		*cert;
	char		 file[128];		/* its certificate, PEM, in a temporary folder */
};

void	 authority_make(struct authority *, const char *name);
void	 authority_free(struct authority *);
/* A server's context with a certificate for `names` ("DNS:localhost,IP:127.0.0.1"), valid from and to so many days from now. */
SSL_CTX	*server_context(struct authority *, const char *names, long from_days, long to_days);

/* A client's certificate and key, PEM, in files of a temporary folder. */
struct pair_files {
	char		 cert[128], key[128], both[128];	/* both: in one file */
};

/* The key is encrypted if there is a password. */
void	 pair_make(struct pair_files *, struct authority *, const char *name, long from_days, long to_days, const char *password);
void	 pair_free(struct pair_files *);

#endif
