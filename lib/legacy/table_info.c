/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/table_info.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rules/rule.h"
#include "support/error.h"
#include "support/hash.h"

const char *legacy_table_name(unsigned int table)
{
	static const char *const names[LEGACY_NAMES] = {
		[MANGLE] = "mangle", [SECURITY] = "security", [NAT] = "nat",
	};

	return names[table] ? names[table] : table_name((enum table_id)table);
}

/* --- which there are ---------------------------------------------------- */

/* What passes by says nothing; what does not is not ours to read, and the kernel may say so. */
static int explain(int err)
{
	return error_of_system(err) == -ENOMEM ? err : 0;
}

/* Without stdio, which asks for memory, and takes the lack of it for the end of the file. */
int table_names_read(const struct xt_family *family, char names[TABLE_NAMES_SIZE])
{
	char path[64];
	size_t size = 0;
	ssize_t got;
	int fd, err;

	snprintf(path, sizeof(path), "/proc/thread-self/net/%s_names", family->module);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	names[0] = '\0';
	if (fd < 0 && errno != ENOENT)
		return explain(-errno);
	if (fd < 0)	/* no such family; or no /proc, so that nobody says */
		return !access("/proc/thread-self/net", F_OK);
	while ((got = read(fd, names + size, TABLE_NAMES_SIZE - 1 - size)) > 0)
		size += (size_t)got;
	err = got < 0 ? explain(-errno) : 1;
	close(fd);
	names[size] = '\0';
	return err;
}

bool table_is_named(const char *names, const char *name)
{
	size_t size = strlen(name);

	for (; *names; names += strcspn(names, "\n") + 1) {
		if (!strncmp(names, name, size) && names[size] == '\n')
			return true;
		if (!names[strcspn(names, "\n")])
			break;
	}
	return false;
}

int table_exists(const struct xt_family *family, const char *name)
{
	char names[TABLE_NAMES_SIZE];
	int told = table_names_read(family, names);

	return told < 0 ? told : !told || table_is_named(names, name);
}

/* --- how large they are ------------------------------------------------- */

int table_get_info(int sockfd, const struct xt_family *family, const char *name,
		   struct ipt_getinfo *info)
{
	socklen_t size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	strncpy(info->name, name, sizeof(info->name) - 1);
	return getsockopt(sockfd, family->level, IPT_SO_GET_INFO, info, &size) ? -errno : 0;
}

int table_socket(const struct xt_family *family)
{
	return socket(family->domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
}

bool table_family_is_forbidden(const struct xt_family *family)
{
	int sockfd = table_socket(family);

	if (sockfd >= 0)
		close(sockfd);
	else if (errno == EAFNOSUPPORT)		/* IPv6 may be turned off; who has it lists its addresses */
		return family->family == IPV4 || !access("/proc/thread-self/net/if_inet6", F_OK);
	return false;
}

int table_explain_family(const struct xt_family *family, struct error *error)
{
	if (!table_family_is_forbidden(family))
		return error_set(error, -EPROTONOSUPPORT, "the kernel has no %s, or it is turned off: "
				 "turn it on, or leave that family out", family->name);
	return error_set(error, -EPERM, "the legacy tables of %s: this program may not open sockets of %s: "
			 "allow it that address family, as with RestrictAddressFamilies= in a unit of "
			 "systemd", family->name, family->family == IPV4 ? "AF_INET" : "AF_INET6");
}

static struct ipt_getinfo ask_info(const struct xt_family *family, const char *name)
{
	struct ipt_getinfo info = { .size = 0 };
	int sockfd = table_socket(family);

	if (sockfd >= 0 && table_get_info(sockfd, family, name, &info))
		info = (struct ipt_getinfo){ .size = 0 };
	if (sockfd >= 0)
		close(sockfd);
	return info;
}

unsigned int table_entries(const struct xt_family *family, const char *name)
{
	return ask_info(family, name).num_entries;
}

size_t table_bytes(const struct xt_family *family, const char *name)
{
	return table_exists(family, name) > 0 ? ask_info(family, name).size : 0;
}

uint64_t tables_mark(void)
{
	uint64_t sum = 0;

	for (enum family family = IPV4; family < FAMILIES; family++)
		for (unsigned int table = 0; table < LEGACY_NAMES; table++) {
			const char *name = legacy_table_name(table);

			if (table_exists(&xt_families[family], name) > 0) {
				struct ipt_getinfo info = ask_info(&xt_families[family], name);

				sum = hash_bytes(sum + table + 1, &info, sizeof(info));
			}
		}
	return sum;
}
