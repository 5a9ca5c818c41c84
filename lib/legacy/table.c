/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/table.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <xtables.h>

#include "legacy/grafted.h"
#include "rules/diff.h"

/* How often somebody without the lock may be faster. */
#define TRIES 10

const char *legacy_table_name(unsigned int table)
{
	return table == MANGLE ? "mangle" : table == SECURITY ? "security" :
	       table_name((enum table_id)table);
}

/* --- opening ---------------------------------------------------------- */

bool table_exists(const struct xt_family *family, const char *name)
{
	char path[64], line[XT_TABLE_MAXNAMELEN + 2];
	bool found = false;
	FILE *names;

	snprintf(path, sizeof(path), "/proc/thread-self/net/%s_names", family->module);
	names = fopen(path, "re");
	if (!names)	/* not ours to read, or no /proc: let the kernel say so */
		return errno != ENOENT || access("/proc/thread-self/net", F_OK);
	while (!found && fgets(line, sizeof(line), names)) {
		line[strcspn(line, "\n")] = '\0';
		found = !strcmp(line, name);
	}
	fclose(names);
	return found;
}

/* Debian and its kin: a link to the nft-based commands. */
static bool host_uses_nft(void)
{
	char path[4096];
	ssize_t size = readlink("/etc/alternatives/iptables", path, sizeof(path) - 1);

	if (size <= 0)
		size = readlink("/usr/sbin/iptables", path, sizeof(path) - 1);
	if (size <= 0)
		return false;
	path[size] = '\0';
	return strstr(path, "nft") != NULL;
}

static int not_permitted(const struct xt_family *family, const char *name, struct error *error)
{
	return error_set(error, -EPERM, "table %s (%s): not permitted; run as root, or with "
			 "CAP_NET_ADMIN and CAP_NET_RAW in this network namespace", name,
			 family->name);
}

static int explain_open(int err, const struct xt_family *family, const char *name,
			struct error *error)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		return not_permitted(family, name, error);
	case -ENOMEM:
	case -ENOBUFS:
		return error_set(error, -ENOMEM, "table %s (%s): no memory to read it", name,
				 family->name);
	case -EAGAIN:
		return error_set(error, -EBUSY, "table %s (%s): another program keeps changing it; "
				 "try again", name, family->name);
	case -ENOENT:
	case -ENOPROTOOPT:
	case -EAFNOSUPPORT:
	case -EPROTONOSUPPORT:
		return error_set(error, -EPROTONOSUPPORT, "table %s (%s): the kernel has none; load "
				 "module %s_%s, or build it with CONFIG_IP%s_NF_%s and "
				 "CONFIG_NETFILTER_XTABLES_LEGACY%s%s", name, family->name,
				 family->table_module, name, family->family == IPV6 ? "6" : "",
				 strcmp(name, "raw") ? "FILTER" : "RAW",
				 family->family == IPV6 ? "; where IPv6 is off, use -4" : "",
				 host_uses_nft() ? "; iptables on this host is the nft-based one" : "");
	default:
		errno = -err;
		return error_set(error, -EIO, "table %s (%s): cannot be read: %m", name,
				 family->name);
	}
}

/* A jump that leads nowhere gives no handle, and leaves errno as it was. */
static int init(struct table *table)
{
	for (int i = 0; i < TRIES && !table->handle; i++) {
		errno = 0;
		table->handle = xtc[table->family->family].init(table->name);
		if (errno != EAGAIN)
			break;
	}
	if (!table->handle)
		return errno ? -errno : -EBADMSG;
	table->doubtful = errno && errno != EAGAIN;
	return 0;
}

static bool may_be_module(int err)
{
	return err == -ENOENT || err == -ENOPROTOOPT || err == -EPROTONOSUPPORT;
}

static void load_modules(const struct table *table)
{
	char module[64];

	snprintf(module, sizeof(module), "%s_%s", table->family->table_module, table->name);
	xtables_insmod(table->family->module, NULL, true);
	xtables_insmod(module, NULL, true);
}

int table_open(struct table *table, const struct xt_family *family, const char *name, bool check,
	       struct error *error)
{
	int err;

	*table = (struct table){ .family = family, .name = name };
	err = check ? table_check(family, name, error) : 0;
	if (err && !may_be_module(err))
		return err == -EIO ? err : explain_open(err, family, name, error);
	xtc_lock();
	err = init(table);
	if (may_be_module(err)) {
		load_modules(table);
		err = init(table);
	}
	xtc_unlock();
	if (err == -EBADMSG && table_check(family, name, error) == -EIO)
		return -EIO;
	return err ? explain_open(err, family, name, error) : 0;
}

void table_close(struct table *table)
{
	if (!table->handle)
		return;
	xtc_lock();
	xtc[table->family->family].free(table->handle);
	xtc_unlock();
	table->handle = NULL;
}

/* --- committing ------------------------------------------------------- */

static int explain_commit(const struct table *table, int err, struct error *error)
{
	const char *name = table->name, *family = table->family->name;

	switch (err) {
	case -EAGAIN:
		return err;
	case -EPERM:
	case -EACCES:
		return not_permitted(table->family, name, error);
	case -ENOMEM:
	case -ENOBUFS:
		return error_set(error, -ENOMEM, "table %s (%s): no memory for it, here or in the "
				 "kernel, which takes no table of more than 512 MiB", name, family);
	case -ENOENT:
		return error_set(error, -EPROTONOSUPPORT, "table %s (%s): the kernel lacks a match or "
				 "target of our rules, or a module of it cannot be loaded", name,
				 family);
	default:
		errno = -err;
		return error_set(error, -EIO, "table %s (%s): the kernel refused it: %m; its log may "
				 "say more", name, family);
	}
}

static int is_as_wanted(const struct table *table, struct table *now, struct error *error)
{
	struct notrack_changes changes = { 0 };
	struct ruleset found = { 0 };
	int result = table_open(now, table->family, table->name, false, error);

	if (!result)
		result = table_read(now, &found, error);
	if (!result && table->want->grafted)
		grafted_take_jumps(&found, table->name);
	if (!result)
		result = ruleset_edit(&found, table->want, NULL, NULL, &changes);
	if (!result && table->want->grafted)
		result = grafted_compare(found.grafted, table->want->grafted, table->family, NULL,
					 NULL, &changes);
	ruleset_free(&found);
	return result ? result : !changes.added && !changes.removed;
}

/*
 * libiptc replaces the table, and then adds the counters of what stayed.  It gives
 * the same answer whichever of the two failed, so look what the table is now.
 * Where it is the new one, its counters began at 0: add to them what is missing.
 */
static int settle(struct table *table, int err, struct error *error)
{
	const struct xtc *calls = &xtc[table->family->family];
	struct error ignored;
	struct table now;
	int result = -EAGAIN;

	for (int i = 0; i < TRIES && result == -EAGAIN; i++) {
		result = is_as_wanted(table, &now, &ignored);
		if (!result) {
			table_close(&now);
			return explain_commit(table, err, error);
		}
		xtc_lock();
		if (result > 0)
			result = counters_add(table, &now);
		if (!result && !calls->commit(now.handle))
			result = -errno;
		xtc_unlock();
		table_close(&now);
	}
	return result ? error_set(error, -ENOTRECOVERABLE, "table %s (%s): was replaced, but the "
				  "counters of its rules could not be put back and are lost; another "
				  "program changed the table, or there is no memory",
				  table->name, table->family->name) : 0;
}

/* libiptc keeps no policy's counters, unless they are set. */
static int keep_policies(struct table *table)
{
	const struct xtc *calls = &xtc[table->family->family];
	struct xt_counters counters;

	for (const char *chain = calls->first_chain(table->handle); chain;
	     chain = calls->next_chain(table->handle)) {
		const char *policy = calls->policy(chain, &counters, table->handle);

		if (!policy)	/* the built-in chains come first */
			break;
		if (!calls->set_policy(chain, policy, &counters, table->handle))
			return -errno;
	}
	return 0;
}

int table_commit(struct table *table, struct error *error)
{
	int err;

	*error = (struct error){ 0 };
	xtc_lock();
	err = keep_policies(table);
	if (!err && !xtc[table->family->family].commit(table->handle))
		err = -errno;
	xtc_unlock();
	if (err)
		err = settle(table, err, error);
	table_close(table);
	return err;
}
