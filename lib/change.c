/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public calls that change the model. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"

/* A rule holds this much of a description with room to spare (entry.h). */
#define DESCRIPTION_MOST 40000

static int check_description(struct notrack *nt, const struct service *service)
{
	struct arena arena = { 0 };
	char *line;
	int err = service_describe(service, &line, &arena);

	if (err)
		err = fail(&nt->error, err, "out of memory");
	else if (strlen(line) > DESCRIPTION_MOST)
		err = fail(&nt->error, -EINVAL, "service %s: its lists are too long for a rule to "
			   "describe; use wider prefixes or port ranges", service->name);
	arena_free(&arena);
	return err;
}

static const char *const family_names[FAMILIES] = { "IPv4", "IPv6" };

/* A service that serves nobody any more, in a family, cannot have limited clients there. */
static int check_clients(struct notrack *nt, const struct service *service, unsigned int families,
			 unsigned int scope)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		struct served *served = model_find(&nt->model.families[family], service->name);

		if (!(scope & 1u << family) || !served || !served->clients.count)
			continue;
		if (!(families & 1u << family))
			return fail(&nt->error, -EINVAL, "service %s: has limited clients in %s, where "
				    "nothing would be left of it; take the limits off first",
				    service->name, family_names[family]);
		if (!(service->roles & INBOUND))
			return fail(&nt->error, -EINVAL, "service %s: has limited clients, which an "
				    "outbound service cannot have; take the limits off first",
				    service->name);
	}
	return 0;
}

int notrack_add_service(struct notrack *nt, const struct notrack_service *words)
{
	struct notrack_service all;
	unsigned int families = nt->families, scope = nt->families;
	struct service *service;
	int err;

	context_begin(nt);
	err = context_take_struct(nt, &all, sizeof(all), words, "struct notrack_service");
	if (!err)
		err = service_parse(&service, &all, &families, &nt->error);
	if (!err)
		service_ask_families(all.families, &scope, &nt->error);
	if (err)
		return err;
	err = check_description(nt, service);
	if (!err)
		err = check_clients(nt, service, families, scope);
	if (!err && model_put_service(&nt->model, service, families, scope))
		err = fail(&nt->error, -ENOMEM, "out of memory");
	service_unref(service);
	return err;
}

int notrack_remove_service(struct notrack *nt, const char *name)
{
	int err;

	context_begin(nt);
	err = service_check_name(name, &nt->error);
	if (err)
		return err;
	if (!model_remove_service(&nt->model, name, nt->families))
		return fail(&nt->error, -ENOENT, "service %s: there is none of that name", name);
	return 0;
}

/* --- clients ---------------------------------------------------------- */

struct request {
	struct prefix *prefixes;	/* IPv4 first */
	size_t count[FAMILIES];
	struct served *served[FAMILIES];
};

static int find_served(struct notrack *nt, const char *service, struct request *request)
{
	bool found = false;
	int err = service_check_name(service, &nt->error);

	if (err)
		return err;
	for (enum family family = IPV4; family < FAMILIES; family++) {
		if (context_has(nt, family))
			request->served[family] = model_find(&nt->model.families[family], service);
		found |= request->served[family] != NULL;
	}
	return found ? 0 : fail(&nt->error, -ENOENT, "service %s: there is none of that name; "
				"add it first", service);
}

static int check_prefix(struct notrack *nt, const char *service, const struct prefix *prefix,
			const struct request *request)
{
	const struct served *served = request->served[prefix->family];
	char text[PREFIX_TEXT];

	if (!context_has(nt, prefix->family))
		return fail(&nt->error, -EINVAL, "client %s: is %s, which was not asked for",
			    prefix_format(prefix, true, text), family_names[prefix->family]);
	if (!served)
		return fail(&nt->error, -EINVAL, "client %s: service %s is not in %s",
			    prefix_format(prefix, true, text), service,
			    family_names[prefix->family]);
	if (!(served->service->roles & INBOUND))
		return fail(&nt->error, -EINVAL, "client %s: service %s is outbound only and has "
			    "no clients", prefix_format(prefix, true, text), service);
	return 0;
}

static int parse_clients(struct notrack *nt, const char *service, const char *const *words,
			 size_t count, struct request *request)
{
	struct prefix *prefixes = calloc(count + 1, sizeof(*prefixes));
	size_t next[FAMILIES] = { 0 };
	int err = 0;

	request->prefixes = calloc(count + 1, sizeof(*prefixes));
	if (!prefixes || !request->prefixes)
		err = fail(&nt->error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count && !err; i++) {
		err = prefix_parse(&prefixes[i], words[i], &nt->error);
		if (!err)
			err = check_prefix(nt, service, &prefixes[i], request);
		if (!err)
			request->count[prefixes[i].family]++;
	}
	next[IPV6] = request->count[IPV4];
	for (size_t i = 0; i < count && !err; i++)
		request->prefixes[next[prefixes[i].family]++] = prefixes[i];
	free(prefixes);
	return err;
}

static const struct prefix *prefixes_of(const struct request *request, enum family family)
{
	return request->prefixes + (family == IPV6 ? request->count[IPV4] : 0);
}

/* Both families: what can fail comes first. */
static int add_to_both(struct notrack *nt, const struct request *request,
		       const struct limit_rate rates[FAMILIES])
{
	struct clients_change changes[FAMILIES];
	enum family ready = IPV4;
	int err = 0;

	for (; ready < FAMILIES && !err; ready++)
		err = clients_prepare(&request->served[ready]->clients,
				      prefixes_of(request, ready), request->count[ready],
				      &rates[ready], &changes[ready]);
	if (err)
		ready--;
	for (enum family family = IPV4; family < ready; family++) {
		struct clients *clients = &request->served[family]->clients;

		if (err)
			clients_cancel(clients, &changes[family]);
		else
			clients_finish(clients, prefixes_of(request, family),
				       request->count[family], &changes[family]);
	}
	return err ? fail(&nt->error, err, "out of memory") : 0;
}

static int add_clients(struct notrack *nt, const struct request *request,
		       const struct hashlimit *words)
{
	struct limit_rate rates[FAMILIES] = { 0 };
	enum family only;
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (request->count[family])
			err = limit_parse(&rates[family], words, family, &nt->error);
	if (err)
		return err;
	if (!request->count[IPV4] && !request->count[IPV6])	/* judge the words all the same */
		return limit_parse(&rates[IPV6], words, IPV6, &nt->error);
	if (request->count[IPV4] && request->count[IPV6])
		return add_to_both(nt, request, rates);
	only = request->count[IPV4] ? IPV4 : IPV6;
	err = clients_add(&request->served[only]->clients, prefixes_of(request, only),
			  request->count[only], &rates[only]);
	return err ? fail(&nt->error, err, "out of memory") : 0;
}

int hashlimit_add_clients(struct notrack *nt, const char *service,
			  const char *const *prefixes, size_t count,
			  const struct hashlimit *limit)
{
	struct request request = { 0 };
	struct hashlimit all;
	int err;

	context_begin(nt);
	err = context_take_struct(nt, &all, sizeof(all), limit, "struct hashlimit");
	if (!err)
		err = find_served(nt, service, &request);
	if (!err)
		err = parse_clients(nt, service, prefixes, count, &request);
	if (!err)
		err = add_clients(nt, &request, &all);
	free(request.prefixes);
	return err;
}

int hashlimit_add_client(struct notrack *nt, const char *service,
			 const char *prefix, const struct hashlimit *limit)
{
	return hashlimit_add_clients(nt, service, &prefix, 1, limit);
}

int hashlimit_remove_clients(struct notrack *nt, const char *service,
			     const char *const *prefixes, size_t count)
{
	struct request request = { 0 };
	char text[PREFIX_TEXT];
	int err;

	context_begin(nt);
	err = find_served(nt, service, &request);
	if (!err)
		err = parse_clients(nt, service, prefixes, count, &request);
	for (size_t i = 0; i < count && !err; i++) {
		const struct prefix *prefix = &request.prefixes[i];

		if (!clients_has(&request.served[prefix->family]->clients, prefix))
			err = fail(&nt->error, -ENOENT, "client %s: service %s does not limit it",
				   prefix_format(prefix, true, text), service);
	}
	for (size_t i = 0; i < count && !err; i++)
		clients_remove(&request.served[request.prefixes[i].family]->clients,
			       &request.prefixes[i]);
	free(request.prefixes);
	return err;
}

int hashlimit_remove_client(struct notrack *nt, const char *service, const char *prefix)
{
	return hashlimit_remove_clients(nt, service, &prefix, 1);
}

int hashlimit_has_client(struct notrack *nt, const char *service, const char *word)
{
	struct request request = { 0 };
	struct prefix prefix;
	int err;

	context_begin(nt);
	err = find_served(nt, service, &request);
	if (!err)
		err = prefix_parse(&prefix, word, &nt->error);
	if (err)
		return err;
	return request.served[prefix.family] &&
	       clients_has(&request.served[prefix.family]->clients, &prefix);
}
