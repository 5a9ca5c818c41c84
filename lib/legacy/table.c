/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/table.h"

#include <errno.h>
#include <fcntl.h>
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

/* Without stdio, which asks for memory, and takes the lack of it for the end of the file. */
bool table_names_read(const struct xt_family *family, char names[TABLE_NAMES_SIZE])
{
	char path[64];
	size_t size = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/thread-self/net/%s_names", family->module);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	names[0] = '\0';
	if (fd < 0)	/* not ours to read, or no /proc: let the kernel say so */
		return errno == ENOENT && !access("/proc/thread-self/net", F_OK);
	while ((got = read(fd, names + size, TABLE_NAMES_SIZE - 1 - size)) > 0)
		size += (size_t)got;
	close(fd);
	names[size] = '\0';
	return !got;
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

bool table_exists(const struct xt_family *family, const char *name)
{
	char names[TABLE_NAMES_SIZE];

	return !table_names_read(family, names) || table_is_named(names, name);
}

int table_explain(const struct table *table, int err, struct error *error)
{
	const char *name = table->name, *family = table->family->name;

	switch (err) {
	case -EPERM:
	case -EACCES:
		return error_set(error, -EPERM, "table %s (%s): not permitted; run as root, or with "
				 "CAP_NET_ADMIN and CAP_NET_RAW in this network namespace", name,
				 family);
	case -ENOMEM:
	case -ENOBUFS:
		return error_set(error, -ENOMEM, "table %s (%s): no memory for it, here or in the "
				 "kernel, which takes no table of more than 512 MiB", name, family);
	case -EMLINK:
		return error_set(error, -EBUSY, "table %s (%s): a rule of others leads to a chain of "
				 "ours that has to go; remove that rule", name, family);
	case -EAGAIN:
		return error_set(error, -EBUSY, "table %s (%s): another program keeps changing it; "
				 "try again", name, family);
	case -ENOENT:
	case -ENOPROTOOPT:
	case -EAFNOSUPPORT:
	case -EPROTONOSUPPORT:
		return table->handle ?
		       error_set(error, -EPROTONOSUPPORT, "table %s (%s): the kernel lacks a match "
				 "or target of our rules, or a module of it cannot be loaded", name,
				 family) :
		       error_set(error, -EPROTONOSUPPORT, "table %s (%s): the kernel has none; load "
				 "module %s_%s, or build it with CONFIG_NETFILTER_XTABLES_LEGACY and "
				 "the option of that table", name, family,
				 table->family->table_module, name);
	default:
		errno = -err;
		return error_set(error, -EIO, "table %s (%s): the kernel refused it: %m; its log may "
				 "say more", name, family);
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
		return errno ? xtc_errno() : -EBADMSG;
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

	*table = (struct table){ .family = family, .name = name, .check = check };
	err = check ? table_check(family, name, error) : 0;
	if (err && !may_be_module(err))
		return err == -EIO ? err : table_explain(table, err, error);
	xtc_lock();
	err = init(table);
	if (may_be_module(err)) {
		load_modules(table);
		err = init(table);
	}
	xtc_unlock();
	if (err == -EBADMSG && table_check(family, name, error) == -EIO)
		return -EIO;
	return err ? table_explain(table, err, error) : 0;
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

static int is_as_wanted(const struct table *table, struct table *now, struct error *error)
{
	struct notrack_changes changes = { 0 };
	struct ruleset found = { 0 };
	int result = table_open(now, table->family, table->name, table->check, error);

	if (!result)
		result = table_read(now, &found, error);
	if (!result)
		grafted_take_jumps(&found, table->name);
	if (!result)
		result = ruleset_edit(&found, table->want, NULL, NULL, &changes);
	if (!result && table->want->grafted)
		changes.added += !grafted_has(found.grafted, table->want->grafted, table->family);
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
			return err == -EAGAIN ? err : table_explain(table, err, error);
		}
		xtc_lock();
		if (result > 0)
			result = counters_add(table, &now);
		if (!result && !calls->commit(now.handle))
			result = xtc_errno();
		xtc_unlock();
		table_close(&now);
	}
	return result ? error_set(error, -ENOTRECOVERABLE, "table %s (%s): was replaced, but the "
				  "counters of its rules could not be put back and are lost; another "
				  "program changed the table, or there is no memory",
				  table->name, table->family->name) : 0;
}

int table_commit(struct table *table, struct error *error)
{
	int err;

	*error = (struct error){ 0 };
	xtc_lock();
	err = counters_keep_policies(table, table);
	if (!err && !xtc[table->family->family].commit(table->handle))
		err = xtc_errno();
	xtc_unlock();
	if (err)
		err = settle(table, err, error);
	table_close(table);
	return err;
}
