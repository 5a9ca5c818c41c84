/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries of flows that are tracked no more. */
#include <errno.h>
#include <string.h>

#include "context.h"
#include "layout.h"
#include "conntrack/flow.h"
#include "model/model.h"

struct flush {
	struct notrack *nt;
	struct own_addresses local;
	struct conntrack_edit edit;
	uint64_t left;
};

/* Which interface a flow came by is not in its entry: those of such services stay. */
static int flush_entry(const struct tracked *entry, void *data)
{
	struct flush *flush = data;
	const struct family_model *model = &flush->nt->model.families[entry->family];
	bool left = false;
	struct flow flow;

	if (!context_has(flush->nt, entry->family) || !model->count)
		return 0;
	flow_read(&flow, entry, &flush->local);
	for (size_t i = 0; i < model->count; i++) {
		const struct service *service = model->served[i].service;

		if (!flow_is_untracked(&flow, service, flush->nt->local_only))
			continue;
		if (!service->interface_count)
			return conntrack_remove(&flush->edit, entry, &flush->nt->error);
		left = true;
	}
	flush->left += left;
	return 0;
}

static int flush_in_kernel(struct notrack *nt, void *data)
{
	struct flush *flush = data;
	int err = own_addresses_read(&flush->local, &nt->error);

	if (!err)
		err = conntrack_edit_each(&flush->edit, flush_entry, flush, &nt->error);
	own_addresses_free(&flush->local);
	return err;
}

int notrack_flush_tracked(struct notrack *nt, struct notrack_flushed *flushed)
{
	UNCANCELLED;
	struct flush flush = { .nt = nt };
	struct notrack_flushed all;
	int err = context_begin(nt);

	if (!err && flushed)
		err = layout_check(&layout_flushed, flushed, &nt->error);
	if (err)
		return err;
	err = context_in_kernel(nt, flush_in_kernel, &flush);
	all = (struct notrack_flushed){ .removed = flush.edit.done, .left = flush.left };
	layout_give(&layout_flushed, flushed, &all);
	return err;
}
