/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Targets other than verdicts and chains. */
#include "legacy/extensions/extension.h"

#include <errno.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_mark.h>
#include <string.h>

/* One target that is being decoded. */
struct target_data {
	struct view *view;
	const char *name;
	enum family family;
	uint8_t revision;
	const void *data;
	size_t size;
};

static int add_kind(const struct target_data *target, enum step_kind kind)
{
	return view_add_step(target->view, kind) ? 0 : -ENOMEM;
}

static int target_count(const struct target_data *target)
{
	return view_add_unknown(target->view, STEP_COUNT, target->name) ? 0 : -ENOMEM;
}

/* Each packet by itself, so that it does not matter how many come. */
static int target_alter(const struct target_data *target)
{
	struct step *step = view_add_unknown(target->view, STEP_COUNT, target->name);

	if (!step)
		return -ENOMEM;
	step->count = COUNT_ALTERS;
	return 0;
}

static int target_reject(const struct target_data *target)
{
	return add_kind(target, STEP_REJECT);
}

static int target_queue(const struct target_data *target)
{
	return add_kind(target, STEP_QUEUE);
}

static int target_divert(const struct target_data *target)
{
	return add_kind(target, STEP_DIVERT);
}

static int target_synproxy(const struct target_data *target)
{
	return add_kind(target, STEP_SYNPROXY);
}

static int target_notrack(const struct target_data *target)
{
	return view_add_unknown(target->view, STEP_NOTRACK, target->name) ? 0 : -ENOMEM;
}

/* All revisions begin the same. */
static int target_ct(const struct target_data *target)
{
	const struct xt_ct_target_info *info = target->data;
	struct step *step;

	if (target->size >= sizeof(*info) && info->flags & XT_CT_NOTRACK)
		return view_add_unknown(target->view, STEP_NOTRACK, info->flags & XT_CT_NOTRACK_ALIAS ?
					"NOTRACK" : "CT --notrack") ? 0 : -ENOMEM;
	step = view_add_step(target->view, STEP_TEMPLATE);
	if (!step)
		return -ENOMEM;
	if (target->size >= sizeof(*info) && *info->helper)
		step->flags = STEP_HELPER;
	return 0;
}

static int target_mark(const struct target_data *target)
{
	const struct xt_mark_tginfo2 *info = target->data;
	struct step *step = view_add_step(target->view, STEP_MARK);

	if (!step)
		return -ENOMEM;
	step->flags = STEP_ANY_VALUE;
	if (target->revision == 2 && target->size == XT_ALIGN(sizeof(*info))) {
		step->flags = 0;
		step->mask = info->mask;
		step->value = info->mark;
	}
	return 0;
}

/* By what the packet says of itself. */
static int target_hmark(const struct target_data *target)
{
	struct step *step = view_add_step(target->view, STEP_MARK);

	if (!step)
		return -ENOMEM;
	step->flags = STEP_ANY_VALUE;
	return 0;
}

/* Revision 2 differs behind the mode of revision 1. */
static int target_connmark(const struct target_data *target)
{
	const struct xt_connmark_tginfo1 *info = target->data;
	const struct xt_connmark_tginfo2 *info2 = target->data;
	int mode = target->revision == 1 && target->size == XT_ALIGN(sizeof(*info)) ? info->mode :
		   target->revision == 2 && target->size == XT_ALIGN(sizeof(*info2)) ?
		   info2->mode : XT_CONNMARK_RESTORE;

	return add_kind(target, mode == XT_CONNMARK_RESTORE ? STEP_RESTORE_MARK : STEP_CT_MARK);
}

/* --- NAT -------------------------------------------------------------- */

/* A range of ports in network order, in the words of struct step. */
static uint32_t port_pair(unsigned int flags, __be16 first, __be16 last)
{
	return flags & NF_NAT_RANGE_PROTO_SPECIFIED ?
	       (uint32_t)be16toh(first) << 16 | be16toh(last) : 0;
}

/* One address, or a range of them. */
static int put_addresses(const struct target_data *target, struct step *step, const void *first,
			 const void *last)
{
	const size_t size = family_bits(target->family) / 8;
	struct view_outcomes *outcomes;

	if (!memcmp(first, last, size)) {
		memcpy(step->address, first, size);
		step->length = (uint8_t)(8 * size);
		return 0;
	}
	outcomes = arena_alloc(&target->view->arena, sizeof(*outcomes));
	if (!outcomes)
		return -ENOMEM;
	outcomes->address.is_given = outcomes->address.is_known = true;
	memcpy(outcomes->address.addresses.first, first, size);
	memcpy(outcomes->address.addresses.last, last, size);
	outcomes->port.is_given = outcomes->port.is_known = step->mask;
	outcomes->port.ports = (struct range){ step->mask >> 16, (uint16_t)step->mask };
	step->flags = STEP_OUTCOMES;
	step->outcomes = outcomes;
	return 0;
}

/* IPv4 without a revision 2 has ranges of its own. */
static int put_range(const struct target_data *target, struct step *step)
{
	const struct nf_nat_ipv4_multi_range_compat *old = target->data;
	const struct nf_nat_range *range = target->data;

	if (target->size == XT_ALIGN(sizeof(*old)) && target->family == IPV4) {
		step->mask = port_pair(old->range[0].flags, old->range[0].min.all,
				       old->range[0].max.all);
		if (old->range[0].flags & NF_NAT_RANGE_MAP_IPS)
			return put_addresses(target, step, &old->range[0].min_ip,
					     &old->range[0].max_ip);
	} else if (target->size >= sizeof(*range)) {
		step->mask = port_pair(range->flags, range->min_proto.all, range->max_proto.all);
		if (range->flags & NF_NAT_RANGE_MAP_IPS)
			return put_addresses(target, step, &range->min_addr, &range->max_addr);
	}
	return 0;
}

static int add_translation(const struct target_data *target, enum translation translation)
{
	struct step *step = view_add_step(target->view, STEP_TRANSLATE);

	if (!step)
		return -ENOMEM;
	step->field = (uint8_t)translation;
	return put_range(target, step);
}

static int target_snat(const struct target_data *target)
{
	return add_translation(target, TRANSLATE_SOURCE);
}

/* NETMAP too, where destinations are translated: the worse of what it may do. */
static int target_dnat(const struct target_data *target)
{
	return add_translation(target, TRANSLATE_DESTINATION);
}

static int target_masquerade(const struct target_data *target)
{
	return add_translation(target, TRANSLATE_MASQUERADE);
}

static int target_redirect(const struct target_data *target)
{
	return add_translation(target, TRANSLATE_REDIRECT);
}

/* --- all -------------------------------------------------------------- */

static const struct {
	const char *name;
	int (*decode)(const struct target_data *target);
} targets[] = {
	{ "LOG", target_count },
	{ "REJECT", target_reject },
	{ "NOTRACK", target_notrack },
	{ "CT", target_ct },
	{ "MARK", target_mark },
	{ "CONNMARK", target_connmark },
	{ "HMARK", target_hmark },
	{ "DNAT", target_dnat },
	{ "SNAT", target_snat },
	{ "REDIRECT", target_redirect },
	{ "MASQUERADE", target_masquerade },
	{ "NETMAP", target_dnat },
	{ "NFQUEUE", target_queue },
	{ "TPROXY", target_divert },
	{ "SYNPROXY", target_synproxy },
	/* they do their work and let the packet go on; no rule sees what they did */
	{ "AUDIT", target_count },
	{ "CHECKSUM", target_alter },
	{ "CLASSIFY", target_alter },
	{ "CONNSECMARK", target_alter },
	{ "DSCP", target_alter },
	{ "ECN", target_alter },
	{ "IDLETIMER", target_count },
	{ "LED", target_count },
	{ "NFLOG", target_count },
	{ "RATEEST", target_count },
	{ "SECMARK", target_alter },
	{ "SET", target_count },
	{ "TCPMSS", target_alter },
	{ "TCPOPTSTRIP", target_alter },
	{ "TEE", target_count },
	{ "TOS", target_alter },
	{ "TRACE", target_count },
	{ "TTL", target_alter },
	{ "HL", target_alter },
	{ "ULOG", target_count },
};

int extension_view_target(struct view *view, enum family family, const char *name, uint8_t revision,
			  const void *data, size_t size)
{
	struct target_data target = { .view = view, .family = family, .revision = revision,
				      .data = data, .size = size };
	char *what;

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (!strcmp(name, targets[i].name)) {
			target.name = targets[i].name;
			return targets[i].decode(&target);
		}
	what = arena_strdup(&view->arena, name);
	return what && view_add_unknown(view, STEP_ANYTHING, what) ? 0 : -ENOMEM;
}
