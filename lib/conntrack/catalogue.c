/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conntrack/catalogue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrack/flow.h"

static bool has_name(const struct catalogue *catalogue, const char *name)
{
	for (size_t i = 0; i < catalogue->count; i++)
		if (!strcmp(catalogue->services[i]->name, name))
			return true;
	return false;
}

static void add_model(struct catalogue *catalogue, const struct family_model *model)
{
	for (size_t i = 0; i < model->count; i++)
		catalogue->services[catalogue->count++] = service_ref(model->served[i].service);
}

int catalogue_make(struct catalogue *catalogue, const struct model *model, struct error *error)
{
	const struct family_model *models = model->families;
	const struct notrack_service *words;
	unsigned int room = 0;
	int err = 0;

	while (notrack_builtin_service(room))
		room++;
	*catalogue = (struct catalogue){ .services = calloc(room + models[IPV4].count + models[IPV6].count,
							sizeof(*catalogue->services)) };
	if (!catalogue->services)
		return error_set(error, -ENOMEM, "out of memory");
	for (enum family family = IPV4; family < FAMILIES; family++)
		add_model(catalogue, &models[family]);
	catalogue->model_count = catalogue->count;
	for (unsigned int i = 0; (words = notrack_builtin_service(i)) && !err; i++) {
		unsigned int families = NOTRACK_ANY;

		if (has_name(catalogue, words->name))
			continue;
		err = service_parse(&catalogue->services[catalogue->count], words, &families, error);
		catalogue->count += !err;
	}
	return err;
}

struct service *catalogue_find(const struct catalogue *catalogue, int protocol, uint16_t port)
{
	for (size_t i = 0; i < catalogue->count; i++)
		if (protocol >= 0 && catalogue->services[i]->protocols & 1u << protocol &&
		    service_has_port(catalogue->services[i], port))
			return catalogue->services[i];
	return NULL;
}

void catalogue_free(struct catalogue *catalogue)
{
	for (size_t i = 0; i < catalogue->count; i++)
		service_unref(catalogue->services[i]);
	free(catalogue->services);
	*catalogue = (struct catalogue){ 0 };
}
