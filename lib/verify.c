/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether each flow of the model is untracked and accepted, in the tables as they stand. */
#include "explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>


/* --- in the kernel ----------------------------------------------------- */

/* @all has the host, and its rules with ours among them. */
static int judge(struct notrack *nt, struct verification *all)
{
	int err = 0;

	memset(all->jumps, 0, sizeof(all->jumps));
	verify_find_jumps(all);
	for (enum family family = IPV4; family < FAMILIES && !err; family++)
		if (context_has(nt, family))
			err = verify_flows(all, family);
	all->is_done = !err;
	if (err == -ENOMEM && !*nt->error.text)
		error_set(&nt->error, err, "out of memory");
	return err;
}

static int verify_in_kernel(struct notrack *nt, void *data)
{
	struct verification *all = data;
	int err = host_look(&all->host, &nt->error);

	if (!err)
		err = context_view(nt, nt->families, NULL, &all->view);
	host_tell(&all->host, &all->view);
	if (!err)
		err = view_reach(&all->view);
	if (err == -ENOMEM && !*nt->error.text)
		error_set(&nt->error, err, "out of memory");
	return err ? err : judge(nt, all);
}

/* What the plan of a diff was made of is what is to be judged: to read it takes longest. */
static int look_on(struct notrack *nt, void *data, const struct view *view, const struct host *host)
{
	struct verification *all = data;
	int err;

	all->view = *view;
	all->host = *host;
	err = judge(nt, all);
	all->view = (struct view){ 0 };
	all->host = (struct host){ 0 };
	return err;
}

/* --- telling ---------------------------------------------------------- */

int verify_compare_rows(const struct flow_row *one, const struct flow_row *other)
{
	int order = strcmp(one->service->name, other->service->name);

	if (!order)
		order = (int)one->family - (int)other->family;
	if (!order)
		order = (int)one->protocol - (int)other->protocol;
	if (!order)
		order = (int)one->role - (int)other->role;
	if (!order)
		order = (int)one->loopback - (int)other->loopback;
	return order ? order : (int)other->request - (int)one->request;
}

static int compare_rows(const void *a, const void *b)
{
	return verify_compare_rows(a, b);
}

struct notrack_flow verify_flow_of(const struct flow_row *row)
{
	return (struct notrack_flow){
		.size = sizeof(struct notrack_flow),
		.service = row->service->name,
		.family = 1u << row->family,
		.protocol = protocol_names[row->protocol],
		.role = role_names[row->role == OUTBOUND],
		.packet = row->request ? "request" : "reply",
		.hook = row->input ? "input" : "output",
		.untracked = row->untracked,
		.verdict = row->verdict,
		.by = row->by,
		.interface = row->loopback ? "lo" : NULL,
	};
}

static int report_row(const struct flow_row *row,
		      int (*visit)(const struct notrack_flow *flow, void *data), void *data)
{
	const struct notrack_flow flow = verify_flow_of(row);

	return visit(&flow, data);
}

static int report_finding(const struct finding *finding,
			int (*visit)(const struct notrack_finding *finding, void *data),
			void *data)
{
	return visit(&(struct notrack_finding){ .size = sizeof(struct notrack_finding),
						.code = finding->code,
						.severity = finding->severity,
						.text = finding->text }, data);
}

static bool is_there(struct notrack *nt, const char *service)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		if (context_has(nt, family) && model_find(&nt->model.families[family], service))
			return true;
	return false;
}

static void forget_flows(struct verification *all)
{
	free(all->rows);
	all->rows = NULL;
	all->row_count = 0;
	findings_free(&all->findings);
}

/*
 * What the diff found by a comparison with the host as it is without us, and did not refuse: where
 * it would, a flow of ours fails.
 */
static int keep_compared(const struct notrack *nt, struct verification *all)
{
	int err = 0;

	for (size_t i = 0; i < nt->findings.count && !err; i++) {
		const struct finding *finding = &nt->findings.list[i];

		if (*finding->compared && finding->severity == NOTRACK_WARNING &&
		    (!all->name || !strcmp(finding->compared, all->name)))
			err = findings_add(&all->findings, finding->code, finding->severity, "%s",
					   finding->text);
	}
	return err;
}

int verify_collect(struct notrack *nt, struct verification *all)
{
	struct onlooker onlooker = { .look = look_on, .data = all };
	int err;

	all->model = &nt->model;
	if (all->name && !is_there(nt, all->name))
		return error_set(&nt->error, -ENOENT, "service %.80s: there is none of that name",
				 all->name);
	/* what a diff reads, the walk needs as well; an explanation refers to it afterwards */
	nt->keeps_tape = true;
	nt->onlooker = all->explain ? NULL : &onlooker;
	all->drift = notrack_diff(nt, NULL, NULL);
	nt->onlooker = NULL;
	nt->keeps_tape = false;
	/* there was nothing to plan; or the flows were judged as those of rules that are as meant */
	if (all->drift > 0 || (!all->drift && !all->is_done)) {
		forget_flows(all);
		err = context_in_kernel(nt, verify_in_kernel, all);
		return err ? err : keep_compared(nt, all);
	}
	tape_free(&nt->tape);
	return all->drift ? all->drift : keep_compared(nt, all);
}

void verify_release(struct verification *all)
{
	view_free(&all->view);
	host_release(&all->host);
	forget_flows(all);
}

static bool some_flow_fails(const struct verification *all)
{
	for (size_t i = 0; i < all->row_count; i++)
		if (all->rows[i].untracked != NOTRACK_YES || all->rows[i].verdict != NOTRACK_ACCEPT)
			return true;
	return false;
}

static int find_drift(struct verification *all)
{
	if (!all->drift)
		return 0;
	return findings_add(&all->findings, "drift",
			    some_flow_fails(all) ? NOTRACK_FAILED : NOTRACK_WARNING,
			    "%d rules of ours are not what the model "
			    "says: somebody edited them, or rules of the host that they go by; the next "
			    "change puts them right",
			    all->drift);
}

/* What fails here, and not in a visitor, leaves a sentence. */
static int explain_failure(struct notrack *nt, int err)
{
	if (!err || *nt->error.text)
		return err;
	errno = -err;
	return err == -ENOMEM ? error_set(&nt->error, err, "out of memory") :
	       error_set(&nt->error, err, "the tables cannot be verified: %m");
}

int notrack_verify(struct notrack *nt, const char *service,
		   int (*flow)(const struct notrack_flow *flow, void *data),
		   int (*finding)(const struct notrack_finding *finding, void *data),
		   void *data)
{
	UNCANCELLED;
	struct verification all = { .name = service };
	int result = context_begin(nt);

	if (result)
		return result;
	result = verify_collect(nt, &all);
	if (!result)
		result = find_drift(&all);
	result = explain_failure(nt, result);
	if (!result && all.row_count)
		qsort(all.rows, all.row_count, sizeof(*all.rows), compare_rows);
	for (size_t i = 0; flow && i < all.row_count && !result; i++)
		result = report_row(&all.rows[i], flow, data);
	for (size_t i = 0; finding && i < all.findings.count && !result; i++)
		result = report_finding(&all.findings.list[i], finding, data);
	if (!result)
		result = (int)findings_count_failures(&all.findings);
	verify_release(&all);
	return result;
}
