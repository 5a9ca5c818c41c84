/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public calls about the services of the model. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "layout.h"

/* A service that serves nobody any more, in a family, cannot have limited clients there. */
static int check_clients(struct notrack *nt, const struct service *service, unsigned int families,
			 unsigned int scope)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		struct served *served = model_find(&nt->model.families[family], service->name);

		if (!(scope & 1u << family) || !served || !clients_any(&served->clients) ||
		    (families & 1u << family && service->roles & INBOUND))
			continue;
		if (served->clients.partial) {	/* there were some; whether there are is another matter */
			int err = context_complete(nt);

			if (err)
				return err;
		}
		if (!served->clients.count)
			continue;
		if (!(families & 1u << family))
			return error_set(&nt->error, -EINVAL, "service %s: has limited clients in %s, where "
				    "nothing would be left of it; take the limits off first",
				    service->name, family_name(family));
		return error_set(&nt->error, -EINVAL, "service %s: has limited clients, which an "
				 "outbound service cannot have; take the limits off first",
				 service->name);
	}
	return 0;
}

int notrack_add_service(struct notrack *nt, const struct notrack_service *service)
{
	UNCANCELLED;
	struct notrack_service all;
	unsigned int families, scope;
	struct service *parsed;
	int err = context_begin(nt, ARGUMENT(service));

	if (err)
		return err;
	families = scope = nt->families;
	err = layout_take(&layout_service, &all, service, &nt->error);
	if (!err)
		err = service_parse(&parsed, &all, &families, &nt->error);
	if (!err)
		service_ask_families(all.families, &scope, &nt->error);
	if (err)
		return err;
	err = service_check_description(parsed, &nt->error);
	if (!err)
		err = check_clients(nt, parsed, families, scope);
	if (!err && model_put_service(&nt->model, parsed, families, scope))
		err = error_set(&nt->error, -ENOMEM, "out of memory");
	if (!err) {
		model_note_came(&nt->model, parsed->name, families);
		nt->clients_only = false;
	}
	service_unref(parsed);
	return err;
}

int notrack_remove_service(struct notrack *nt, const char *name)
{
	UNCANCELLED;
	int err = context_begin(nt, ARGUMENT(name));

	if (!err)
		err = service_check_name(name, &nt->error);
	if (err)
		return err;
	if (!model_remove_service(&nt->model, name, nt->families))
		return error_set(&nt->error, -ENOENT, "service %s: there is none of that name", name);
	nt->clients_only = false;
	return 0;
}

/* --- visiting --------------------------------------------------------- */

/* @twice: the other family has another service of that name. */
static int visit_service(struct notrack *nt, const struct service *service,
			 unsigned int families, bool twice,
			 int (*visit)(const struct notrack_service *, void *), void *data)
{
	struct notrack_service words;
	struct arena arena = { 0 };
	int result = service_format(service, &words, &arena);

	if (result)
		result = error_set(&nt->error, result, "out of memory");
	else {
		if (twice || families != (service_families(service) & nt->families))
			words.families = family_words[families & NOTRACK_IPV4 ? IPV4 : IPV6];
		result = visit(&words, data);
	}
	arena_free(&arena);
	return result;
}

/* The services of both families side by side, by name. */
int notrack_each_service(struct notrack *nt,
			 int (*visit)(const struct notrack_service *service, void *data),
			 void *data)
{
	UNCANCELLED;
	size_t next[FAMILIES] = { 0 };
	int result = context_begin(nt, ARGUMENT(visit));

	while (!result) {
		const struct service *at[FAMILIES] = { NULL };
		int order;

		for (enum family f = IPV4; f < FAMILIES; f++)
			if (context_has(nt, f) && next[f] < nt->model.families[f].count)
				at[f] = nt->model.families[f].served[next[f]].service;
		if (!at[IPV4] && !at[IPV6])
			break;
		order = !at[IPV4] ? 1 : !at[IPV6] ? -1 : strcmp(at[IPV4]->name, at[IPV6]->name);
		next[IPV4] += order <= 0;
		next[IPV6] += order >= 0;
		if (!order && service_same(at[IPV4], at[IPV6])) {
			result = visit_service(nt, at[IPV4], NOTRACK_ANY, false, visit, data);
			continue;
		}
		if (order <= 0)
			result = visit_service(nt, at[IPV4], NOTRACK_IPV4, !order, visit, data);
		if (order >= 0 && !result)
			result = visit_service(nt, at[IPV6], NOTRACK_IPV6, !order, visit, data);
	}
	return result;
}
