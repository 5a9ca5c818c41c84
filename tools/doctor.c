/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* doctor: what this host has, as a checklist with what to do. */
#include <errno.h>
#include <stdio.h>

#include "context.h"
#include "json.h"

struct findings {
	json_t *checks;			/* NULL: print as they come */
	int code;
};

/* A value that a later library has is one to look at. */
static const char *status_word(enum notrack_status status)
{
	return status == NOTRACK_OK ? "ok" : status == NOTRACK_FAILED ? "failed" : "warning";
}

static int find(const struct notrack_check *check, void *data)
{
	struct findings *findings = data;
	const char *word = status_word(check->status);

	if (check->status == NOTRACK_FAILED && findings->code != EXIT_FAILED)
		findings->code = check->err == -EPROTONOSUPPORT ? EXIT_LACKS : EXIT_FAILED;
	if (findings->checks)
		return json_array_append_new(findings->checks, json_pack("{s:s, s:s, s:o}",
			"check", check->name, "status", word, "text", json_text(check->text))) ?
		       -ENOMEM : 0;
	printf("%-7s  %-28s  ", word, check->name);
	print_escaped(stdout, check->text);
	putchar('\n');
	return 0;
}

static int run_doctor(const struct options *options)
{
	struct findings findings = { .checks = options->json ? json_array() : NULL };
	int code = EXIT_DONE, err;
	struct notrack *nt = open_context(options, &code);

	if (!nt) {
		json_decref(findings.checks);
		return code;
	}
	err = notrack_doctor(nt, find, &findings);
	if (err)
		findings.code = complain_notrack(nt, err);
	notrack_free(nt);
	if (options->json)
		code = json_print(json_pack("{s:b, s:o}", "ok", !findings.code, "checks",
					    findings.checks), JSON_LINES);
	return code ? code : findings.code;
}

const struct command command_doctor = {
	.name = "doctor",
	.arguments = "",
	.summary = "tell what this host has, and what is in the way",
	.help = "Tell what this host has of what the commands need, and who else filters packets.\n"
		"Exit code 3: the kernel lacks something; 1: something else is in the way.\n",
	.run = run_doctor,
};
