/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of a deployment: whom it trusts (ssl_verify), and by what its server knows us (client_cert, client_key).
 *
 * The files are looked into when the configuration is read, so that a wrong one is a sentence with a line, not a handshake that fails later. What is in
 * them is read again by each new connection. No word of a key, or of its password, gets into a problem.
 */
#include "config/config_priv.h"

#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define CERT_BYTES_MOST		(1u << 20)
#define BUNDLE_BYTES_MOST	(16u << 20)

/* OpenSSL's own would ask at the terminal. */
static int
give_password(char *to, int room, int writing, void *arg)
{
	const struct text *password = arg;

	(void)writing;
	if (password == NULL || password->len == 0 || password->len > (size_t)room)
		return (-1);
	memcpy(to, password->at, password->len);
	return ((int)password->len);
}

static X509 *
certificate_in(struct text pem)
{
	BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
	X509 *x = PEM_read_bio_X509(bio, NULL, give_password, NULL);

	BIO_free(bio);
	ERR_clear_error();
	return (x);
}

static EVP_PKEY *
key_in(struct text pem, struct text *password)
{
	BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, give_password, password);

	BIO_free(bio);
	ERR_clear_error();
	return (key);
}

static void
forget(struct buf *b)
{
	if (b->at != NULL)
		OPENSSL_cleanse(b->at, b->cap);
	buf_free(b);
}

/* whom it trusts */

static void
bundle(struct making *m, const struct node *at, struct text path)
{
	struct buf b = { 0 };
	const char *why;
	X509 *x = NULL;

	if (!file_slurp(&b, path.at, BUNDLE_BYTES_MOST, &why))
		problem(m->load, PROBLEM_ERROR, at, "ssl_verify: " TEXT_FMT " %s%s", TEXT_ARG(path), strncmp(why, "is ", 3) == 0 ? "" : "can not be read: ", why);
	else if ((x = certificate_in(buf_as_text(&b))) == NULL)
		problem(m->load, PROBLEM_ERROR, at, "ssl_verify: " TEXT_FMT " holds no certificate (PEM)", TEXT_ARG(path));
	else
		m->d->ca_file = path;
	X509_free(x);
	buf_free(&b);
}

static void
read_verify(struct making *m)
{
	struct node *n = param(m, "ssl_verify");
	struct text t;
	bool verify;

	if (!want_text(m->load, n, &t) || t.len == 0)
		return;
	if (scalar_bool(t, &verify) || text_is(t, "0") || text_is(t, "1"))
		m->d->ssl_verify = verify || text_is(t, "1");
	else
		bundle(m, n, t);
}

/* by what its server knows us */

struct files {				/* what shows who we are, and where it is said */
	const struct node *at;
	enum problem_level level;
	struct text	 cert, key, password;
};

static bool
slurp(struct making *m, const struct files *f, struct buf *b, const char *what, struct text path)
{
	const char *why;

	if (file_slurp(b, path.at, CERT_BYTES_MOST, &why))
		return (true);
	problem(m->load, f->level, f->at, "%s " TEXT_FMT " %s%s", what, TEXT_ARG(path), strncmp(why, "is ", 3) == 0 ? "" : "can not be read: ", why);
	return (false);
}

static void
say_age(struct making *m, const struct files *f, const X509 *x)
{
	if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
		problem(m->load, PROBLEM_WARNING, f->at, "the client certificate " TEXT_FMT " has expired", TEXT_ARG(f->cert));
	else if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0)
		problem(m->load, PROBLEM_WARNING, f->at, "the client certificate " TEXT_FMT " is not valid yet", TEXT_ARG(f->cert));
}

static bool
pair_is_fit(struct making *m, const struct files *f, X509 *x, struct text pem)
{
	struct text where = f->key.len > 0 ? f->key : f->cert, password = f->password;
	EVP_PKEY *key = key_in(pem, &password);
	bool fit = key != NULL && X509_check_private_key(x, key) == 1;

	if (key == NULL && text_has(pem, TEXT("ENCRYPTED")))
		problem(m->load, f->level, f->at, "the private key in " TEXT_FMT " can not be opened with %s", TEXT_ARG(where),
		    password.len > 0 ? "this client_key_password" : "no client_key_password");
	else if (key == NULL)
		problem(m->load, f->level, f->at, TEXT_FMT " holds no private key (PEM)", TEXT_ARG(where));
	else if (!fit)
		problem(m->load, f->level, f->at, "the private key in " TEXT_FMT " does not belong to the certificate in " TEXT_FMT, TEXT_ARG(where),
		    TEXT_ARG(f->cert));
	EVP_PKEY_free(key);
	ERR_clear_error();
	return (fit);
}

static bool
are_fit(struct making *m, const struct files *f)
{
	struct buf cert = { 0 }, key = { 0 };
	X509 *x = NULL;
	bool fit = slurp(m, f, &cert, "client_cert", f->cert) && (f->key.len == 0 || slurp(m, f, &key, "client_key", f->key));

	if (fit && (x = certificate_in(buf_as_text(&cert))) == NULL) {
		problem(m->load, f->level, f->at, "client_cert " TEXT_FMT " holds no certificate (PEM)", TEXT_ARG(f->cert));
		fit = false;
	}
	fit = fit && pair_is_fit(m, f, x, buf_as_text(f->key.len > 0 ? &key : &cert));
	if (fit)
		say_age(m, f, x);
	X509_free(x);
	forget(&cert);
	forget(&key);
	return (fit);
}

/* The same files as an earlier deployment's are looked into once. */
static bool
known(const struct making *m, const struct files *f)
{
	const struct config *c = m->load->config;

	for (size_t i = 0; i < c->n_deployments; i++)
		if (text_eq(c->deployments[i]->cert, f->cert) && text_eq(c->deployments[i]->cert_key, f->key) &&
		    text_eq(c->deployments[i]->cert_password, f->password))
			return (true);
	return (false);
}

/* The deployment's own, else what LiteLLM shows to every server: litellm_settings.ssl_certificate, SSL_CERTIFICATE. */
static bool
find_files(struct making *m, struct files *f)
{
	struct load *l = m->load;
	struct node *cert = param(m, "client_cert"), *key = param(m, "client_key"), *password = param(m, "client_key_password");
	const char *variable = config_env(l->config, "SSL_CERTIFICATE");

	*f = (struct files){ .at = cert != NULL ? cert : param(m, "ssl_certificate") };
	if (f->at == NULL && (key != NULL || password != NULL))
		problem(l, PROBLEM_ERROR, key != NULL ? key : password, "there is no client_cert it would belong to");
	if (f->at != NULL) {
		want_text(l, key, &f->key);
		want_text(l, password, &f->password);
	} else
		f->at = node_get(node_get(l->root, "litellm_settings"), "ssl_certificate");
	if (f->at != NULL)
		return (want_text(l, f->at, &f->cert) && f->cert.len > 0);
	f->level = PROBLEM_WARNING;
	f->cert = arena_copy(l->arena, text_of(variable));
	return (f->cert.len > 0);
}

static void
read_client(struct making *m)
{
	bool tls = text_starts(m->d->api_base, TEXT("https:"));
	struct files f;

	if (!find_files(m, &f))
		return;
	if (!tls) {
		if (param(m, "client_cert") != NULL)
			problem(m->load, PROBLEM_WARNING, f.at, "client_cert is not used: " TEXT_FMT " is not reached over https", TEXT_ARG(m->d->group));
		return;
	}
	if (!known(m, &f) && !are_fit(m, &f) && f.level == PROBLEM_WARNING)
		return;
	m->d->cert = f.cert;
	m->d->cert_key = f.key;
	m->d->cert_password = f.password;
}

void
certs_read(struct making *m)
{
	read_verify(m);
	read_client(m);
}
