/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A legacy table of somebody else's namespace: refused by our check, or read by libiptc
 * and by us, and walked through by packets.  The socket calls are ours.  Input: a byte for the family, the numbers of
 * the entries that chains and their policies begin at, and then the entries.
 */
#include "fuzz.h"
#include "kernel_takes.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "legacy/check.h"
#include "legacy/read.h"
#include "legacy/view.h"
#include "walk_through.h"

enum { HOOKS_MAX = 3, HEAD = 1 + 2 * HOOKS_MAX };

static struct ipt_getinfo info;
static const uint8_t *entries;

int socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* For both families: the structs and numbers are the same. */
int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict size)
{
	struct ipt_get_entries *block = value;

	(void)fd;
	promise(level == IPPROTO_IP || level == IPPROTO_IPV6);
	if (option == IPT_SO_GET_INFO && *size == sizeof(info)) {
		memcpy(value, &info, sizeof(info));
		return 0;
	}
	if (option == IPT_SO_GET_ENTRIES && *size == sizeof(*block) + info.size &&
	    block->size == info.size) {
		memcpy(block->entrytable, entries, info.size);
		return 0;
	}
	errno = option == IPT_SO_GET_ENTRIES ? EAGAIN : ENOPROTOOPT;
	return -1;
}

/* A namespace with one table, in either family. */
int open(const char *path, int flags, ...)
{
	static int names = -1;
	va_list more;
	mode_t mode;

	if (names < 0) {
		names = memfd_create("names", MFD_CLOEXEC);
		promise(names >= 0 && write(names, "filter\n", 7) == 7);
	}
	if (strstr(path, "_tables_names")) {
		promise(!lseek(names, 0, SEEK_SET));
		return dup(names);
	}
	va_start(more, flags);
	mode = va_arg(more, mode_t);
	va_end(more);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* Up to the first that the kernel would refuse; returns how many. */
static unsigned int count_entries(const struct xt_family *family, size_t size, uint32_t *starts)
{
	unsigned int count = 0;
	size_t at = 0;

	while (kernel_takes(family, (const char *)entries + at, size - at)) {
		starts[count++] = (uint32_t)at;
		at += entry_next(family, entries + at);
	}
	info.size = (unsigned int)at;
	return count;
}

static void make_info(const uint8_t *head, size_t size, const struct xt_family *family)
{
	static const int hooks[HOOKS_MAX] = { NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT };
	static uint32_t starts[32768 / sizeof(struct xt_entry_target)];

	info = (struct ipt_getinfo){ .name = "filter" };
	info.num_entries = count_entries(family, size, starts);
	for (int i = 0; i < HOOKS_MAX && info.num_entries; i++) {
		info.valid_hooks |= 1u << hooks[i];
		info.hook_entry[hooks[i]] = starts[head[2 * i] % info.num_entries];
		info.underflow[hooks[i]] = starts[head[2 * i + 1] % info.num_entries];
	}
}

static void read_table(const struct xt_family *family)
{
	struct error error = { "" };
	struct ruleset found = { 0 };
	struct table table;
	int err = table_open(&table, family, "filter", true, &error);

	if (!err)
		err = table_read(&table, &found, &error);
	table_close(&table);
	ruleset_free(&found);
	promise(err == 0 || err == -EIO || err == -ENOMEM);
	if (err)
		promise_sentence(error.text);
}

static void view_table(const struct xt_family *family)
{
	struct error error = { "" };
	struct view view = { 0 };
	const struct session session = { .families = 1u << family->family, .foreign_netns = true,
					 .error = &error };
	int err = legacy_view(&session, NULL, &view);

	if (err)
		promise_sentence(error.text);
	else
		walk_all_ways(&view);
	view_free(&view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct xt_family *family;
	uint8_t *copy;

	if (size < HEAD || size - HEAD > 32768)
		return 0;
	family = &xt_families[data[0] & 1];
	entries = copy = fuzz_copy(data + HEAD, size - HEAD);
	make_info(data + 1, size - HEAD, family);
	if (info.num_entries) {
		read_table(family);
		view_table(family);
	}
	free(copy);
	return 0;
}
