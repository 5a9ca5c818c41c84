/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* verify: what becomes of each flow in the tables as they stand. */
#include <stddef.h>
#include <stdio.h>

#include "context.h"
#include "report.h"

/* --- options and columns ---------------------------------------------- */

static struct report_options report;

static const struct option_row rows[] = {
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

/* --- printing --------------------------------------------------------- */

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
		return json_print(json_pack("{s:b, s:o, s:o}", "ok", ok, "flows", report_json(flows),
					    "findings", report_json(&verify->findings)), JSON_LINES);
	if (flows->count)
		code = reports_print(&flows, 1, &report);
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
	struct verify verify = { .flows = { .columns = flow_columns, .row_size = sizeof(struct flow_row) },
				 .findings = { .columns = finding_columns,
					       .row_size = sizeof(struct finding_row) } };
	const struct report *flows = &verify.flows;
	int code = reports_check(&flows, 1, &report), result;
	struct notrack *nt = code ? NULL : open_context(options, &code);

	if (!nt)
		return code;
	result = ask(nt, options, &verify);
	code = result < 0 ? complain_notrack(nt, result) : print(options, &verify, !result);
	if (!code && result)
		code = EXIT_FAILED;
	report_clear(&verify.flows);
	report_clear(&verify.findings);
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
