/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From tables to the model.  A service is the rule in NOTRACK-INPUT whose
 * comment describes it; its clients are the rules that lead from its chain to
 * a chain with a hashlimit.  What makes no sense is left out: the difference
 * to what the kernel has is drift, which the next commit repairs.  A service
 * whose comment makes no sense is damage, which no commit removes unasked.
 */
#include "legacy/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/tree.h"

static const struct chain *input_of(const struct legacy_image *image, enum family family)
{
	return ruleset_find(&image->tables[family][FILTER].found, CHAIN_PREFIX "INPUT");
}

/* --- services --------------------------------------------------------- */

static int raise_client(const struct tree_client *client, void *data)
{
	return clients_add(data, &client->prefix, 1, client->rate);
}

static bool leads_to(const struct rule *entrance, const char *service)
{
	char name[SERVICE_NAME_MAX + 1];

	return chain_service(entrance->to->name, CHAIN_IN, name) && !strcmp(name, service);
}

static int raise_service(struct model *model, const struct ruleset *found,
			 const struct rule *entrance, enum family family, unsigned int parts)
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
	if (!leads_to(entrance, service->name)) {
		service_unref(service);
		return 0;
	}
	err = model_put_service(model, service, families, families);
	if (!err && service->roles & INBOUND && parts & PART_CLIENTS)
		err = tree_read(found, service->name, raise_client,
				&model_find(&model->families[family], service->name)->clients);
	service_unref(service);
	return err;
}

/* What a rule that leads to the chain of @service says, which is not what describes it. */
static int note_damage(struct family_model *model, const struct rule *rule, size_t index,
		       enum family family, const char *service)
{
	const char *comment = rule->match ? rule->match->comment : NULL;

	if (!comment)
		return model_note_damage(model, "table filter (%s), chain %sINPUT, rule %zu: the comment is "
					 "gone that describes service %s", xt_families[family].name,
					 CHAIN_PREFIX, index + 1, service);
	return model_note_damage(model, "table filter (%s), chain %sINPUT, rule %zu: the comment, "
				 "\"%.500s\", does not describe service %s any more",
				 xt_families[family].name, CHAIN_PREFIX, index + 1, comment, service);
}

/* Chains of services that no comment describes. */
static int find_damage(const struct chain *input, struct family_model *model, enum family family)
{
	char service[SERVICE_NAME_MAX + 1];
	int err = 0;

	for (size_t i = 0; i < input->count && !err; i++) {
		const struct rule *rule = &input->rules[i];

		if (rule->target == TARGET_JUMP && chain_service(rule->to->name, CHAIN_IN, service) &&
		    !model_find(model, service))
			err = note_damage(model, rule, i, family, service);
	}
	return err;
}

int legacy_raise(struct image *image, unsigned int parts, struct model *model)
{
	const struct legacy_image *legacy = legacy_image(image);
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES; family++) {
		const struct chain *input = input_of(legacy, family);

		for (size_t i = 0; input && i < input->count && !err; i++) {
			const struct rule *rule = &input->rules[i];

			if (rule->target == TARGET_JUMP && rule->match && rule->match->comment)
				err = raise_service(model, &legacy->tables[family][FILTER].found,
						    rule, family, parts);
		}
		if (input && !err)
			err = find_damage(input, &model->families[family], family);
	}
	return err ? error_set(image->session.error, err, "out of memory") : 0;
}

/* --- counters --------------------------------------------------------- */

struct counting {
	const struct legacy_image *image;
	const struct count_visitor *visitor;
	enum family family;
	const char *service;
};

/* By twins: their accepts have the service in their comments. */
static struct notrack_count sum_twins(const struct ruleset *rules, const char *service)
{
	struct notrack_count sum = { 0 };

	for (size_t i = 0; i < rules->count; i++)
		for (size_t j = 0; j < rules->chains[i]->count; j++) {
			const struct rule *rule = &rules->chains[i]->rules[j];

			if (rule->target != TARGET_ACCEPT)
				break;
			if (rule->match && rule->match->comment &&
			    !strcmp(rule->match->comment, service))
				count_add(&sum, &rule->count);
		}
	return sum;
}

static struct notrack_count sum_target(const struct ruleset *rules, const char *service,
				       enum target target)
{
	static const char *const suffixes[] = { CHAIN_IN, CHAIN_OUT };
	struct notrack_count sum = { 0 };
	char name[CHAIN_NAME_MAX + 1];

	for (size_t i = 0; i < 2; i++) {
		const struct chain *chain;

		service_chain_name(name, service, suffixes[i]);
		chain = ruleset_find(rules, name);
		for (size_t j = 0; chain && j < chain->count; j++) {
			if (chain->rules[j].target == target)
				count_add(&sum, &chain->rules[j].count);
		}
	}
	return sum;
}

static int count_client(const struct tree_client *client, void *data)
{
	const struct counting *counting = data;
	const struct client_counts counts = {
		.prefix = client->prefix, .seen = client->seen, .passed = client->passed,
		.dropped = count_less(&client->seen, &client->passed),
	};

	return counting->visitor->client(counting->service, &counts, counting->visitor->data);
}

static int count_service(struct counting *counting, const char *service)
{
	const struct legacy_table *tables = counting->image->tables[counting->family];
	const struct count_visitor *visitor = counting->visitor;
	struct notrack_count untracked = sum_target(&tables[RAW].found, service, TARGET_NOTRACK);
	struct notrack_count accepted = sum_target(&tables[FILTER].found, service, TARGET_ACCEPT);
	struct notrack_count twins = sum_twins(&tables[FILTER].found, service);
	int result;

	count_add(&accepted, &twins);
	result = visitor->service(service, counting->family, &untracked, &accepted, visitor->data);
	counting->service = service;
	return result ? result : tree_read(&tables[FILTER].found, service, count_client, counting);
}

/* In the intermediate table, two rules lead to the chain of a service. */
static bool led_before(const struct chain *input, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (input->rules[i].target == TARGET_JUMP &&
		    !strcmp(input->rules[i].to->name, input->rules[index].to->name))
			return true;
	return false;
}

int legacy_count(struct image *image, const struct count_visitor *visitor)
{
	struct counting counting = { .image = legacy_image(image), .visitor = visitor };
	char service[SERVICE_NAME_MAX + 1];
	int result = 0;

	for (; counting.family < FAMILIES; counting.family++) {
		const struct chain *input = input_of(counting.image, counting.family);

		for (size_t i = 0; input && i < input->count && !result; i++)
			if (input->rules[i].target == TARGET_JUMP &&
			    chain_service(input->rules[i].to->name, CHAIN_IN, service) &&
			    !led_before(input, i))
				result = count_service(&counting, service);
	}
	return result;
}
