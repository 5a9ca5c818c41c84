/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the kernel to the model. */
#include <errno.h>

#include "context.h"

/*
 * The backend that a commit would use has the last word; where no other one has anything,
 * its clients may stay where they are.
 */
static int load_in_kernel(struct notrack *nt, void *data)
{
	int err = context_choose(nt);
	size_t chosen = context_chosen(nt);
	bool others = false, local_only = false;

	for (size_t i = 1; i <= BACKENDS && !err; i++) {
		size_t backend = (chosen + i) % BACKENDS;
		unsigned int parts = backend == chosen && !others ? PART_RULES :
								    PART_RULES | PART_CLIENTS;
		struct image *image;

		err = context_image(nt, backend, parts, &image);
		if (err)
			break;
		others |= backends[backend]->is_used(image);
		local_only |= backends[backend]->is_local_only(image);
		err = backends[backend]->raise(image, image->parts, data);
	}
	nt->loaded_from = chosen;
	nt->local_only = local_only;
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
	UNCANCELLED;
	struct model model = { 0 };
	int err = context_begin(nt), count = 0;

	/* families that are not loaded again keep what their clients are */
	if (!err && nt->families != NOTRACK_ANY)
		err = context_complete(nt);
	if (err)
		return err;
	context_forget(nt);
	err = context_in_kernel(nt, load_in_kernel, &model);
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
	nt->known_in = nt->here;
	nt->clients_only = true;
	nt->clients_changed = false;
	err = notrack_each_service(nt, count_service, &count);
	return err ? err : count;
}

static int sum_bytes(struct notrack *nt, void *data)
{
	struct session session = context_session(nt);

	for (size_t i = 0; i < BACKENDS; i++)
		if (backends[i]->bytes)
			*(uint64_t *)data += backends[i]->bytes(&session);
	return 0;
}

uint64_t notrack_table_bytes(struct notrack *nt)
{
	UNCANCELLED;
	uint64_t bytes = 0;

	if (!nt)
		return 0;
	context_begin(nt);
	context_in_kernel(nt, sum_bytes, &bytes);
	context_begin(nt);	/* a namespace that cannot be entered is a later call's to tell */
	return bytes;
}
