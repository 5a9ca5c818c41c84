/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stale.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "conntrack/flow.h"

/* Going through the connection tracking table. */
struct going {
	const struct notrack *nt;
	const struct model *had;
	bool local_only;		/* so it is from now on */
	struct own_addresses local;
	struct conntrack_edit edit;
	struct error error;
};

/* Some of what it untracks may be tracked from now on. */
static bool leaves(const struct service *service, const struct family_model *wanted)
{
	const struct served *served = model_find(wanted, service->name);

	return service->protocols & 1u << TCP &&
	       (!served || !service_same(service, served->service));
}

static bool any_leaves(const struct notrack *nt, const struct model *had)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		for (size_t i = 0; context_has(nt, family) && i < had->families[family].count; i++)
			if (leaves(had->families[family].served[i].service,
				   &nt->model.families[family]))
				return true;
	return false;
}

/* Which interface a flow comes by is not in its entry. */
static bool stays_untracked(const struct flow *flow, const struct family_model *wanted,
			    bool local_only)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (!wanted->served[i].service->interface_count &&
		    flow_is_untracked(flow, wanted->served[i].service, local_only))
			return true;
	return false;
}

static bool is_stale(const struct going *going, const struct flow *flow, enum family family)
{
	const struct family_model *had = &going->had->families[family];
	const struct family_model *wanted = &going->nt->model.families[family];

	for (size_t i = 0; i < had->count; i++)
		if (leaves(had->served[i].service, wanted) &&
		    flow_is_untracked(flow, had->served[i].service, going->nt->local_only))
			return !stays_untracked(flow, wanted, going->local_only);
	return false;
}

/* Who has not been answered, as far as conntrack knows, never will be: that one begins anew. */
static int loosen(const struct tracked *entry, void *data)
{
	struct going *going = data;
	struct flow flow;

	if (entry->protocol != IPPROTO_TCP || !context_has(going->nt, entry->family))
		return 0;
	flow_read(&flow, entry, &going->local);
	if (!is_stale(going, &flow, entry->family))
		return 0;
	if (entry->tcp_state == TCP_CONNTRACK_SYN_SENT)
		return conntrack_remove(&going->edit, entry, &going->error);
	return conntrack_loosen(&going->edit, entry, &going->error);
}

static int go(struct going *going)
{
	int err = own_addresses_read(&going->local, &going->error);

	if (!err)
		err = conntrack_edit_each(&going->edit, loosen, going, &going->error);
	own_addresses_free(&going->local);
	return err;
}

/* A kernel without conntrack, or without a way to ask it, is no matter to whom nothing is said. */
int stale_loosen(struct notrack *nt, const struct model *had, bool local_only)
{
	struct going going = { .nt = nt, .had = had, .local_only = local_only };
	int err = any_leaves(nt, had) ? go(&going) : 0;

	if (!err || err == -EPROTONOSUPPORT)
		return 0;
	err = findings_add(&nt->findings, "entries", NOTRACK_WARNING,
			   "connections of TCP that are older than the rules which untrack them may hang "
			   "now that they are tracked again: %.300s", going.error.text);
	return err ? error_set(&nt->error, err, "out of memory") : 0;
}
