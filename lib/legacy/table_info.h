/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel says of its tables without handing them out, and without making any. */
#ifndef LIB_LEGACY_TABLE_INFO_H
#define LIB_LEGACY_TABLE_INFO_H

#include "legacy/xt_family.h"
#include "rules/rule.h"

/* The tables of the backend: those of enum table_id, and where else the host may filter. */
enum {
	MANGLE = TABLES,
	SECURITY,
	LEGACY_TABLES,
	NAT = LEGACY_TABLES,		/* which is looked at, and no more */
	LEGACY_NAMES
};

/* "raw", "filter", "mangle", "security", "nat" */
const char *legacy_table_name(unsigned int table);

/*
 * The names of a family's tables that the namespace has, a line each.
 * Returns: 1; 0: nobody says; or -ENOMEM, -EMFILE or -ENFILE, where they cannot be read just now.
 */
#define TABLE_NAMES_SIZE 1024
int table_names_read(const struct xt_family *family, char names[TABLE_NAMES_SIZE]);
bool table_is_named(const char *names, const char *name);
/*
 * Whether the network namespace has the table already, as far as anybody says; reading one that
 * is not there would make it.
 * Returns: 1, 0, or -errno as table_names_read().
 */
int table_exists(const struct xt_family *family, const char *name);

/* How many entries the kernel's table has; 0 where it does not say. */
unsigned int table_entries(const struct xt_family *family, const char *name);
/* And how large it is; 0 also where there is no such table, which asking would make. */
size_t table_bytes(const struct xt_family *family, const char *name);
/*
 * A number made of how many entries each table has, how large it is and where its chains
 * begin: another one says that somebody changed a table.  The same one does not say that
 * nobody did.  0: there are no tables.
 */
uint64_t tables_mark(void);

/* IPT_SO_GET_INFO, which has one layout for both families: 0, or -errno. */
int table_get_info(int sockfd, const struct xt_family *family, const char *name,
		   struct ipt_getinfo *info);
/* For the options of xtables; -1 and errno. */
int table_socket(const struct xt_family *family);
/*
 * Whether the kernel has the family, though it gives no socket of it: a filter of system calls
 * says so in its place.
 */
bool table_family_is_forbidden(const struct xt_family *family);
/* What it is that no socket of the family can be had: -EPERM or -EPROTONOSUPPORT. */
int table_explain_family(const struct xt_family *family, struct error *error);

#endif
