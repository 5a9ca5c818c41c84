/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients that notrack_load() left where they are.  A backend that can look one of them up
 * need not read a hundred thousand for a change of one: the model has what has changed
 * since, and is made whole when somebody asks for what it lacks.
 */
#include <errno.h>
#include <stdlib.h>

#include "context.h"

bool context_is_partial(const struct notrack *nt)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		const struct family_model *model = &nt->model.families[family];

		for (size_t i = 0; i < model->count; i++)
			if (model->served[i].clients.partial)
				return true;
	}
	return false;
}

/* --- all of them ------------------------------------------------------ */

static int apply_changes(struct clients *whole, const struct clients *partial)
{
	size_t count;
	const struct client **changes = clients_changes(partial, &count);
	int err = changes ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !err; i++) {
		if (changes[i]->limit)
			err = clients_add(whole, &changes[i]->prefix, 1, &changes[i]->limit->rate);
		else
			clients_remove(whole, &changes[i]->prefix);
	}
	free(changes);
	return err;
}

static int report_lost(struct notrack *nt, const struct served *served)
{
	return error_set(&nt->error, -ESTALE, "service %s: another program has taken it away since it was "
			 "loaded, and its limited clients with it; load again",
			 served->service->name);
}

/* @there: the service as the kernel has it; NULL: it has none of that name any more. */
static int complete(struct notrack *nt, struct served *served, struct served *there)
{
	struct clients whole = { 0 };
	int err;

	if (!served->clients.partial)
		return 0;
	if (!there && served->clients.others)
		return report_lost(nt, served);
	if (there) {
		whole = there->clients;
		there->clients = (struct clients){ 0 };
	}
	err = apply_changes(&whole, &served->clients);
	if (err) {
		clients_free(&whole);
		return error_set(&nt->error, err, "out of memory");
	}
	clients_free(&served->clients);
	served->clients = whole;
	return 0;
}

static int complete_from(struct notrack *nt, struct model *found)
{
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES; family++) {
		struct family_model *model = &nt->model.families[family];

		for (size_t i = 0; i < model->count && !err; i++)
			err = complete(nt, &model->served[i],
				       model_find(&found->families[family],
						  model->served[i].service->name));
	}
	return err;
}

/* Where clients were left in another namespace, they cannot be read from here. */
static int complete_elsewhere(struct notrack *nt)
{
	struct model none = { 0 };

	for (enum family family = IPV4; family < FAMILIES; family++)
		for (size_t i = 0; i < nt->model.families[family].count; i++) {
			const struct served *served = &nt->model.families[family].served[i];

			if (served->clients.partial && served->clients.others)
				return error_set(&nt->error, -ESTALE, "service %s: was loaded in another "
						 "network namespace than this thread is in now, and its "
						 "limited clients were not read there; load again",
						 served->service->name);
		}
	return complete_from(nt, &none);
}

/* Of both families: one that is left out today may be asked for again. */
int context_complete_in_kernel(struct notrack *nt, void *data)
{
	unsigned int families = nt->families;
	struct model found = { 0 };
	struct image *image;
	int err;

	(void)data;
	if (!context_is_partial(nt))
		return 0;
	if (context_has_moved(nt))
		return complete_elsewhere(nt);
	nt->families = NOTRACK_ANY;
	err = context_image(nt, nt->loaded_from, PART_RULES | PART_CLIENTS, &image);
	if (!err)
		err = backends[nt->loaded_from]->raise(image, PART_RULES | PART_CLIENTS, &found);
	nt->families = families;
	if (!err)
		err = complete_from(nt, &found);
	model_free(&found);
	return err;
}

int context_complete(struct notrack *nt)
{
	return context_is_partial(nt) ? context_in_kernel(nt, context_complete_in_kernel, NULL) : 0;
}

/* --- whether they are what was loaded --------------------------------- */

static bool same_services(const struct family_model *a, const struct family_model *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!service_same(a->served[i].service, b->served[i].service))
			return false;
	return true;
}

static int compare_services(struct notrack *nt, const struct model *found)
{
	int same = true;

	for (enum family family = IPV4; family < FAMILIES; family++) {
		const struct family_model *model = &nt->model.families[family];

		if (!context_has(nt, family))
			continue;
		same &= same_services(model, &found->families[family]);
		for (size_t i = 0; i < model->count; i++)
			if (model->served[i].clients.others &&
			    !model_find(&found->families[family], model->served[i].service->name))
				return report_lost(nt, &model->served[i]);
	}
	return same;
}

int context_has_services_of_kernel(struct notrack *nt)
{
	struct model found = { 0 };
	size_t chosen = context_chosen(nt);
	struct image *image;
	int result = context_image(nt, chosen, PART_RULES, &image);

	if (!result)
		result = backends[chosen]->raise(image, PART_RULES, &found);
	if (!result)
		result = compare_services(nt, &found);
	model_free(&found);
	return result;
}

/* --- one of them ------------------------------------------------------ */

struct question {
	const char *service;
	const struct prefix *prefix;
};

static int ask_in_kernel(struct notrack *nt, void *data)
{
	const struct question *question = data;
	struct image *image;
	int result;

	if (context_has_moved(nt))	/* who is not in the model was left there, or was nowhere */
		return context_complete_in_kernel(nt, NULL);
	result = context_image(nt, nt->loaded_from, PART_RULES, &image);
	return result ? result : backends[nt->loaded_from]->has_client(image, question->service,
								       question->prefix);
}

int context_has_client(struct notrack *nt, const struct served *served,
		       const struct prefix *prefix)
{
	struct question question = { served->service->name, prefix };
	const struct client *client = clients_find(&served->clients, prefix);

	/* where there were none, another context may have added the first one since */
	if (client || !served->clients.partial)
		return client && client->limit;
	return context_in_kernel(nt, ask_in_kernel, &question);
}

/* --- once they are committed ------------------------------------------ */

void context_settle(struct notrack *nt)
{
	for (enum family family = IPV4; family < FAMILIES; family++) {
		struct family_model *model = &nt->model.families[family];

		for (size_t i = 0; i < model->count && context_has(nt, family); i++)
			if (model->served[i].clients.partial)
				clients_settle(&model->served[i].clients);
	}
}
