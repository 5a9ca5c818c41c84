/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From entries to rules. */
#include "legacy/layout.h"

#include <errno.h>
#include <string.h>

#include "legacy/match.h"
#include "legacy/tree.h"
#include "rules/name.h"
#include "rules/view.h"

/* --- matches ------------------------------------------------------ */

struct reader {
	struct match match;
	struct arena *arena;
	enum family family;
	struct limit_rate *coarse;	/* of revision 1 */
	unsigned int seen;	/* of the table of readers, as bits */
	bool bad;		/* something we never say */
	int err;
};

static bool all_zero(const void *data, size_t size)
{
	const unsigned char *byte = data;

	while (size--)
		if (*byte++)
			return false;
	return true;
}

static void get_range(struct reader *reader, const __u16 range[2], bool inverted,
		      struct ports *ports)
{
	if (range[0] == 0 && range[1] == 0xffff && !inverted)
		return;
	if (ports->count)
		reader->bad = true;
	ports->count = 1;
	ports->inverted = inverted;
	ports->range[0].first = range[0];
	ports->range[0].last = range[1];
}

static void get_tcp(struct reader *reader, const void *data)
{
	const struct xt_tcp *tcp = data;

	get_range(reader, tcp->spts, tcp->invflags & XT_TCP_INV_SRCPT, &reader->match.source);
	get_range(reader, tcp->dpts, tcp->invflags & XT_TCP_INV_DSTPT, &reader->match.destination);
	if (tcp->flg_mask == SYN_MASK && tcp->flg_cmp == SYN_BIT) {
		reader->match.syn = tcp->invflags & XT_TCP_INV_FLAGS ? SYN_NOT : SYN_ONLY;
	} else if (tcp->flg_mask == SYN_MASK && tcp->flg_cmp == (SYN_BIT | ACK_BIT) &&
		   tcp->invflags & XT_TCP_INV_FLAGS) {
		reader->match.syn = SYN_ACK_NOT;
	} else {
		reader->match.tcp_mask = tcp->flg_mask;
		reader->match.tcp_flags = tcp->flg_cmp;
		if (tcp->invflags & XT_TCP_INV_FLAGS || (tcp->flg_cmp && !tcp->flg_mask))
			reader->bad = true;
	}
	if (tcp->option ||
	    tcp->invflags & ~(XT_TCP_INV_SRCPT | XT_TCP_INV_DSTPT | XT_TCP_INV_FLAGS))
		reader->bad = true;
}

static void get_udp(struct reader *reader, const void *data)
{
	const struct xt_udp *udp = data;

	get_range(reader, udp->spts, udp->invflags & XT_UDP_INV_SRCPT, &reader->match.source);
	get_range(reader, udp->dpts, udp->invflags & XT_UDP_INV_DSTPT, &reader->match.destination);
	if (udp->invflags & ~XT_UDP_INV_MASK)
		reader->bad = true;
}

static void get_multiport(struct reader *reader, const void *data)
{
	const struct xt_multiport_v1 *multiport = data;
	struct ports *ports = multiport->flags == XT_MULTIPORT_SOURCE ?
			      &reader->match.source : &reader->match.destination;

	if (multiport->flags == XT_MULTIPORT_EITHER || multiport->invert > 1 || ports->count ||
	    !multiport->count || multiport->count > XT_MULTI_PORTS) {
		reader->bad = true;
		return;
	}
	ports->inverted = multiport->invert;
	for (unsigned int i = 0; i < multiport->count; i++) {
		ports->range[ports->count].first = multiport->ports[i];
		if (multiport->pflags[i] && i + 1 < multiport->count)
			i++;
		ports->range[ports->count++].last = multiport->ports[i];
	}
}

static void get_sctp(struct reader *reader, const void *data)
{
	const struct xt_sctp_info *sctp = data;

	if (sctp->flags != XT_SCTP_CHUNK_TYPES || sctp->invflags & ~XT_SCTP_CHUNK_TYPES ||
	    sctp->flag_count ||
	    sctp->chunk_match_type != SCTP_CHUNK_MATCH_ANY || sctp->chunkmap[0] != 1u << SCTP_INIT ||
	    !all_zero(sctp->chunkmap + 1, sizeof(sctp->chunkmap) - sizeof(sctp->chunkmap[0])))
		reader->bad = true;
	reader->match.sctp_init = !sctp->invflags;
	reader->match.sctp_not_init = sctp->invflags;
}

static void get_icmp(struct reader *reader, const void *data)
{
	const struct ipt_icmp *icmp = data;

	if (icmp->code[0] || icmp->code[1] != ICMP_ANY_CODE || icmp->invflags)
		reader->bad = true;
	reader->match.icmp = true;
	reader->match.icmp_type = icmp->type;
}

static void get_states(struct reader *reader, unsigned int flags, unsigned int inverted,
		       unsigned int mask)
{
	const unsigned int tracked = CT_INVALID | CT_ESTABLISHED | CT_RELATED | CT_NEW;

	if ((flags & ~XT_CONNTRACK_STATE_ALIAS) != XT_CONNTRACK_STATE || inverted || !mask ||
	    mask & ~(tracked | XT_CONNTRACK_STATE_UNTRACKED))
		reader->bad = true;
	reader->match.states = (uint8_t)((mask & tracked) |
					 (mask & XT_CONNTRACK_STATE_UNTRACKED ? CT_UNTRACKED : 0));
}

static void get_state(struct reader *reader, const void *data)
{
	const struct xt_state_info *info = data;
	unsigned int mask = info->statemask & ~XT_STATE_UNTRACKED;

	if (info->statemask & XT_STATE_UNTRACKED)
		mask |= XT_CONNTRACK_STATE_UNTRACKED;
	get_states(reader, XT_CONNTRACK_STATE, 0, mask);
}

/* Revision 3 is the same, with more behind it. */
static void get_conntrack(struct reader *reader, const void *data)
{
	const struct xt_conntrack_mtinfo2 *info = data;

	get_states(reader, info->match_flags, info->invert_flags, info->state_mask);
}

static void get_addrtype(struct reader *reader, const void *data)
{
	const struct xt_addrtype_info_v1 *info = data;

	if (info->flags || (info->source | info->dest) != XT_ADDRTYPE_LOCAL)
		reader->bad = true;
	reader->match.from_local = info->source;
	reader->match.to_local = info->dest;
}

/* A request a day. */
#define LONGEST_PERIOD (UINT64_C(86400) * LIMIT_SCALE)

/*
 * Revision 1 keeps a hundredth of a period: the name of the hash table, which
 * carries the rate, tells which of a hundred it was.
 */
static void refine_period(struct limit_rate *rate, const struct match *match)
{
	static const char head[] = LIMIT_COMMENT;
	const uint64_t step = LIMIT_SCALE / XT_HASHLIMIT_SCALE, min = rate->period * step;
	const char *comment = match->comment;
	char name[HASHLIMIT_NAME_MAX + 1];

	rate->period = min;
	rate->coarse = (uint32_t)step;
	if (!comment || strncmp(comment, head, strlen(head)))
		return;
	for (uint64_t i = 0; i < step; i++) {
		rate->period = min + i;
		name_hashlimit(name, comment + strlen(head), rate);
		if (!strcmp(name, match->table_name)) {
			rate->coarse = 0;
			return;
		}
	}
	rate->period = min;
}

const size_t hashlimit_sizes[HASHLIMIT_REVISIONS] = {
	[1] = sizeof(struct xt_hashlimit_mtinfo1),
	[2] = sizeof(struct xt_hashlimit_mtinfo2),
	[3] = sizeof(struct xt_hashlimit_mtinfo3),
};

/* What each revision has, in the words of the newest. */
#define NEWEST_CONFIG(old) (struct hashlimit_cfg3){					\
	.avg = (old).avg, .burst = (old).burst, .mode = (old).mode, .size = (old).size,	\
	.max = (old).max, .gc_interval = (old).gc_interval, .expire = (old).expire,	\
	.srcmask = (old).srcmask, .dstmask = (old).dstmask,				\
}

static struct hashlimit_cfg3 hashlimit_config(const union hashlimit_info *info, uint8_t revision)
{
	return revision == 3 ? info->v3.cfg : revision == 2 ? NEWEST_CONFIG(info->v2.cfg) :
	       NEWEST_CONFIG(info->v1.cfg);
}

static bool is_ours(const struct hashlimit_cfg3 *config, unsigned int bits)
{
	return config->mode == (XT_HASHLIMIT_INVERT | XT_HASHLIMIT_HASH_SIP) &&
	       config->gc_interval == GC_INTERVAL_MS && config->dstmask == bits && config->avg &&
	       config->avg <= LONGEST_PERIOD && config->burst <= UINT32_MAX;
}

static void get_hashlimit(struct reader *reader, const void *data, uint8_t revision)
{
	const char *name = data;	/* as each revision begins */
	struct limit_rate *rate = arena_alloc(reader->arena, sizeof(*rate));
	struct hashlimit_cfg3 config;
	union hashlimit_info info;

	if (!rate) {
		reader->err = -ENOMEM;
		return;
	}
	memcpy(&info, data, hashlimit_sizes[revision]);
	config = hashlimit_config(&info, revision);
	if (!is_ours(&config, family_bits(reader->family)) ||
	    !memchr(name, '\0', revision == 1 ? sizeof(info.v1.name) : sizeof(info.v2.name)))
		reader->bad = true;
	if (reader->bad)
		return;
	*rate = (struct limit_rate){
		.period = config.avg, .burst = (uint32_t)config.burst, .srcmask = config.srcmask,
		.htable_max = config.max, .htable_size = config.size,
		.htable_expire_ms = config.expire,
	};
	reader->coarse = revision == 1 ? rate : NULL;
	reader->match.above = rate;
	reader->match.table_name = arena_strdup(reader->arena, name);
	if (!reader->match.table_name)
		reader->err = -ENOMEM;
}

/* A comment that goes on where the one before it ended. */
static void get_comment(struct reader *reader, const void *data)
{
	const struct xt_comment_info *info = data;
	const char *before = reader->match.comment ? reader->match.comment : "";
	size_t had = strlen(before), more = strnlen(info->comment, sizeof(info->comment));
	char *comment = arena_alloc(reader->arena, had + more + 1);

	if (!comment) {
		reader->err = -ENOMEM;
		return;
	}
	/* one that goes on is full */
	if (!more || had % COMMENT_MAX)
		reader->bad = true;
	memcpy(comment, before, had);
	memcpy(comment + had, info->comment, more);
	reader->match.comment = comment;
}

static const struct {
	const char *name;
	uint8_t revision;
	size_t size;
	void (*get)(struct reader *reader, const void *data);
} readers[] = {
	{ "udp", 0, sizeof(struct xt_udp), get_udp },
	{ "tcp", 0, sizeof(struct xt_tcp), get_tcp },
	{ "multiport", 1, sizeof(struct xt_multiport_v1), get_multiport },
	{ "comment", 0, sizeof(struct xt_comment_info), get_comment },
	{ "state", 0, sizeof(struct xt_state_info), get_state },
	{ "conntrack", 2, sizeof(struct xt_conntrack_mtinfo2), get_conntrack },
	{ "conntrack", 3, sizeof(struct xt_conntrack_mtinfo3), get_conntrack },
	{ "addrtype", 1, sizeof(struct xt_addrtype_info_v1), get_addrtype },
	{ "sctp", 0, sizeof(struct xt_sctp_info), get_sctp },
	{ "icmp", 0, sizeof(struct ipt_icmp), get_icmp },
	{ "icmp6", 0, sizeof(struct ip6t_icmp), get_icmp },
};
#define READERS (sizeof(readers) / sizeof(readers[0]))

static void get_match(struct reader *reader, const struct xt_entry_match *match)
{
	const size_t head = XT_ALIGN(sizeof(*match));
	uint8_t revision = match->u.user.revision;
	size_t size = match->u.user.match_size;

	if (!strcmp(match->u.user.name, "hashlimit")) {
		if (revision >= 1 && revision <= 3 && !reader->match.above &&
		    size == head + XT_ALIGN(hashlimit_sizes[revision]))
			get_hashlimit(reader, match->data, revision);
		else
			reader->bad = true;
		return;
	}
	for (size_t i = 0; i < READERS; i++) {
		if (strcmp(match->u.user.name, readers[i].name) || revision != readers[i].revision ||
		    size != head + XT_ALIGN(readers[i].size))
			continue;
		/* ports by two matches; a comment as long as it takes; all else once */
		if (reader->seen & 1u << i && readers[i].get != get_multiport &&
		    readers[i].get != get_comment)
			reader->bad = true;
		reader->seen |= 1u << i;
		readers[i].get(reader, match->data);
		return;
	}
	reader->bad = true;
}

bool match_read(struct match *match, const struct xt_entry_match *from, enum family family,
		struct arena *arena)
{
	struct reader reader = { .arena = arena, .family = family };

	get_match(&reader, from);
	*match = reader.match;
	return !reader.bad && !reader.err;
}

uint8_t match_states(const struct xt_entry_match *match)
{
	struct match asked;

	if (strcmp(match->u.user.name, "conntrack") && strcmp(match->u.user.name, "state"))
		return 0;
	return match_read(&asked, match, IPV4, NULL) ? asked.states : 0;
}

/* --- targets ------------------------------------------------------ */

static bool get_notrack(const struct xt_entry_target *target)
{
	struct xt_ct_target_info_v1 ct;		/* see union hashlimit_info */

	if (!strcmp(target->u.user.name, "NOTRACK"))
		return true;
	if (strcmp(target->u.user.name, "CT") || target->u.user.revision < 1 ||
	    target->u.target_size != XT_ALIGN(sizeof(*target)) + XT_ALIGN(sizeof(ct)))
		return false;
	memcpy(&ct, target->data, sizeof(ct));
	return (ct.flags & ~XT_CT_NOTRACK_ALIAS) == XT_CT_NOTRACK && !ct.zone && !ct.ct_events &&
	       !ct.exp_events && !*ct.helper && !*ct.timeout;
}

static void get_target(struct rule *rule, const struct xt_entry_target *target,
		       const char *label)
{
	for (size_t i = 0; i < VERDICTS; i++) {
		if (strcmp(label, verdict_labels[i]))
			continue;
		rule->target = (uint8_t)i;
		return;
	}
	if (get_notrack(target)) {
		rule->target = TARGET_NOTRACK;
		return;
	}
	rule->target = TARGET_FOREIGN;
}

void *entry_copy(const void *entry, const char *target, const struct xt_family *family,
		 struct arena *arena)
{
	struct header header;
	struct xt_entry_target *copied;
	char *copy;

	entry_get_header(entry, &header, family);
	copy = arena_alloc(arena, header.next_offset);
	if (!copy)
		return NULL;
	memcpy(copy, entry, header.next_offset);
	copied = (void *)(copy + header.target_offset);
	if (!strcmp(copied->u.user.name, XT_STANDARD_TARGET)) {
		/* where in the table it leads to: libiptc fills it in from the name */
		((struct xt_standard_target *)copied)->verdict = 0;
		memset(copied->u.user.name, 0, sizeof(copied->u.user.name));
		strncpy(copied->u.user.name, target, sizeof(copied->u.user.name) - 1);
	}
	return copy;
}

static int keep_match(struct rule *rule, const struct match *from, struct arena *arena)
{
	struct match *match = arena_alloc(arena, sizeof(*match));

	if (!match)
		return -ENOMEM;
	*match = *from;
	rule->match = match;
	return 0;
}

static int keep_foreign(struct rule *rule, const void *entry, const char *label,
			const struct xt_family *family, struct arena *arena)
{
	char *copy = entry_copy(entry, label, family, arena);
	const struct match match = { .foreign = copy, .foreign_size = entry_next(family, entry) };

	if (!copy)
		return -ENOMEM;
	/* they are in rule->count, and no part of what the rule is */
	entry_forget(copy, family);
	rule->target = TARGET_FOREIGN;
	rule->to = NULL;
	return keep_match(rule, &match, arena);
}

/* What is in the header, and in the matches between it and the target. */
static int get_matches(struct rule *rule, const void *entry, const char *label,
		       const struct xt_family *family, const struct header *header,
		       struct arena *arena)
{
	struct reader reader = { .arena = arena, .family = family->family };
	size_t offset = family->entry_size;

	while (offset < header->target_offset) {
		const struct xt_entry_match *match = (const void *)((const char *)entry + offset);

		get_match(&reader, match);
		offset += match->u.match_size;
	}
	if (reader.bad)
		return keep_foreign(rule, entry, label, family, arena);
	if (reader.err)
		return reader.err;
	if (reader.coarse)
		refine_period(reader.coarse, &reader.match);
	reader.match.to = header->destination;
	reader.match.protocol = header->protocol;
	memcpy(reader.match.in, header->in, IFNAMSIZ);
	memcpy(reader.match.out, header->out, IFNAMSIZ);
	return keep_match(rule, &reader.match, arena);
}

/* An address without a mask is one that no packet has. */
static bool is_everybody(const struct prefix *prefix)
{
	static const uint8_t none[sizeof(prefix->address)];

	return !prefix->length && !memcmp(prefix->address, none, sizeof(none));
}

int entry_decode(struct rule *rule, const void *entry, const char *label, struct chain *to,
		 const struct xt_family *family, struct arena *arena)
{
	struct header header;
	bool ours = entry_get_header(entry, &header, family);

	*rule = (struct rule){
		.source = header.source,
		.target = header.go ? TARGET_GOTO : TARGET_JUMP,
		.to = to,
		.count = { header.counters.pcnt, header.counters.bcnt },
	};
	if (!to)
		get_target(rule, entry_target(family, entry), label);
	if (!ours || rule->target == TARGET_FOREIGN)
		return keep_foreign(rule, entry, label, family, arena);
	if (!is_everybody(&header.destination) || header.protocol || *header.in || *header.out ||
	    header.target_offset > family->entry_size)
		return get_matches(rule, entry, label, family, &header, arena);
	return 0;
}
