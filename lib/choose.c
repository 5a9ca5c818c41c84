/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which backend a commit uses.  What a command is called (iptables is nft's on some
 * hosts, and legacy's on others) proves nothing: what the kernel holds does.
 */
#include <errno.h>
#include <string.h>

#include "context.h"

const struct backend *const backends[BACKENDS] = { &legacy_backend, &nft_backend };

static const char automatic[] = "auto";

static size_t find_backend(const char *name)
{
	size_t found = 0;

	while (found < BACKENDS && strcmp(backends[found]->name, name))
		found++;
	return found;
}

static int choose(struct notrack *nt, size_t backend, const char *why)
{
	*nt->error.text = '\0';		/* what another one lacks is no failure */
	nt->choice.backend = backend;
	nt->choice.why = why;
	return 0;
}

int notrack_set_backend(struct notrack *nt, const char *name)
{
	int err = context_begin(nt);
	size_t found;

	if (err)
		return err;
	if (!name || !strcmp(name, automatic)) {
		nt->choice.fixed = false;
		return 0;
	}
	found = find_backend(name);
	if (found == BACKENDS)
		return error_set(&nt->error, -EINVAL, "backend %.40s: must be auto, legacy or nft", name);
	nt->choice.fixed = true;
	return choose(nt, found, "asked for");
}

/*
 * The one that untracks already, so that nothing moves that nobody asked to move; where
 * nothing is untracked any more, the one that still has something of ours.
 */
static int find_used(struct notrack *nt, size_t *used)
{
	bool untracks = false;
	int err = 0;

	*used = BACKENDS;
	for (size_t i = 0; i < BACKENDS && !err; i++) {
		struct image *image;

		err = context_image(nt, i, PART_RULES, &image);
		if (err || !backends[i]->is_used(image) || (untracks && !backends[i]->untracks(image)))
			continue;
		untracks = backends[i]->untracks(image);
		*used = i;
	}
	return err;
}

/* The one through which somebody else filters: that is the host's firewall. */
static int find_filtering(struct notrack *nt, size_t *filtering)
{
	struct session session = context_session(nt);
	int result = 0;

	*filtering = BACKENDS;
	for (size_t i = BACKENDS; i-- > 1 && *filtering == BACKENDS && result >= 0;) {
		result = backends[i]->filters(&session);
		if (result > 0)
			*filtering = i;
	}
	return result < 0 ? result : 0;
}

/* The first that the kernel has; of none, the sentences of all. */
static int find_possible(struct notrack *nt, size_t *possible)
{
	struct session session = context_session(nt);
	struct error first = { "" }, second;
	int err = 0;

	for (size_t i = 0; i < BACKENDS; i++) {
		err = backends[i]->probe(&session);
		*possible = i;
		if (err != -EPROTONOSUPPORT)
			return err;
		if (!i)
			first = nt->error;
	}
	second = nt->error;
	return error_set(&nt->error, err, "%.500s; and %.500s", first.text, second.text);
}

int context_choose(struct notrack *nt)
{
	size_t found;
	int err;

	if (nt->choice.fixed)
		return 0;
	err = find_used(nt, &found);
	if (!err && found < BACKENDS)
		return choose(nt, found, "holds rules of ours already");
	if (!err)
		err = find_filtering(nt, &found);
	if (!err && found < BACKENDS)
		return choose(nt, found, "others filter there");
	/* where somebody has just removed all there was, what comes next will be of the same kind */
	if (!err && nt->choice.used)
		return choose(nt, nt->choice.last, "was used before all rules were removed");
	if (!err)
		err = find_possible(nt, &found);
	return err ? err : choose(nt, found, found ? "no legacy tables can be had" :
				  "nobody filters through nftables");
}

static int choose_in_kernel(struct notrack *nt, void *data)
{
	(void)data;
	return context_choose(nt);
}

int notrack_backend(struct notrack *nt, const char **name, const char **why)
{
	UNCANCELLED;
	int err = context_begin(nt);

	if (!err)
		err = context_in_kernel(nt, choose_in_kernel, NULL);
	if (err)
		return err;
	if (name)
		*name = backends[nt->choice.backend]->name;
	if (why)
		*why = nt->choice.why;
	return 0;
}
