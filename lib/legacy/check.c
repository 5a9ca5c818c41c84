/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a table is one that iptables could have made.  The kernel also takes
 * chains without an end, jumps out of rules that no packet reaches to anywhere,
 * and two chains of one name.  libiptc aborts on some of them, reads beyond the
 * table on others, and takes the rest for what they are not.
 */
#include "legacy/check.h"

#include <assert.h>
#include <errno.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "legacy/table_info.h"
#include "support/memory.h"
#include "support/retry.h"

/* One code for both families: all but the entries is the same. */
static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "getinfo");
static_assert(offsetof(struct ipt_get_entries, entrytable) ==
	      offsetof(struct ip6t_get_entries, entrytable), "entries");
static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO && IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES,
	      "options");

/* Names that libiptc, or a rule of ours, takes for something other than a chain. */
static const char *const taken_names[] = {
	"", "ACCEPT", "DROP", "QUEUE", "RETURN", "PREROUTING", "INPUT", "FORWARD", "OUTPUT",
	"POSTROUTING", "CT", "NOTRACK",
};

struct check {
	const struct xt_family *family;
	struct ipt_getinfo info;
	struct ipt_get_entries *block;
	size_t block_size;
	uint32_t *starts;		/* of the rules of chains that rules can lead to */
	const char **names;		/* of these chains */
	size_t count, jump_count;
	int32_t *jumps;			/* where rules lead to */
};

static int get_entries(struct check *check, int sockfd, const char *name)
{
	socklen_t size;
	int err = table_get_info(sockfd, check->family, name, &check->info);

	if (err)
		return err;
	memory_put(check->block, check->block_size);
	size = (socklen_t)(sizeof(*check->block) + check->info.size);
	check->block_size = size;
	check->block = memory_get(size);
	if (!check->block)
		return -ENOMEM;
	strcpy(check->block->name, check->info.name);
	check->block->size = check->info.size;
	return getsockopt(sockfd, check->family->level, IPT_SO_GET_ENTRIES, check->block, &size) ?
	       -errno : 0;
}

static int read_entries(struct check *check, const char *name)
{
	int sockfd = table_socket(check->family), err = -EAGAIN;

	if (sockfd < 0)
		return -errno;
	for (int i = 0; i < QUICK_TRIES && err == -EAGAIN; i++)
		err = get_entries(check, sockfd, name);
	close(sockfd);
	return err;
}

/* --- entries ---------------------------------------------------------- */

static const void *entry_at(const struct check *check, uint32_t offset)
{
	return (const char *)check->block->entrytable + offset;
}

static bool is_hook(const struct check *check, uint32_t offset)
{
	for (int hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if (check->info.valid_hooks & 1u << hook && check->info.hook_entry[hook] == offset)
			return true;
	return false;
}

static bool is_underflow(const struct check *check, uint32_t offset)
{
	for (int hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if (check->info.valid_hooks & 1u << hook && check->info.underflow[hook] == offset)
			return true;
	return false;
}

/* Whether it asks nothing of a packet, and has no matches. */
static bool is_plain(const struct check *check, uint32_t offset)
{
	static const char zeros[sizeof(struct ip6t_entry)];

	return entry_target_offset(check->family, entry_at(check, offset)) ==
	       check->family->entry_size &&
	       !memcmp(entry_at(check, offset), zeros, check->family->at.mark);
}

static const struct xt_standard_target *target_at(const struct check *check, uint32_t offset)
{
	return (const void *)entry_target(check->family, entry_at(check, offset));
}

static bool is_head(const struct check *check, uint32_t offset)
{
	return !strcmp(target_at(check, offset)->target.u.user.name, XT_ERROR_TARGET);
}

/* What the lengths of an entry say stays within the table, and holds what it must. */
static bool fits(const struct check *check, uint32_t offset)
{
	const struct xt_family *family = check->family;
	uint32_t left = check->info.size - offset, next, target;

	if (left < family->entry_size + sizeof(struct xt_entry_target))
		return false;
	next = entry_next(family, entry_at(check, offset));
	target = entry_target_offset(family, entry_at(check, offset));
	if (next > left || next % __alignof__(struct xt_standard_target) ||
	    target < family->entry_size || target + sizeof(struct xt_entry_target) > next ||
	    target + target_at(check, offset)->target.u.target_size != next)
		return false;
	return *target_at(check, offset)->target.u.user.name ||
	       target_at(check, offset)->target.u.target_size ==
	       XT_ALIGN(sizeof(struct xt_standard_target));
}

static bool matches_fit(const struct check *check, uint32_t offset)
{
	const char *entry = entry_at(check, offset);
	size_t at = check->family->entry_size;
	size_t end = entry_target_offset(check->family, entry);

	while (at + sizeof(struct xt_entry_match) <= end) {
		const struct xt_entry_match *match = (const void *)(entry + at);

		if (match->u.match_size < sizeof(*match) || match->u.match_size > end - at)
			return false;
		at += match->u.match_size;
	}
	return at == end;
}

/* --- chains ----------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *check_names(struct check *check)
{
	bool sorted = true;

	for (size_t i = 1; i < check->count && sorted; i++)
		sorted = strcmp(check->names[i - 1], check->names[i]) < 0;
	if (!sorted)
		qsort(check->names, check->count, sizeof(*check->names), compare_names);
	for (size_t i = 0; i < check->count; i++)
		if (i && !strcmp(check->names[i - 1], check->names[i]))
			return "two of its chains have the same name";
	for (size_t i = 0; i < sizeof(taken_names) / sizeof(taken_names[0]); i++)
		if (bsearch(&taken_names[i], check->names, check->count, sizeof(*check->names),
			    compare_names))
			return "one of its chains has the name of a target or of a built-in chain";
	return NULL;
}

static int compare_offsets(const void *a, const void *b)
{
	return *(const int32_t *)a < *(const int32_t *)b ? -1 :
	       *(const int32_t *)a > *(const int32_t *)b;
}

static const char *check_jumps(const struct check *check)
{
	for (size_t i = 0; i < check->jump_count; i++)
		if (!bsearch(&check->jumps[i], check->starts, check->count, sizeof(*check->starts),
			     compare_offsets))
			return "a rule leads to where no chain begins";
	return NULL;
}

/* A chain's last entry: its policy, or the return to where it was called. */
static bool is_foot(const struct check *check, uint32_t offset, bool builtin)
{
	const struct xt_standard_target *target = target_at(check, offset);

	if (*target->target.u.user.name || !is_plain(check, offset) || is_head(check, offset))
		return false;
	return builtin ? is_underflow(check, offset) && (target->verdict == -NF_ACCEPT - 1 ||
							 target->verdict == -NF_DROP - 1) :
			 target->verdict == XT_RETURN;
}

static const char *begin_chain(struct check *check, uint32_t offset, bool hook)
{
	const struct xt_error_target *head = (const void *)target_at(check, offset);

	if (hook)
		return check->count ? "a built-in chain comes after another one" : NULL;
	if (!is_plain(check, offset) ||
	    head->target.u.target_size != XT_ALIGN(sizeof(*head)) ||
	    !memchr(head->errorname, '\0', sizeof(head->errorname)))
		return "the head of a chain is none";
	check->names[check->count] = head->errorname;
	check->starts[check->count++] = offset + entry_head_size(check->family);
	return NULL;
}

static const char *check_rule(struct check *check, uint32_t offset)
{
	const struct xt_standard_target *target = target_at(check, offset);

	if (*target->target.u.user.name)
		return NULL;
	if (target->verdict >= 0) {
		if ((uint32_t)target->verdict != offset + entry_next(check->family,
								     entry_at(check, offset)))
			check->jumps[check->jump_count++] = target->verdict;
		return NULL;
	}
	return target->verdict == -NF_ACCEPT - 1 || target->verdict == -NF_DROP - 1 ||
	       target->verdict == -NF_QUEUE - 1 || target->verdict == XT_RETURN ? NULL :
	       "a rule has a verdict that is not known";
}

/* Where the chain before ends, the next one begins. */
static const char *check_chain(struct check *check, uint32_t *offset)
{
	bool hook = is_hook(check, *offset), head = is_head(check, *offset);
	uint32_t last = *offset, at = *offset;
	const char *fault;

	if (!hook && !head)
		return "its first rules are in no chain";
	fault = begin_chain(check, at, hook);
	if (!hook)
		at += entry_next(check->family, entry_at(check, at));
	for (; !fault && at < check->info.size && (at == *offset || !is_hook(check, at)) &&
	     !is_head(check, at); at += entry_next(check->family, entry_at(check, at))) {
		fault = check_rule(check, at);
		last = at;
	}
	if (!fault && (at >= check->info.size || (last == *offset && !hook) ||
		       !is_foot(check, last, hook)))
		fault = "a chain has no end";
	*offset = at;
	return fault;
}

static const char *check_chains(struct check *check)
{
	uint32_t offset = 0, end = 0;	/* the last entry, which belongs to no chain */
	const char *fault = NULL;

	for (uint32_t at = 0; at < check->info.size; at += entry_next(check->family,
								      entry_at(check, at)))
		if (!fits(check, at) || !matches_fit(check, at))
			return "an entry is longer than it says";
		else
			end = at;
	if (!check->info.size || !is_head(check, end) ||
	    check->info.size - end != entry_head_size(check->family))
		return "it has no end";
	while (!fault && offset != end)
		fault = offset < end ? check_chain(check, &offset) : "it has no end";
	if (!fault)
		fault = check_jumps(check);
	return fault ? fault : check_names(check);
}

int table_check(const struct xt_family *family, const char *name, struct error *error)
{
	struct check check = { .family = family };
	const char *fault = NULL;
	size_t room = 0;
	int err = read_entries(&check, name);

	if (!err) {
		room = check.info.size / (family->entry_size + sizeof(struct xt_entry_target)) + 1;
		check.starts = memory_get(room * sizeof(*check.starts));
		check.names = memory_get(room * sizeof(*check.names));
		check.jumps = memory_get(room * sizeof(*check.jumps));
		err = check.starts && check.names && check.jumps ? 0 : -ENOMEM;
	}
	if (!err)
		fault = check_chains(&check);
	memory_put(check.starts, room * sizeof(*check.starts));
	memory_put(check.names, room * sizeof(*check.names));
	memory_put(check.jumps, room * sizeof(*check.jumps));
	memory_put(check.block, check.block_size);
	return fault ? error_set(error, 1, "table %s (%s): is one that no iptables makes: %s; replace it "
				 "with iptables-restore", name, family->name, fault) : err;
}
