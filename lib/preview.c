/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public calls that say what a commit would change, and what the model means. */
#include <errno.h>
#include <stdlib.h>

#include "context.h"
#include "layout.h"
#include "support/stream.h"
#include "transaction.h"
#include "wanted.h"

/*
 * What is asked of another network namespace is asked by a thread of its own, and the caller's
 * stream is the caller's: it may be locked, or write to where only that one gets.
 */
static int print_in_kernel(struct notrack *nt, int (*work)(struct notrack *nt, void *data),
			   void *data, FILE **out)
{
	FILE *theirs = *out;
	struct stream stream;
	int err;

	if (!theirs || nt->netns_fd < 0)
		return context_in_kernel(nt, work, data);
	if (stream_open(&stream))
		return error_set(&nt->error, -ENOMEM, "out of memory");
	*out = stream.out;
	err = context_in_kernel(nt, work, data);
	*out = theirs;
	if (stream_close(&stream) && !err)
		err = error_set(&nt->error, -ENOMEM, "out of memory");
	if (stream.text && !err)	/* the caller looks at ferror() */
		fwrite(stream.text, 1, stream.size, theirs);
	free(stream.text);
	return err;
}

struct preview {
	FILE *out;
	struct notrack_changes changes;
};

static int diff_in_kernel(struct notrack *nt, void *data)
{
	struct preview *preview = data;
	struct transaction transaction;
	int err = transaction_begin(&transaction, nt, true);

	if (!err)
		err = transaction_diff(&transaction, preview->out, &preview->changes);
	transaction_end(&transaction);
	transaction_tell(nt, &preview->changes);
	return err == GRAFT_OUTDATED ? -EBUSY : err;
}

/* Where it failed before, it does so again: what is in the buffer is kept. */
static int write_out(struct notrack *nt, FILE *out)
{
	errno = 0;
	if (!fflush(out) && !ferror(out))
		return 0;
	return error_set(&nt->error, -EIO, errno ? "the rules cannot be written: %m" :
						  "the rules cannot be written");
}

int notrack_diff(struct notrack *nt, FILE *out, struct notrack_changes *changes)
{
	UNCANCELLED;
	struct preview preview = { .out = out };
	int err = context_begin_changes(nt, changes);

	if (err)
		return err;
	err = print_in_kernel(nt, diff_in_kernel, &preview, &preview.out);
	if (!err && out)
		err = write_out(nt, out);
	layout_give(&layout_changes, changes, &preview.changes);
	return err ? err : (int)(preview.changes.added + preview.changes.removed);
}

/* What is printed of the whole model. */
struct printing {
	struct wanted wanted;
	FILE *out;
};

static int print_wanted(struct notrack *nt, void *data)
{
	struct printing *printing = data;
	const struct session session = context_session(nt);

	return backends[context_chosen(nt)]->print(&session, &printing->wanted, printing->out);
}

static int print_beside(struct notrack *nt, void *data)
{
	struct printing *printing = data;
	struct image *image;
	int err = 0;

	for (size_t i = 0; i < BACKENDS && !err; i++) {
		err = context_image(nt, i, PART_RULES, &image);
		if (!err)
			err = backends[i]->print_beside(image, i == context_chosen(nt) ?
							&printing->wanted : NULL, printing->out);
	}
	return err;
}

static int print_all(struct notrack *nt, FILE *out, int (*print)(struct notrack *nt, void *data),
		     bool asks_kernel)
{
	struct printing printing = { .out = out };
	int err = context_complete(nt);

	if (err)
		return err;
	err = wanted_compile(&printing.wanted, nt, NULL, nt->local_only);
	if (!err)
		err = asks_kernel ? print_in_kernel(nt, print, &printing, &printing.out) :
				    print(nt, &printing);
	wanted_free(&printing.wanted);
	if (!err && ferror(out))
		err = error_set(&nt->error, -EIO, "the rules cannot be written");
	return err;
}

int notrack_print_rules(struct notrack *nt, FILE *out)
{
	UNCANCELLED;
	int err = context_begin(nt, ARGUMENT(out));

	return err ? err : print_all(nt, out, print_wanted, false);
}

int notrack_print_host_rules(struct notrack *nt, FILE *out)
{
	UNCANCELLED;
	int err = context_begin(nt, ARGUMENT(out));

	return err ? err : print_all(nt, out, print_beside, true);
}
