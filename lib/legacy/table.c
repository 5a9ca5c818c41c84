/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "legacy/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xtables.h>

#include "legacy/check.h"
#include "legacy/table_info.h"
#include "rules/name.h"
#include "support/retry.h"

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
	case -EMFILE:
	case -ENFILE:
		errno = -err;
		return error_set(error, -ENOMEM, "table %s (%s): cannot be opened: %m", name, family);
	case -EAFNOSUPPORT:
		return table_explain_family(table->family, error);
	case -EMLINK:
		return error_set(error, -ECANCELED, "table %s (%s): a rule of others leads to a chain "
				 "that has to go, for its name is like those that we give, beginning "
				 "with " CHAIN_PREFIX "; remove that rule, or give its chain another "
				 "name", name, family);
	case -EAGAIN:
		return error_set(error, -EBUSY, "table %s (%s): another program keeps changing it; "
				 "try again", name, family);
	case -ENOENT:
	case -ENOPROTOOPT:
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

/*
 * A jump that leads nowhere gives no handle, and leaves errno as it was.  What libiptc has no
 * memory for it leaves out, and gives a handle all the same: even the last built-in chain's
 * policy, and it aborts when it is asked for that.  Only errno says so (in places -ENOMEM),
 * although malloc() may set it and find memory after all: so try again.
 */
static int init(struct table *table)
{
	const struct xtc *calls = &xtc[table->family->family];

	for (int i = 0; i < TRIES; i++) {
		if (table->handle)
			calls->free(table->handle);
		errno = 0;
		table->handle = calls->init(table->name);
		if (table->handle ? abs(errno) != ENOMEM : errno != EAGAIN)
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
		return err > 0 ? -EIO : table_explain(table, err, error);
	xtc_lock();
	err = init(table);
	if (may_be_module(err)) {
		xtc_unlock();		/* contexts of other namespaces need not wait for modprobe */
		load_modules(table);
		xtc_lock();
		err = init(table);
	}
	xtc_unlock();
	if (err == -EBADMSG && table_check(family, name, error) > 0)
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
