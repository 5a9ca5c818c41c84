/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One kernel table through libiptc: what is ours in it, read, edited and committed. */
#ifndef LIB_LEGACY_TABLE_H
#define LIB_LEGACY_TABLE_H

#include "legacy/entry.h"
#include "legacy/inherit.h"
#include "legacy/xtc.h"
#include "rules/rule.h"

/* The tables of the backend: those of enum table_id, and where else the host may filter. */
enum {
	MANGLE = TABLES,
	SECURITY,
	LEGACY_TABLES
};

/* "raw", "filter", "mangle", "security" */
const char *legacy_table_name(unsigned int table);

struct table {
	const struct xt_family *family;
	const char *name;		/* "raw", "filter" */
	bool check;			/* whenever it is opened */
	struct xtc_handle *handle;	/* NULL: not open */
	/* something failed while libiptc read, which goes on without what it has no memory for */
	bool doubtful;
	size_t user_chains;		/* as read */
	const struct ruleset *want;	/* what it was edited to, for table_commit() */
};

/* The names of a family's tables that the namespace has, a line each; false: nobody says. */
#define TABLE_NAMES_SIZE 1024
bool table_names_read(const struct xt_family *family, char names[TABLE_NAMES_SIZE]);
bool table_is_named(const char *names, const char *name);
/*
 * Whether the network namespace has the table already; reading one that is not
 * there would make it.
 */
bool table_exists(const struct xt_family *family, const char *name);

/*
 * Hands the table to libiptc.  With @check, table_check() looks at it first.
 * What libiptc allocates is several times as large as the table.
 */
int table_open(struct table *table, const struct xt_family *family, const char *name, bool check,
	       struct error *error);
void table_close(struct table *table);
/* What an error of the kernel or of libiptc means; sets the sentence. */
int table_explain(const struct table *table, int err, struct error *error);

/* Our chains, and who enters them; @found is to be freed also on error. */
int table_read(struct table *table, struct ruleset *found, struct error *error);

/*
 * Edits the open table from @found to @want, still in memory.  Returns the number
 * of rules added and removed, also added to @changes, or -errno; unless that is 0,
 * the table is good for table_commit() or table_close() alone.
 */
int table_edit(struct table *table, const struct ruleset *found, const struct ruleset *want,
	       const struct features *features, struct notrack_changes *changes,
	       struct error *error);

/*
 * Commits the edited table to the kernel, and closes it.  -EAGAIN, without a
 * sentence, if the table was changed since it was read.
 */
int table_commit(struct table *table, struct error *error);

/*
 * Whether iptables could have made the table.  The kernel takes others as well,
 * in which libiptc is lost.  -EIO with a sentence says what is wrong with it.
 */
int table_check(const struct xt_family *family, const char *name, struct error *error);
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

/*
 * Adds the counters that the handle of @from has to the same rules of @to, which
 * somebody may have added rules to or taken rules from since.  0 or -errno.
 */
int counters_add(const struct table *from, const struct table *to);
/* The same for policies, which else lose them; @from may be @to, and nothing is added. */
int counters_keep_policies(const struct table *from, const struct table *to);

#endif
