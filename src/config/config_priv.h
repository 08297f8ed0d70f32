/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share while a configuration is read: its tree of nodes, the loader, problems.
 *
 * The tree lives in the loader's arena and is gone when config_load() returns; what the configuration keeps is copied to its own arena.
 */
#ifndef CONFIG_CONFIG_PRIV_H
#define CONFIG_CONFIG_PRIV_H

#include "config/config.h"

/* Bounds on what a file may cost. */
#define FILE_BYTES_MOST		(4u << 20)
#define FILES_MOST		64
#define DEPTH_MOST		64
#define NODES_MOST		400000u		/* written */
#define EXPANDED_MOST		1000000u	/* after aliases and merges; 16 bytes of text count as one node */
#define ANCHORS_MOST		4096u
#define ENV_BYTES_MOST		65536u
#define PROBLEMS_MOST		500u		/* of each level; the rest is counted */
#define STARS_MOST		nitems(((struct capture *)NULL)->part)

struct source {				/* a file */
	struct text	 name;		/* as it was asked for */
	struct text	 real;		/* without links and dots */
	bool		 stored;	/* no file, but a row of the database: its errors are warnings, and leave it out */
	unsigned	 n_errors;
};

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct pair {				/* a member of a map, or an item of a list */
	struct text	 key;
	unsigned	 line;		/* of the key */
	struct node	*value;
	struct pair	*next;
};

struct node {
	enum node_kind	 kind;
	bool		 plain;		/* a scalar without quotes: its looks give it a type */
	bool		 null;		/* os.environ/ named a variable that is not set */
	bool		 walked;	/* references below it are resolved */
	unsigned	 line;
	unsigned	 height;	/* levels below it, through aliases too */
	uint32_t	 weight;	/* nodes below it when aliases are written out */
	const struct source *source;
	struct node	*parent;	/* where it was written, and under which name; aliases do not change that */
	struct text	 name;
	struct text	 text;		/* a scalar's */
	struct text	 env;		/* the variable it came from, or empty */
	struct pair	*first;
	size_t		 n;
};

struct load {
	struct config	*config;
	struct arena	*arena;		/* of the config: what stays */
	struct arena	*scratch;	/* what is gone after loading */
	struct source	 sources[FILES_MOST];
	unsigned	 n_sources;
	struct text	 given;		/* the main file's text, when it is not to be read */
	const struct config_more *more;	/* what a database adds, or NULL */
	struct node	*root;		/* the merged file */
	const struct node *accepted;	/* sluice.accept_unenforced, or NULL */
	struct problem	**problem_tail;
	unsigned	 n_said[PROBLEM_NOTE + 1];	/* of each level */
	bool		 broken;	/* a file is not readable or not YAML: nothing further is said about what it lacks */
};

/* problems.c */
void		 problem(struct load *, enum problem_level, const struct node *at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void		 problem_key(struct load *, enum problem_level, const struct node *map, const struct pair *, const char *fmt, ...)
		    __attribute__((format(printf, 5, 6)));
void		 problem_at(struct load *, enum problem_level, const struct source *, unsigned line, const char *fmt, ...)
		    __attribute__((format(printf, 5, 6)));
void		 problems_sort(struct config *, struct arena *scratch, const struct source *, unsigned n_sources);
/* The nearest of `n` words, or NULL when none is close.  `nth` returns the i-th. */
typedef const char *word_f(const void *table, size_t i);
const char	*did_you_mean(struct text wrong, const void *table, size_t n, word_f *nth);
const char	*hint(struct load *, const char *near);			/* "; did you mean NEAR?", or nothing */
unsigned	 edit_distance(struct text, struct text, unsigned most);	/* most + 1: further than that */

/* yaml.c */
struct node	*yaml_read(struct load *, const struct source *, struct text bytes);	/* NULL: said why, or the file is empty */

/* file.c */
struct node	*files_read(struct load *, const char *path);	/* the file with its includes merged; NULL: said why */

/* more.c */
const struct config_more *more_copy(struct arena *, const struct config_more *);
void		 more_read(struct load *);			/* puts what a database adds into the tree */

/* value.c: nodes to values, with YAML 1.1's idea of scalars */
enum scalar { SCALAR_NULL, SCALAR_BOOL, SCALAR_INT, SCALAR_FLOAT, SCALAR_STRING };
enum scalar	 scalar_of(struct text, bool plain);
struct node	*node_get(const struct node *map, const char *key);	/* NULL: absent, null, or not a map */
const struct pair *node_pair(const struct node *map, const char *key);
bool		 node_is_null(const struct node *);
bool		 node_is_true(const struct node *);			/* as Python would take it: not empty, not zero, not false */
bool		 scalar_bool(struct text, bool *);
bool		 scalar_int(struct text, int64_t *);
bool		 scalar_number(struct text, double *);
int64_t		 whole(double);						/* rounded up; below 9e15 */
/* These say what is wrong and return false; an absent (NULL) or null node is false without a word. */
bool		 want_text(struct load *, const struct node *, struct text *);	/* copied to the config's arena */
bool		 want_bool(struct load *, const struct node *, bool *);
bool		 want_int(struct load *, const struct node *, int64_t least, int64_t most, int64_t *);
bool		 want_ms(struct load *, const struct node *, int64_t *);	/* seconds, fractions too; 0 and less mean "not given" */
bool		 want_kind(struct load *, const struct node *, enum node_kind);
size_t		 want_texts(struct load *, const struct node *, struct text **);	/* a list of scalars, or one scalar */
void		 node_json(struct buf *, const struct node *);		/* JSON text of it */
void		 node_python(struct buf *, const struct node *);	/* str() of it in Python, for deployment ids */

/* env.c */
void		 env_keep(struct load *);		/* environment_variables: config_env() answers from here on */
void		 env_resolve(struct load *);		/* os.environ/NAME everywhere below root */
bool		 env_true(const struct load *, const char *name);

/* gate.c */
extern const char *const route_groups[];			/* of access/routes.h; the last is NULL */
size_t		 want_networks(struct load *, const struct node *, struct network **);
void		 gate_default(struct load *);
void		 gate_read(struct load *, const struct node *litellm, const struct node *general);

/* metrics.c */
void		 metrics_read(struct load *, const struct node *litellm);

/* url.c */
struct url {
	struct text	 scheme, userinfo, host, path, query;	/* host without brackets */
	bool		 literal;		/* host is an address */
	unsigned	 port;
};
const char	*url_parse(struct url *, struct text);		/* NULL: fine; else what is wrong with it, without its text */
bool		 url_same_server(const struct url *, const struct url *);
void		 url_build(struct load *, struct deployment *, const struct url *base, const char *path);

/* proxy.c */
struct text	 proxy_for(struct load *, const struct url *);	/* empty: none */
bool		 no_proxy_matches(struct text list, struct text host, unsigned port);

/* vendors.c */
bool		 vendor_owns(const struct vendor *, const struct url *);	/* is that the vendor's own server */
const struct vendor *vendor_of_server(const struct config *, const struct url *);	/* NULL: not a server we know */
const struct vendor *vendor_plain(const struct vendor *);		/* the same prefix at somebody else's server */
const char	*vendor_near(const struct config *, struct text prefix);	/* did you mean */
void		 vendors_read(struct load *, const struct node *);		/* sluice.vendors */

/* litellm.c: every key of LiteLLM's that we know, and what becomes of it */
enum section { SECTION_TOP, SECTION_LITELLM, SECTION_ROUTER, SECTION_GENERAL, SECTION_PARAMS, SECTION_INFO, SECTION_ENTRY, SECTION_PASS };
struct text	 litellm_idle(struct arena *, enum section, struct text key);	/* what is said of a key that is not in force; empty: it is */
void		 litellm_check(struct load *, enum section, const struct node *map);	/* one word about each key that is not simply in force */
bool		 litellm_is_control(struct text key);			/* a litellm_params key that is not sent upstream */
bool		 litellm_is_openai(struct text key);			/* a parameter of the chat API */
bool		 litellm_is_number(struct text key);			/* one that takes a number */
bool		 is_example_key(struct text);
bool		 has_word(struct text, const char *const *words, size_t n);
void		 litellm_check_callbacks(struct load *, const struct node *litellm_settings);
void		 windows_read(struct load *, const struct node *list, struct deployment *);	/* model_info.access_windows */
struct text	 basic_header(struct load *, struct text user, struct text secret);	/* "Authorization: Basic …", in the config's arena */
void		 agents_read(struct load *, const struct node *agent_list);
void		 litellm_check_accepted(struct load *);		/* names in accept_unenforced that mean nothing */
void		 litellm_unenforced(struct load *, const struct node *map, const struct pair *, const char *why);

/* models.c */
#define CHAIN_MOST		3
struct making {				/* a deployment, while it is read */
	struct load	*load;
	const struct node *entry, *params, *info;
	const struct node *chain[CHAIN_MOST];	/* where parameters are looked up, in order */
	size_t		 n_chain;
	struct deployment *d;
	bool		 own_base;		/* not the vendor's server */
};
void		 models_read(struct load *);
struct node	*param(const struct making *, const char *key);	/* of litellm_params, its credential or the defaults; NULL: none says it */
/* A vendor as its variables say; NULL: *missing says what they lack. */
struct deployment *models_of_env(struct load *, const struct vendor *, struct text *missing);

/* reach.c: where a deployment's calls go.  False: said why. */
bool		 reach_vendor(struct making *);
bool		 reach_base(struct making *);
void		 reach_key(struct making *);
void		 reach_key_of_env(struct making *);		/* what reach_key() takes where the file has none */
void		 reach_model(struct making *);			/* what prefixes of its name say; after its vendor is known */
const char	*reach_variable(const struct load *, const char *const *names, size_t n, const char **name);	/* the first that is set; NULL: none */

/* params.c: the rest of litellm_params, and model_info */
void		 params_read_mock(struct making *);		/* first: a mock needs neither server nor key */
void		 params_read(struct making *);
bool		 fit_for_header(struct text);
bool		 is_token(struct text);				/* fit for a header's name */
bool		 header_line(struct load *, const struct node *map, const struct pair *, struct text *line);	/* "Name: value"; false: said why */

/* azure.c */
bool		 azure_owns(const struct url *);		/* a server of Azure's own */
bool		 azure_base(struct making *, struct url *);	/* the base's path and query become those before and behind a call's path; false: said why */
void		 azure_model(struct making *);			/* what the model's name says of it */
void		 azure_defaults(struct deployment *);		/* under the names its model knows */

/* entra.c */
bool		 entra_token(struct making *);			/* azure_ad_token is said, and is the deployment's key now */
bool		 entra_said(struct making *);			/* the file names a credential, and it is the deployment's now */
bool		 entra_from_env(struct making *);		/* the environment has one, and it is the deployment's now */

/* certs.c */
void		 certs_read(struct making *);			/* whom a deployment trusts, and by what its server knows us */

/* people.c */
void		 people_read(struct load *, const struct node *);	/* sluice.people */

/* jwt.c */
void		 jwt_read_rules(struct load *, const struct node *general_settings);

/* keys.c */
void		 keys_read(struct load *, const struct node *);		/* sluice.keys */

/* alerts.c */
void		 alerts_read(struct load *);

/* conduits.c */
void		 conduits_read(struct load *);

/* groups.c */
void		 groups_read(struct load *);
bool		 pattern_match(struct text pattern, struct text name, struct capture *);

/* settings.c */
void		 settings_default(struct load *);
void		 settings_read(struct load *);		/* sluice:, and what the LiteLLM sections say about the same things */
void		 settings_check(struct load *);		/* master key and the like */
bool		 own_key_known(struct load *, const struct node *map, const struct pair *, const char *const *keys, size_t n);	/* else an error is said */

/* sections.c: what LiteLLM's sections and variables say of what our settings say too */
void		 sections_read(struct load *, const struct node *litellm, const struct node *router, const struct node *general);
bool		 names_postgres(struct text url);
struct text	 budget_doc(struct load *, const struct node *amount, const struct node *duration);	/* {"max_budget": …, "budget_duration": …}; empty: none */

/* priorities.c */
void		 priorities_read(struct load *, const struct node *shares, const struct node *settings);

/* shown.c: what of an entry may be told to whoever has a key */
struct text	 shown_params(struct load *, const struct node *litellm_params, const struct deployment *);
struct text	 shown_info(struct load *, const struct node *model_info, const struct node *litellm_params);
void		 shown_sections(struct load *);		/* config->said */

/* facts.c */
bool		 facts_find_exactly(struct facts *, struct text model);
unsigned	 facts_rates(struct rate *, unsigned most, const struct facts *);	/* how many */

/* tariff.c */
void		 tariffs_read(struct load *);			/* the price map, discounts, margins */
void		 tariff_read(struct making *, struct text base_model);	/* the deployment's, as far as its name is known */
struct tariff	*tariff_of_request(struct load *, int64_t pico);	/* so much for each call */
bool		 rate_named(struct rate *, struct text name);	/* LiteLLM's name of a price; its value is left */
bool		 rate_is_known(struct text name);		/* counts in a tariff */

#endif
