/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verify: what becomes of each flow in the tables as they stand. */
#include <errno.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "json.h"
#include "report.h"

static const char *const columns[] = {
	"SERVICE", "FAMILY", "PROTOCOL", "ROLE", "PACKET", "HOOK", "INTERFACE", "UNTRACKED",
	"VERDICT", "BY",
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))
#define CHOICES_MOST 32

struct verify {
	json_t *flows, *findings;
	size_t chosen[CHOICES_MOST];
	size_t choices;
};

static struct report_options report;

static const struct option_row rows[] = {
	REPORT_ROWS(report),
	{ .name = NULL },
};

/* --- what the library tells ------------------------------------------- */

static int add_flow(const struct notrack_flow *flow, void *data)
{
	static const char *const answers[] = {
		[NOTRACK_NO] = "no", [NOTRACK_YES] = "yes", [NOTRACK_UNSURE] = "unsure",
	};
	static const char *const verdicts[] = {
		[NOTRACK_ACCEPT] = "accept", [NOTRACK_DROP] = "drop",
		[NOTRACK_ACCEPT_OR_DROP] = "unsure",
	};
	struct verify *verify = data;
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}",
				"service", flow->service,
				"family", flow->family == NOTRACK_IPV6 ? "ipv6" : "ipv4",
				"protocol", flow->protocol, "role", flow->role,
				"packet", flow->packet, "hook", flow->hook,
				"untracked", answers[flow->untracked],
				"verdict", verdicts[flow->verdict], "by", flow->by);

	if (flow->interface)
		json_object_set_new(row, "interface", json_string(flow->interface));
	return json_array_append_new(verify->flows, row) ? -ENOMEM : 0;
}

static int add_finding(const struct notrack_finding *finding, void *data)
{
	struct verify *verify = data;
	json_t *row = json_pack("{s:s, s:s, s:s}", "code", finding->code, "severity",
				finding->severity == NOTRACK_FAILED ? "error" : "warning",
				"text", finding->text);

	return json_array_append_new(verify->findings, row) ? -ENOMEM : 0;
}

/* --- printing --------------------------------------------------------- */

static int choose_column(struct verify *verify, const char *word)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		if (strcasecmp(columns[i], word))
			continue;
		if (verify->choices == CHOICES_MOST)
			return complain(EXIT_BAD_INPUT, "%s: too many columns", word);
		verify->chosen[verify->choices++] = i;
		return 0;
	}
	return complain(EXIT_BAD_INPUT, "%s: no such column; see notrackctl verify --help", word);
}

static int choose_columns(struct verify *verify, const char *list)
{
	char *copy = list ? strdup(list) : NULL, *rest = copy, *word;
	int code = 0;

	if (list && !copy)
		return out_of_memory();
	for (size_t i = 0; i < COLUMNS && !list; i++)
		verify->chosen[verify->choices++] = i;
	while (!code && (word = strsep(&rest, ",")))
		code = choose_column(verify, word);
	free(copy);
	return code;
}

/* The keys of JSON are the columns, in small letters. */
static const char *cell(json_t *flow, size_t column)
{
	const char *key;
	json_t *value;

	json_object_foreach(flow, key, value)
		if (!strcasecmp(key, columns[column]))
			return json_string_value(value);
	return "";
}

static int fill(struct libscols_table *table, const struct verify *verify)
{
	struct libscols_line *line;
	json_t *flow;
	size_t i;

	for (size_t j = 0; j < verify->choices; j++)
		if (!scols_table_new_column(table, columns[verify->chosen[j]], 0, 0))
			return -ENOMEM;
	json_array_foreach(verify->flows, i, flow) {
		line = scols_table_new_line(table, NULL);
		for (size_t j = 0; j < verify->choices; j++)
			if (!line || scols_line_set_data(line, j, cell(flow, verify->chosen[j])))
				return -ENOMEM;
	}
	return 0;
}

static int print_table(const struct verify *verify)
{
	struct libscols_table *table = scols_new_table();
	int err = table ? fill(table, verify) : -ENOMEM;

	if (!err) {
		scols_table_enable_noheadings(table, report.no_headings);
		scols_table_enable_raw(table, report.raw);
		scols_print_table(table);
	}
	scols_unref_table(table);
	return err ? out_of_memory() : 0;
}

/* A script that reads raw columns does not want sentences among them. */
static void print_findings(const struct verify *verify)
{
	FILE *out = report.raw ? stderr : stdout;
	json_t *finding;
	size_t i;

	if (json_array_size(verify->flows) && json_array_size(verify->findings) && !report.raw)
		putchar('\n');
	json_array_foreach(verify->findings, i, finding)
		fprintf(out, "%-7s  %-12s  %s\n",
			json_string_value(json_object_get(finding, "severity")),
			json_string_value(json_object_get(finding, "code")),
			json_string_value(json_object_get(finding, "text")));
}

static int print(const struct verify *verify, const struct options *options, bool ok)
{
	json_t *root;
	int code = 0;

	if (options->json) {
		root = json_pack("{s:b, s:O, s:O}", "ok", ok, "flows", verify->flows, "findings",
				 verify->findings);
		return json_print(root, JSON_LINES);
	}
	if (json_array_size(verify->flows))
		code = print_table(verify);
	else if (ok && !report.raw)
		puts("There is nothing to verify: no services.");
	print_findings(verify);
	return code;
}

/* --- the command ------------------------------------------------------ */

#define VERIFY_WAIT_MS 1000

/* The number of errors found, or -errno. */
static int ask(struct notrack *nt, const struct options *options, struct verify *verify)
{
	int result;

	/* what a commit under way has done in part would look like a fault */
	if (!options->wait.given)
		notrack_set_wait(nt, VERIFY_WAIT_MS);
	notrack_lock(nt);
	result = notrack_load(nt);
	if (result >= 0)
		result = notrack_verify(nt, options->word_count ? options->words[0] : NULL,
					add_flow, add_finding, verify);
	return result;
}

static int run_verify(const struct options *options)
{
	struct verify verify = { .flows = json_array(), .findings = json_array() };
	int code = choose_columns(&verify, report.columns), result;
	struct notrack *nt = code ? NULL : open_context(options, &code);

	if (nt) {
		result = ask(nt, options, &verify);
		code = result < 0 ? complain_notrack(nt, result) : print(&verify, options, !result);
		if (!code && result)
			code = EXIT_FAILED;
	}
	json_decref(verify.flows);
	json_decref(verify.findings);
	notrack_free(nt);
	return code;
}

const struct command command_verify = {
	.name = "verify",
	.arguments = "[SERVICE]",
	.summary = "tell what becomes of packets",
	.help = "Walk each flow of each service, or of one, through the tables as they stand, rules\n"
		"of others included, and tell whether it is untracked and accepted.\n"
		"Exit code 1: one of them is tracked, dropped, or nobody knows.\n"
		"Columns: SERVICE FAMILY PROTOCOL ROLE PACKET HOOK INTERFACE UNTRACKED VERDICT BY.\n"
		"With --raw, findings go to standard error.\n",
	.rows = rows,
	.words_max = 1,
	.run = run_verify,
};
