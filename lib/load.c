/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From tables to the model.  A service is the rule in NOTRACK-INPUT whose
 * comment describes it; its clients are the rules that lead from its chain to
 * a chain with a hashlimit.  What makes no sense is left out: the difference
 * to what the kernel has is drift, which the next commit repairs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"
#include "context.h"
#include "legacy/table.h"
#include "legacy/tree_read.h"

static int load_client(const struct tree_client *walked, void *data)
{
	return clients_add(data, &walked->prefix, 1, walked->rate);
}

static int load_service(struct model *model, const struct ruleset *found,
			const struct rule *entrance, enum family family)
{
	unsigned int families = 1u << family;
	struct error ignored;
	struct service *service;
	char *line = strdup(entrance->match->comment);
	int err;

	if (!line)
		return -ENOMEM;
	err = service_read(&service, line, &families, &ignored);
	free(line);
	if (err)
		return err == -ENOMEM ? err : 0;
	err = model_put_service(model, service, families, families);
	if (!err && service->roles & INBOUND)
		err = tree_read_clients(found, service->name, load_client,
				   &model_find(&model->families[family], service->name)->clients);
	service_unref(service);
	return err;
}

static int load_family(struct notrack *nt, struct model *model, enum family family)
{
	const struct ruleset *found = &nt->snapshots[family][FILTER].found;
	const struct chain *top;
	int err = context_read(nt, family, FILTER);

	top = err ? NULL : ruleset_find(found, CHAIN_PREFIX "INPUT");
	for (size_t i = 0; top && i < top->count && !err; i++) {
		const struct rule *rule = &top->rules[i];

		if (rule->target != TARGET_JUMP || !rule->match || !rule->match->comment)
			continue;
		err = load_service(model, found, rule, family);
		if (err)
			error_set(&nt->error, err, "out of memory");
	}
	return err;
}

static int load_in_kernel(struct notrack *nt, void *data)
{
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (context_has(nt, family) && table_exists(&xt_families[family], FILTER))
			err = load_family(nt, data, family);
	return err;
}

static int count_service(const struct notrack_service *service, void *data)
{
	(void)service;
	++*(int *)data;
	return 0;
}

int notrack_load(struct notrack *nt)
{
	struct model model = { 0 };
	int err, count = 0;

	context_begin(nt);
	context_forget(nt);
	err = context_in_kernel(nt, load_in_kernel, &model);
	if (!lock_is_held(&nt->lock))
		context_forget(nt);
	if (err) {
		model_free(&model);
		return err;
	}
	for (enum family family = IPV4; family < FAMILIES; family++) {
		if (!context_has(nt, family))
			continue;
		model_clear(&nt->model, 1u << family);
		nt->model.families[family] = model.families[family];
	}
	err = notrack_each_service(nt, count_service, &count);
	return err ? err : count;
}
