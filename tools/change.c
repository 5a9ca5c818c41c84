/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every command does ahead of and behind its own work. */
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flush.h"
#include "notrackctl.h"

int complain(int code, const char *format, ...)
{
	char text[1500];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *byte = text; *byte; byte++)	/* bad input may have what terminals obey */
		if ((unsigned char)*byte < ' ' || *byte == 0x7f)
			*byte = '?';
	fprintf(stderr, "notrackctl: %s\n", text);
	return code;
}

int complain_notrack(const struct notrack *nt, int err)
{
	const char *sentence = notrack_error(nt);
	int code;

	switch (err) {
	case -EINVAL:
	case -ENOENT:
		code = EXIT_BAD_INPUT;
		break;
	case -EPROTONOSUPPORT:
		code = EXIT_LACKS;
		break;
	case -EBUSY:
	case -ENOMEM:
		code = EXIT_BUSY;
		break;
	default:
		code = EXIT_FAILED;
	}
	return complain(code, "%s", *sentence ? sentence : strerror(-err));
}

static int enter_netns(struct notrack *nt, const char *name)
{
	char path[4096];

	if (strchr(name, '/'))
		return notrack_set_netns(nt, name);
	snprintf(path, sizeof(path), "/run/netns/%s", name);	/* where ip-netns(8) keeps them */
	return notrack_set_netns(nt, path);
}

struct notrack *open_context(const struct options *options, int *code)
{
	struct notrack *nt = notrack_new();
	int err = 0;

	if (!nt) {
		*code = complain(EXIT_BUSY, "out of memory");
		return NULL;
	}
	if (options->families)
		err = notrack_set_families(nt, options->families);
	if (!err && options->netns)
		err = enter_netns(nt, options->netns);
	if (options->waits)
		notrack_set_wait(nt, options->wait_ms);
	if (!err)
		return nt;
	*code = complain_notrack(nt, err);
	notrack_free(nt);
	return NULL;
}

bool watch_again(const struct options *options)
{
	const struct timespec pause = { .tv_sec = options->watch_ms / 1000,
					.tv_nsec = (long)(options->watch_ms % 1000) * 1000000 };

	if (!options->watch_ms || fflush(stdout) || ferror(stdout))
		return false;
	nanosleep(&pause, NULL);
	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	return true;
}

int tell_changes(const struct options *options, struct notrack *nt,
		 const struct notrack_changes *changes)
{
	struct notrack_flushed flushed = { .size = sizeof(flushed) };
	bool flush = options->flush_tracked && !options->dry_run;
	int err = flush ? notrack_flush_tracked(nt, &flushed) : 0;
	json_t *told;

	if (err) {
		int code = complain_notrack(nt, err);

		return complain(code, "the rules are in force; entries from before may be left, see "
				"notrackctl flush-tracked");
	}
	if (!options->json) {
		if (flush)
			tell_flushed(&flushed);
		return EXIT_DONE;
	}
	told = json_pack("{s:b, s:i, s:i}", "changed", changes->added || changes->removed,
			 "added", (int)changes->added, "removed", (int)changes->removed);
	if (flush)
		json_object_set_new(told, "flushed", json_integer((json_int_t)flushed.removed));
	json_dumpf(told, stdout, 0);
	putchar('\n');
	json_decref(told);
	return EXIT_DONE;
}

int change_model(const struct options *options,
		 int (*change)(struct notrack *nt, const struct options *options))
{
	struct notrack_changes changes = { .size = sizeof(changes) };
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);

	if (!nt)
		return code;
	err = notrack_lock(nt);
	if (!err)
		err = notrack_load(nt);
	if (err >= 0)
		err = change(nt, options);
	if (err >= 0)
		err = notrack_commit(nt, &changes);
	code = err < 0 ? complain_notrack(nt, err) : tell_changes(options, nt, &changes);
	notrack_free(nt);
	return code;
}
