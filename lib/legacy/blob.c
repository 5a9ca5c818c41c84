/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/blob.h"
#include "support/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One code for both families: all but the entries is the same. */
static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "getinfo");
static_assert(offsetof(struct ipt_get_entries, entrytable) ==
	      offsetof(struct ip6t_get_entries, entrytable), "entries");
static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO && IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES,
	      "options");

static const char *const hook_names[NF_INET_NUMHOOKS] = {
	[NF_INET_PRE_ROUTING] = "PREROUTING",
	[NF_INET_LOCAL_IN] = "INPUT",
	[NF_INET_FORWARD] = "FORWARD",
	[NF_INET_LOCAL_OUT] = "OUTPUT",
	[NF_INET_POST_ROUTING] = "POSTROUTING",
};

/* How often a table may grow between the two calls that read it. */
#define READS_MAX 100

/* --- reading ---------------------------------------------------------- */

static int get_entries(struct blob *blob)
{
	socklen_t size = sizeof(blob->info);

	memset(&blob->info, 0, sizeof(blob->info));
	strcpy(blob->info.name, table_name(blob->id));
	if (getsockopt(blob->sockfd, blob->kernel->level, IPT_SO_GET_INFO, &blob->info, &size))
		return -errno;
	size = (socklen_t)(sizeof(*blob->block) + blob->info.size);
	blob->block_size = size;
	blob->block = memory_get(size);
	if (!blob->block)
		return -ENOMEM;
	strcpy(blob->block->name, blob->info.name);
	blob->block->size = blob->info.size;
	if (getsockopt(blob->sockfd, blob->kernel->level, IPT_SO_GET_ENTRIES, blob->block, &size))
		return -errno;
	return 0;
}

static int hook_at(const struct blob *blob, uint32_t offset)
{
	for (int hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if (blob->info.valid_hooks & 1u << hook && blob->info.hook_entry[hook] == offset)
			return hook;
	return -1;
}

static struct blob_chain *add_chain(struct blob *blob)
{
	struct blob_chain *chains = memory_grow(blob->chains, blob->count, sizeof(*chains));

	if (!chains)
		return NULL;
	blob->chains = chains;
	return &chains[blob->count++];
}

static bool is_head(const struct blob *blob, uint32_t offset)
{
	return !strcmp(entry_target(blob->kernel, blob_entry(blob, offset))->u.user.name,
		       XT_ERROR_TARGET);
}

static const char *head_name(const struct blob *blob, uint32_t offset)
{
	const struct xt_error_target *target =
		(const void *)entry_target(blob->kernel, blob_entry(blob, offset));

	return target->errorname;
}

static int begin_chain(struct blob *blob, uint32_t offset, uint32_t number, int hook)
{
	struct blob_chain *chain = add_chain(blob);

	if (!chain)
		return -ENOMEM;
	*chain = (struct blob_chain){ .rules = offset, .first = number, .hook = hook };
	if (hook >= 0) {
		chain->name = hook_names[hook];
	} else {
		chain->name = head_name(blob, offset);
		chain->rules = blob_next(blob, offset);
		chain->first++;
		*blob_mark(blob, offset) = (uint32_t)(blob->count - 1);
	}
	return 0;
}

static void end_chain(struct blob *blob, uint32_t last_offset, uint32_t last_number)
{
	struct blob_chain *chain = &blob->chains[blob->count - 1];

	chain->foot = last_offset;
	chain->count = last_number - chain->first;
}

/* An error entry of its own ends the block. */
int blob_index(struct blob *blob)
{
	uint32_t last = 0, number = 0, next;
	int err = 0;

	for (uint32_t offset = 0; offset < blob->info.size && !err; offset = next, number++) {
		int hook = hook_at(blob, offset);
		bool head = hook < 0 && is_head(blob, offset);

		next = blob_next(blob, offset);
		if (next <= offset || next > blob->info.size)
			return -EIO;
		if ((hook >= 0 || head) && blob->count)
			end_chain(blob, last, number - 1);
		if (head && next == blob->info.size)
			return 0;
		if (hook >= 0 || head)
			err = begin_chain(blob, offset, number, hook);
		last = offset;
	}
	return err ? err : -EIO;
}

int blob_read(struct blob *blob, const struct xt_family *kernel, enum table_id id)
{
	int err = -EAGAIN;

	*blob = (struct blob){ .kernel = kernel, .id = id };
	blob->sockfd = socket(kernel->domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (blob->sockfd < 0)
		return -errno;
	for (int i = 0; i < READS_MAX && err == -EAGAIN; i++) {
		memory_put(blob->block, blob->block_size);
		blob->block = NULL;
		err = get_entries(blob);
	}
	return err ? err : blob_index(blob);
}

void blob_free(struct blob *blob)
{
	if (blob->kernel && blob->sockfd >= 0)
		close(blob->sockfd);
	memory_put(blob->block, blob->block_size);
	free(blob->chains);
	*blob = (struct blob){ .sockfd = -1 };
}

const char *blob_label(const struct blob *blob, uint32_t offset)
{
	const struct xt_entry_target *target = entry_target(blob->kernel, blob_entry(blob, offset));
	int verdict = ((const struct xt_standard_target *)target)->verdict;

	if (*target->u.user.name)
		return target->u.user.name;
	if (verdict >= 0)
		return (uint32_t)verdict == blob_next(blob, offset) ? "" :
		       head_name(blob, (uint32_t)verdict - blob_head_size(blob->kernel));
	switch (verdict) {
	case -NF_ACCEPT - 1:
		return "ACCEPT";
	case -NF_DROP - 1:
		return "DROP";
	case XT_RETURN:
		return "RETURN";
	default:
		return "QUEUE";
	}
}

long blob_jump(const struct blob *blob, uint32_t offset)
{
	const struct xt_entry_target *target = entry_target(blob->kernel, blob_entry(blob, offset));
	int verdict = ((const struct xt_standard_target *)target)->verdict;

	if (*target->u.user.name || verdict < 0 || (uint32_t)verdict == blob_next(blob, offset))
		return -1;
	return *blob_mark(blob, (uint32_t)verdict - blob_head_size(blob->kernel));
}
