/* SPDX-License-Identifier: Apache-2.0 */
/* Authorities and certificates made on the spot for the TLS tests. */
#include "certs.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY	(24 * 3600)

static void
must(int ok)
{
	if (ok)
		return;
	ERR_print_errors_fp(stderr);
	abort();
}

static void
extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *e;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(e != NULL && X509_add_ext(cert, e, -1));
	X509_EXTENSION_free(e);
}

static X509 *
certificate(EVP_PKEY *key, const char *name, X509 *issuer, long from_days, long to_days)
{
	static long serial;
	X509 *x = X509_new();

	must(x != NULL && X509_set_version(x, 2));
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial + getpid() * 1000L);
	X509_gmtime_adj(X509_getm_notBefore(x), from_days * DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), to_days * DAY);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	must(X509_set_issuer_name(x, X509_get_subject_name(issuer != NULL ? issuer : x)));
	must(X509_set_pubkey(x, key));
	return (x);
}

void
authority_make(struct authority *a, const char *name)
{
	char folder[] = "/tmp/sluice-certs-XXXXXX";
	FILE *f;

	must((a->key = EVP_EC_gen("P-256")) != NULL);
	a->cert = certificate(a->key, name, NULL, -1, 30);
	extend(a->cert, a->cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(a->cert, a->cert, NID_key_usage, "critical,keyCertSign");
	extend(a->cert, a->cert, NID_subject_key_identifier, "hash");
	must(X509_sign(a->cert, a->key, EVP_sha256()));
	must(mkdtemp(folder) != NULL);
	snprintf(a->file, sizeof(a->file), "%s/ca.pem", folder);
	must((f = fopen(a->file, "w")) != NULL && PEM_write_X509(f, a->cert));
	fclose(f);
}

void
authority_free(struct authority *a)
{
	unlink(a->file);
	*strrchr(a->file, '/') = '\0';
	rmdir(a->file);
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
}

SSL_CTX *
server_context(struct authority *a, const char *names, long from_days, long to_days)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = certificate(key, "server", a->cert, from_days, to_days);

	extend(x, a->cert, NID_subject_alt_name, names);
	must(X509_sign(x, a->key, EVP_sha256()));
	must(SSL_CTX_use_certificate(context, x) && SSL_CTX_use_PrivateKey(context, key));
	SSL_CTX_set_session_id_context(context, (const unsigned char *)"t", 1);
	X509_free(x);
	EVP_PKEY_free(key);
	return (context);
}

static void
write_pair(const char *path, X509 *x, EVP_PKEY *key, const char *password)
{
	FILE *f = fopen(path, "w");

	must(f != NULL);
	if (x != NULL)
		must(PEM_write_X509(f, x));
	if (key != NULL)
		must(PEM_write_PrivateKey(f, key, password != NULL ? EVP_aes_256_cbc() : NULL, (const unsigned char *)password,
		    password != NULL ? (int)strlen(password) : 0, NULL, NULL));
	fclose(f);
}

void
pair_make(struct pair_files *p, struct authority *a, const char *name, long from_days, long to_days, const char *password)
{
	char folder[] = "/tmp/sluice-pair-XXXXXX";
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = certificate(key, name, a->cert, from_days, to_days);

	must(X509_sign(x, a->key, EVP_sha256()) && mkdtemp(folder) != NULL);
	snprintf(p->cert, sizeof(p->cert), "%s/cert.pem", folder);
	snprintf(p->key, sizeof(p->key), "%s/key.pem", folder);
	snprintf(p->both, sizeof(p->both), "%s/both.pem", folder);
	write_pair(p->cert, x, NULL, NULL);
	write_pair(p->key, NULL, key, password);
	write_pair(p->both, x, key, password);
	X509_free(x);
	EVP_PKEY_free(key);
}

void
pair_free(struct pair_files *p)
{
	unlink(p->cert);
	unlink(p->key);
	unlink(p->both);
	*strrchr(p->both, '/') = '\0';
	rmdir(p->both);
}
