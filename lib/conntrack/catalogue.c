/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conntrack/catalogue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrack/flow.h"

static bool has_name(const struct catalogue *known, const char *name)
{
	for (size_t i = 0; i < known->count; i++)
		if (!strcmp(known->services[i]->name, name))
			return true;
	return false;
}

static void add_model(struct catalogue *known, const struct family_model *model)
{
	for (size_t i = 0; i < model->count; i++)
		known->services[known->count++] = service_ref(model->served[i].service);
}

int catalogue_read(struct catalogue *known, struct notrack *nt)
{
	const struct family_model *models = nt->model.families;
	const struct notrack_service *words;
	unsigned int room = 0;
	int err = 0;

	while (notrack_builtin_service(room))
		room++;
	*known = (struct catalogue){ .services = calloc(room + models[IPV4].count + models[IPV6].count,
							sizeof(*known->services)) };
	if (!known->services)
		return error_set(&nt->error, -ENOMEM, "out of memory");
	for (enum family family = IPV4; family < FAMILIES; family++)
		add_model(known, &models[family]);
	known->model_count = known->count;
	for (unsigned int i = 0; (words = notrack_builtin_service(i)) && !err; i++) {
		unsigned int families = NOTRACK_ANY;

		if (has_name(known, words->name))
			continue;
		err = service_parse(&known->services[known->count], words, &families, &nt->error);
		known->count += !err;
	}
	return err;
}

struct service *catalogue_find(const struct catalogue *known, int protocol, uint16_t port)
{
	for (size_t i = 0; i < known->count; i++)
		if (service_has_port(known->services[i], protocol, port))
			return known->services[i];
	return NULL;
}

void catalogue_free(struct catalogue *known)
{
	for (size_t i = 0; i < known->count; i++)
		service_unref(known->services[i]);
	free(known->services);
	*known = (struct catalogue){ 0 };
}
