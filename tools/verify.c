/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verify: what becomes of each flow in the tables as they stand. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "context.h"
#include "report.h"

/* --- options and columns ---------------------------------------------- */

static struct report_options report;
static bool explain;

static const struct option_row rows[] = {
	{ "explain", 0, NULL, take_flag, &explain,
	  "print the whole way of each flow, rule by rule" },
	REPORT_ROWS(report),
	{ .name = NULL },
};

struct flow_row {
	const char *service, *family, *protocol, *role, *packet, *hook, *interface;
	const char *untracked, *verdict, *by;
};

struct finding_row {
	const char *severity, *code, *text;
};

#define WORD(name, row, member, help) \
	{ name, COLUMN_WORD, offsetof(struct row, member), #member, help, USE_ALWAYS, NULL }

static const struct column flow_columns[] = {
	WORD("SERVICE", flow_row, service, "name of the service"),
	WORD("FAMILY", flow_row, family, "ipv4 or ipv6"),
	WORD("PROTOCOL", flow_row, protocol, "udp, tcp, sctp or udplite"),
	WORD("ROLE", flow_row, role, "inbound or outbound"),
	WORD("PACKET", flow_row, packet, "request or reply"),
	WORD("HOOK", flow_row, hook, "input or output: where the packet passes"),
	WORD("INTERFACE", flow_row, interface, "lo: where the host asks itself"),
	WORD("UNTRACKED", flow_row, untracked, "yes, no, or unsure"),
	WORD("VERDICT", flow_row, verdict, "accept, drop, or unsure"),
	WORD("BY", flow_row, by, "what decided on the verdict"),
	{ .name = NULL },
};

static const struct column finding_columns[] = {
	WORD("CODE", finding_row, code, ""),
	WORD("SEVERITY", finding_row, severity, ""),
	WORD("TEXT", finding_row, text, ""),
	{ .name = NULL },
};

static void print_columns(void)
{
	report_help("Columns", flow_columns);
}

/* --- what the library tells ------------------------------------------- */

struct verify {
	struct report flows, findings;
	json_t *steps;			/* of --explain */
};

/* A value that a later library has is none that we could be sure of. */
static const char *answer_word(enum notrack_answer answer)
{
	return answer == NOTRACK_NO ? "no" : answer == NOTRACK_YES ? "yes" : "unsure";
}

static const char *verdict_word(enum notrack_verdict verdict)
{
	return verdict == NOTRACK_ACCEPT ? "accept" : verdict == NOTRACK_DROP ? "drop" : "unsure";
}

static int add_flow(const struct notrack_flow *flow, void *data)
{
	struct verify *verify = data;

	return report_add(&verify->flows, &(struct flow_row){
		.service = flow->service, .family = flow->family == NOTRACK_IPV6 ? "ipv6" : "ipv4",
		.protocol = flow->protocol, .role = flow->role, .packet = flow->packet,
		.hook = flow->hook, .interface = flow->interface,
		.untracked = answer_word(flow->untracked), .verdict = verdict_word(flow->verdict),
		.by = flow->by });
}

static int add_finding(const struct notrack_finding *finding, void *data)
{
	struct verify *verify = data;

	return report_add(&verify->findings, &(struct finding_row){
		.severity = finding->severity == NOTRACK_FAILED ? "error" : "warning",
		.code = finding->code, .text = finding->text });
}

static int add_step(const struct notrack_step *step, void *data)
{
	const struct notrack_flow *flow = step->flow;
	struct verify *verify = data;
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:b}",
		"service", flow->service, "family", flow->family == NOTRACK_IPV6 ? "ipv6" : "ipv4",
		"protocol", flow->protocol, "role", flow->role, "packet", flow->packet,
		"hook", flow->hook, "way", step->way == NOTRACK_WAY_TRACKED ? "tracked" : "untracked",
		"place", json_text(step->place), "rule", json_text(step->rule),
		"outcome", step->outcome, "parts", step->parts);

	if (object && flow->interface &&
	    json_object_set_new(object, "interface", json_string(flow->interface))) {
		json_decref(object);
		return -ENOMEM;
	}
	return json_array_append_new(verify->steps, object) ? -ENOMEM : 0;
}

/* --- printing --------------------------------------------------------- */

static const char *word(json_t *step, const char *key)
{
	const char *value = json_string_value(json_object_get(step, key));

	return value ? value : "";
}

/* Each flow and way has its heading. */
static const char *print_heading(json_t *step, const char *before)
{
	static char flow[200];
	char heading[200];

	snprintf(heading, sizeof(heading), "%s %s %s %s %s %s%s%s", word(step, "service"),
		 word(step, "family"), word(step, "protocol"), word(step, "role"),
		 word(step, "packet"), word(step, "hook"), *word(step, "interface") ? " over " : "",
		 word(step, "interface"));
	if (strcmp(flow, heading))
		printf("\n%s\n", heading);
	if (strcmp(flow, heading) || strcmp(before, word(step, "way")))
		printf("  %s:\n", word(step, "way"));
	strcpy(flow, heading);
	return word(step, "way");
}

/* "*" marks where the ways part. */
static void print_steps(const struct verify *verify)
{
	const char *way = "";
	json_t *step;
	size_t i;

	json_array_foreach(verify->steps, i, step) {
		way = print_heading(step, way);
		printf("  %c %-8s %s%s", json_is_true(json_object_get(step, "parts")) ? '*' : ' ',
		       word(step, "outcome"), word(step, "place"), *word(step, "rule") ? ": " : "");
		print_escaped(stdout, word(step, "rule"));
		putchar('\n');
	}
}

/* A script that reads raw columns does not want sentences among them. */
static void print_findings(const struct verify *verify)
{
	FILE *out = report.raw ? stderr : stdout;

	if (verify->flows.count && verify->findings.count && !report.raw)
		putchar('\n');
	for (size_t i = 0; i < verify->findings.count; i++) {
		const struct finding_row *row = report_row(&verify->findings, i);

		fprintf(out, "%-7s  %-12s  ", row->severity, row->code);
		print_escaped(out, row->text);
		putc('\n', out);
	}
}

static int print(const struct options *options, const struct verify *verify, bool ok)
{
	const struct report *flows = &verify->flows;
	int code = 0;

	if (options->json)
		return json_print(json_pack("{s:b, s:o, s:o, s:O*}", "ok", ok, "flows",
					    report_json(flows), "findings",
					    report_json(&verify->findings), "steps", verify->steps),
				  JSON_LINES);
	if (flows->count)
		code = reports_print(&flows, 1, &report);
	else if (ok && !report.raw)
		puts("There is nothing to verify: no services.");
	print_findings(verify);
	print_steps(verify);
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
	if (result >= 0 && explain) {
		int err = notrack_explain(nt, options->word_count ? options->words[0] : NULL, add_step,
					  verify);

		result = err < 0 ? err : result;
	}
	return result;
}

static int run_verify(const struct options *options)
{
	struct verify verify = { .flows = { .columns = flow_columns, .row_size = sizeof(struct flow_row) },
				 .findings = { .columns = finding_columns,
					       .row_size = sizeof(struct finding_row) } };
	const struct report *flows = &verify.flows;
	int code = reports_check(&flows, 1, &report), result;
	struct notrack *nt = code ? NULL : open_context(options, &code);

	if (!nt)
		return code;
	if (explain)
		verify.steps = json_array();
	result = ask(nt, options, &verify);
	code = result < 0 ? complain_notrack(nt, result) : print(options, &verify, !result);
	if (!code && result)
		code = EXIT_FAILED;
	report_clear(&verify.flows);
	report_clear(&verify.findings);
	json_decref(verify.steps);
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
		"With --raw, findings go to standard error.\n",
	.print_more_help = print_columns,
	.rows = rows,
	.words_max = 1,
	.run = run_verify,
};
