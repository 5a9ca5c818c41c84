/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the legacy backend share. */
#ifndef LIB_LEGACY_IMAGE_H
#define LIB_LEGACY_IMAGE_H

#include "backend.h"
#include "legacy/table.h"

/* One table as it was read.  A table that is not there is empty, and not open. */
struct legacy_table {
	bool exists;
	struct table table;		/* open until it is committed */
	struct ruleset found;
};

struct legacy_image {
	struct image image;		/* first */
	struct legacy_table tables[FAMILIES][LEGACY_TABLES];
};

static inline struct legacy_image *legacy_image(struct image *image)
{
	return (struct legacy_image *)image;
}

static inline bool session_has(const struct session *session, enum family family)
{
	return session->families & 1u << family;
}

int legacy_raise(struct image *image, unsigned int parts, struct model *model);
int legacy_count(struct image *image, const struct count_visitor *visitor);

int legacy_begin(struct image *image, const struct wanted *wanted, struct change **change);
int legacy_diff(struct change *change, FILE *out, struct notrack_changes *changes);
int legacy_commit(struct change *change, unsigned int phases, struct notrack_changes *changes);
int legacy_rollback(struct change *change);
void legacy_end(struct change *change);

/*
 * Expands TARGET_LIMITS in @compiled to a tree of chains; the rest is shared, for as
 * long as both rulesets and @model live.  @lowered is to be freed also on error.
 */
int legacy_lower(const struct ruleset *compiled, const struct family_model *model,
		 struct ruleset *lowered, struct error *error);

int legacy_buckets(const struct session *session, const char *service,
		   const struct clients *clients, enum family family,
		   int (*visit)(const struct bucket *bucket, void *data), void *data);

int legacy_probe(const struct session *session);
void legacy_check(const struct session *session, const struct check_visitor *visitor);

#endif
