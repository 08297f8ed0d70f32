/* SPDX-License-Identifier: Apache-2.0 */
/* Who is signed in, and by which rules they have a role and teams. */
#include "access/people.h"

#define NAME_MOST	512

static bool
is_believed(const struct people *p, const struct request *req, int64_t peer_uid)
{
	bool peer = peer_uid < 0;		/* not a socket of this machine: the secret alone */

	for (size_t i = 0; i < p->n_peers; i++)
		peer = peer || p->peers[i] == peer_uid;
	return (p->on && peer && !req->twice && p->secret.len > 0 && text_eq_secret(request_param(req, "SLUICE_SECRET"), p->secret));
}

/* A certificate's names are worth what the server's check of it was. */
static bool
is_verified(const struct people *p, const struct request *req)
{
	return (!text_starts(p->user, TEXT("SSL_CLIENT_")) || text_is(request_param(req, "SSL_CLIENT_VERIFY"), "SUCCESS"));
}

static struct text
variable(const struct request *req, struct text name)
{
	char word[128];

	if (name.len == 0 || name.len >= sizeof(word))
		return (TEXT(""));
	memcpy(word, name.at, name.len);
	word[name.len] = '\0';
	return (request_param(req, word));
}

static bool
is_name(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] < ' ' || t.at[i] == 0x7f)
			return (false);
	return (t.len > 0 && t.len <= NAME_MOST);
}

/* Groups come as "a,b"; a directory's names hold commas, so a rule's whole group may stand anywhere between commas, or be all of it. */
static bool
is_in(struct text groups, struct text group)
{
	struct text rest = groups, one;

	if (text_eq(groups, group))
		return (true);
	for (bool more = groups.len > 0; more;) {
		more = text_cut(rest, ',', &one, &rest);
		if (text_eq(text_trim(one), group))
			return (true);
	}
	return (false);
}

static void
apply(struct person *who, const struct people_rule *r)
{
	enum user_role role = role_of(r->role);

	who->role = role > who->role ? role : who->role;
	if (r->team.len > 0 && who->n_teams < PERSON_TEAMS)
		who->teams[who->n_teams++] = r->team;
}

void
person_read(struct person *who, const struct people *p, const struct request *req, int64_t peer_uid)
{
	struct text groups;

	*who = (struct person){ .name = TEXT(""), .email = TEXT(""), .organization_id = TEXT(""), .customer = TEXT("") };
	if (!is_believed(p, req, peer_uid) || !is_verified(p, req) || !is_name(variable(req, p->user)))
		return;
	who->name = variable(req, p->user);
	who->email = variable(req, p->email);
	who->role = role_of(p->default_role);
	groups = variable(req, p->groups);
	for (size_t i = 0; i < p->n_rules; i++)
		if (p->rules[i].user.len > 0 ? text_eq(p->rules[i].user, who->name) : is_in(groups, p->rules[i].group))
			apply(who, &p->rules[i]);
}

bool
is_same_origin(const struct request *req)
{
	struct text site = request_header(req, "sec-fetch-site"), origin = request_header(req, "origin"), scheme, host;

	if (text_is(req->method, "GET") || text_is(req->method, "HEAD"))
		return (true);
	if (request_header_count(req, "origin") > 1 || request_header_count(req, "host") > 1 ||
	    request_header_count(req, "sec-fetch-site") > 1)
		return (false);
	if (origin.len == 0)
		return (text_is(site, "same-origin"));
	if (site.len > 0 && !text_is(site, "same-origin"))
		return (false);
	if (!text_cut(origin, ':', &scheme, &host) || !text_starts(host, TEXT("//")))
		return (false);
	host = text_sub(host, 2, host.len);
	return (host.len > 0 && text_eq_nocase(host, request_header(req, "host")));
}
